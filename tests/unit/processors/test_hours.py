"""Office hours: the clock on the wall decides, over midnight, on closed days and when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.routing.hours import Schedule, faults
from schemas.tenant import Hours

SANTIAGO, NEW_YORK = "America/Santiago", "America/New_York"


def hours(zone: str = SANTIAGO, closed: list[str] | None = None, **week: list[str]) -> Hours:
    return Hours(zone=zone, week={days.replace("_", "-"): spans for days, spans in week.items()}, closed=closed or [])


def ms(wall: str, zone: str = SANTIAGO, fold: int = 0) -> int:
    """Milliseconds of a time on the wall."""
    local = datetime.fromisoformat(wall).replace(tzinfo=ZoneInfo(zone), fold=fold)
    return int(local.timestamp() * 1000)


OFFICE = hours(mon_fri=["09:00-13:00", "14:00-18:00"], sat=["10:00-14:00"], closed=["2026-12-25", "01-01"])
NIGHT = hours(fri=["22:00-06:00"], sat=["22:00 - 24:00"], closed=["2026-12-25", "2026-12-05"])


@pytest.mark.parametrize(
    ("schedule", "wall", "open_"),
    [
        (OFFICE, "2026-11-26T09:00", True),
        (OFFICE, "2026-11-26T08:59:59", False),
        (OFFICE, "2026-11-26T12:59:59", True),
        (OFFICE, "2026-11-26T13:00", False),
        (OFFICE, "2026-11-26T14:00", True),
        (OFFICE, "2026-11-28T13:59", True),
        (OFFICE, "2026-11-28T15:00", False),
        (OFFICE, "2026-11-29T11:00", False),
        (OFFICE, "2026-12-25T11:00", False),
        (OFFICE, "2027-01-01T11:00", False),
        (OFFICE, "2026-01-01T11:00", False),
        (NIGHT, "2026-11-27T21:59", False),
        (NIGHT, "2026-11-27T22:00", True),
        (NIGHT, "2026-11-28T05:59", True),
        (NIGHT, "2026-11-28T06:00", False),
        (NIGHT, "2026-11-28T23:59", True),
        (NIGHT, "2026-11-29T00:00", False),
        (NIGHT, "2026-12-25T23:00", False),  # a closed Friday takes its night along
        (NIGHT, "2026-12-26T03:00", False),
        (NIGHT, "2026-12-05T03:00", True),  # a closed Saturday leaves what began on Friday
        (NIGHT, "2026-12-05T23:00", False),
    ],
)
def test_a_span_belongs_to_the_day_on_which_it_begins(schedule: Hours, wall: str, open_: bool) -> None:
    assert Schedule.of(schedule).open_at(ms(wall)) is open_


def test_the_clock_on_the_wall_decides_when_the_clocks_change() -> None:
    early = Schedule.of(hours(NEW_YORK, sun=["01:30-02:30"]))
    assert early.open_at(ms("2026-11-01T01:45", NEW_YORK, fold=0))
    assert early.open_at(ms("2026-11-01T01:45", NEW_YORK, fold=1)), "the hour that comes twice is open twice"
    gap = ms("2026-03-08T01:59:59", NEW_YORK) + 1000
    assert not early.open_at(gap), "02:00 to 03:00 is skipped: it is 03:00 at once"
    nine = Schedule.of(hours(mon_sun=["09:00-10:00"]))
    summer, winter = ms("2026-12-01T09:00"), ms("2026-06-01T09:00")
    assert (summer % 86_400_000, winter % 86_400_000) == (12 * 3_600_000, 13 * 3_600_000)
    assert nine.open_at(summer)
    assert nine.open_at(winter)


@settings(deadline=None)  # a busy machine is no fault
@given(
    st.datetimes(datetime(1971, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)),
    st.integers(0, 1439), st.integers(0, 1439), st.sampled_from([SANTIAGO, NEW_YORK, "Asia/Kathmandu", "UTC"]),
)  # fmt: skip
def test_every_day_is_open_exactly_while_the_wall_shows_a_time_inside(
    at: datetime, start: int, end: int, zone: str
) -> None:
    if start == end:
        return
    span = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}"
    wall = at.astimezone(ZoneInfo(zone))
    minute = wall.hour * 60 + wall.minute
    inside = start <= minute < end if start < end else minute >= start or minute < end
    schedule = Schedule.of(hours(zone, mon_sun=[span]))
    at_ms = int(at.timestamp() * 1000)
    assert schedule.open_at(at_ms) is inside
    closed = Schedule.of(hours(zone, [wall.date().isoformat(), (wall - timedelta(days=1)).date().isoformat()],
                               mon_sun=[span]))  # fmt: skip
    assert not closed.open_at(at_ms)


@pytest.mark.parametrize("at_ms", [0, -1, 10**18, -(10**18)])
def test_a_time_that_no_calendar_has_is_judged_all_the_same(at_ms: int) -> None:
    always = Schedule.of(hours(mon_sun=["00:00-24:00"]))
    assert always.open_at(at_ms)
    assert always.told(at_ms).startswith("open at ")


@pytest.mark.parametrize("days", ["fri-mon", "fri,sat,sun,mon", "Fri - Sun, MON", "sun-mon,fri-sat"])
def test_days_are_named_alone_in_ranges_or_in_lists(days: str) -> None:
    schedule = Schedule.of(Hours(zone="UTC", week={days: ["00:00-24:00"]}))
    found = [schedule.open_at(ms(f"2026-11-{day}T12:00", "UTC")) for day in range(23, 30)]
    assert found == [True, False, False, False, True, True, True]


@pytest.mark.parametrize(
    ("wrong", "path", "says"),
    [
        (hours("America/Santigo", mon=["09:00-18:00"]), "zone", "did you mean 'America/Santiago'?"),
        (hours("../etc/passwd", mon=["09:00-18:00"]), "zone", "no time zone"),
        (hours("America", mon=["09:00-18:00"]), "zone", "no time zone"),
        (hours("", mon=["09:00-18:00"]), "zone", "write one as America/Santiago"),
        (hours(), "week", "no day has a span"),
        (hours(mon=[]), "week", "no day has a span"),
        (hours(lun=["09:00-18:00"]), "week.lun", "days are mon, tue"),
        (hours(mon_vie=["09:00-18:00"]), "week.mon-vie", "days are mon, tue"),
        (hours(mon=["9-18"]), "week.mon[0]", "'9-18' is no span"),
        (hours(mon=["09:00-18:00", "09:00-09:00"]), "week.mon[1]", "is no span"),
        (hours(mon=["09:00-24:30"]), "week.mon[0]", "is no span"),
        (hours(mon=["25:00-26:00"]), "week.mon[0]", "is no span"),
        (hours(mon=["09:00-18:00"], closed=["2026-02-29"]), "closed[0]", "'2026-02-29' is no date"),
        (hours(mon=["09:00-18:00"], closed=["02-29", "25/12"]), "closed[1]", "MM-DD for every year"),
        (hours(mon=["09:00-18:00"], closed=["20261225"]), "closed[0]", "is no date"),
    ],
)
def test_each_fault_is_named_with_its_place(wrong: Hours, path: str, says: str) -> None:
    [fault] = faults(wrong)
    assert fault.path == path
    assert says in fault.what
    with pytest.raises(ValueError, match="^" + path.replace("[", r"\[")):
        Schedule.of(wrong)
