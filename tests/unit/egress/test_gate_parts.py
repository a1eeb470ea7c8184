"""The parts of the gate: quiet hours over changes of the clocks, zones of numbers, the catalogue, paid days."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number
from phonenumbers.tzdata import TIMEZONE_DATA

from egress.lines.gate import numbers, quiet
from egress.lines.gate.catalogue import Shape
from egress.lines.gate.paid import Calendar, Ledger, Paid
from egress.lines.gate.quiet import DAY_MS, Hours
from schemas.session import Template, TemplateButton
from schemas.tenant import ButtonSpec, Quiet, TemplateSpec

MINUTE_MS = 60_000
SPRING = "2026-09-06"  # in Santiago midnight does not exist: clocks go from 00:00 to 01:00
AUTUMN = "2026-04-05"  # 23:00 of the day before comes twice


def utc(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def opens(when: Hours, now: str, *zones: str) -> str:
    found = quiet.window(when, zones).opens_at(utc(now))
    return "never" if found is None else datetime.fromtimestamp(found / 1000, UTC).isoformat()[:16]


# -- quiet hours

NIGHT = Hours(21 * 60, 9 * 60)


@pytest.mark.parametrize(
    ("when", "now", "zones", "expected"),
    [
        (NIGHT, "2026-11-26T23:59", ("America/Santiago",), "2026-11-26T23:59"),
        (NIGHT, "2026-11-27T00:00", ("America/Santiago",), "2026-11-27T12:00"),
        (NIGHT, "2026-11-27T11:59", ("America/Santiago",), "2026-11-27T12:00"),
        (NIGHT, "2026-11-27T12:00", ("America/Santiago",), "2026-11-27T12:00"),
        (NIGHT, f"{SPRING}T03:00", ("America/Santiago",), f"{SPRING}T12:00"),
        (NIGHT, "2026-04-05T02:00", ("America/Santiago",), "2026-04-05T13:00"),
        (Hours(22 * 60, 30), f"{SPRING}T03:00", ("America/Santiago",), f"{SPRING}T04:00"),
        (Hours(22 * 60, 30), "2026-09-05T03:00", ("America/Santiago",), "2026-09-05T04:30"),
        (Hours(23 * 60, 23 * 60 + 30), f"{AUTUMN}T02:00", ("America/Santiago",), f"{AUTUMN}T02:30"),
        (Hours(23 * 60, 23 * 60 + 30), f"{AUTUMN}T03:10", ("America/Santiago",), f"{AUTUMN}T03:30"),
        (NIGHT, "2026-11-27T12:30", ("America/Sao_Paulo", "America/Rio_Branco"), "2026-11-27T14:00"),
        (NIGHT, "2026-11-27T12:30", (), "2026-11-27T12:30"),
        (Hours(9 * 60, 21 * 60), "2026-11-27T00:00", ("Asia/Tokyo", "America/Anchorage"), "2026-11-27T12:00"),
        (Hours(9 * 60, 22 * 60), "2026-11-27T00:00", ("UTC", "Etc/GMT-12"), "never"),
    ],
)
def test_it_opens_when_it_is_quiet_nowhere(when: Hours, now: str, zones: tuple[str, ...], expected: str) -> None:
    assert opens(when, now, *zones) == expected


ZONES = ["America/Santiago", "Europe/Madrid", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]
TIMES = st.integers(0, 24 * 60 - 1)


@given(
    st.builds(Hours, TIMES, TIMES).filter(lambda when: when.start != when.end),
    st.sets(st.sampled_from(ZONES), min_size=1, max_size=3),
    st.sampled_from(["2026-09-05", "2026-04-04", "2026-03-28", "2026-10-31", "2026-07-01"]),
    st.integers(0, 2 * 24 * 60),
)
def test_it_is_the_first_minute_that_a_clock_on_each_wall_would_say(
    when: Hours, zones: set[str], day: str, minutes: int
) -> None:
    now_ms = utc(day) + minutes * MINUTE_MS

    def is_quiet(at_ms: int) -> bool:
        walls = [datetime.fromtimestamp(at_ms / 1000, ZoneInfo(zone)) for zone in zones]
        return any(when.hold(wall.hour * 60 + wall.minute) for wall in walls)

    minute_by_minute = range(now_ms, now_ms + 2 * DAY_MS, MINUTE_MS)
    expected = next((at_ms for at_ms in minute_by_minute if not is_quiet(at_ms)), None)
    found = quiet.window(when, tuple(sorted(zones))).opens_at(now_ms)
    assert expected is None or found == expected


@pytest.mark.parametrize("text", ["9:00am", "24:00", "12:60", "12", "12:5", "", "１2:00"])
def test_what_is_no_time_of_the_day_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="HH:MM"):
        quiet.hours(Quiet(start="21:00", end=text))


# -- numbers


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("56911111111", ("America/Santiago",)),
        ("5491122334455", ("America/Buenos_Aires",)),
        ("5511987654321", ("America/Sao_Paulo",)),
        ("5568987654321", ("America/Rio_Branco",)),
        ("12125551234", ("America/New_York",)),
        ("34600111222", ("Atlantic/Canary", "Europe/Madrid")),
        ("99912345678", ()),
        ("", ()),
    ],
)
def test_a_number_is_in_the_zones_of_its_area_or_else_of_its_country(number: str, expected: tuple[str, ...]) -> None:
    assert numbers.zones(number) == expected


def test_the_zones_of_mobile_numbers_are_those_that_the_library_finds_by_parsing_them() -> None:
    regions = sorted(phonenumbers.SUPPORTED_REGIONS)
    examples = (phonenumbers.example_number_for_type(one, phonenumbers.PhoneNumberType.MOBILE) for one in regions)
    for example in filter(None, examples):
        text = phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)[1:]
        by_area = example.country_code in (1, 52, 54, 55, 62, 86)
        found = (time_zones_for_geographical_number if by_area else time_zones_for_number)(example)
        expected = () if found == (numbers.UNKNOWN_ZONE,) else found
        assert set(expected) <= set(numbers.zones(text)), text
        assert numbers.plausible(text), text


def test_every_zone_of_the_library_is_one_that_this_machine_knows() -> None:
    for zone in {name for names in TIMEZONE_DATA.values() for name in names} - {numbers.UNKNOWN_ZONE}:
        quiet.zone(zone)


@given(st.from_regex(r"[1-9][0-9]{6,14}", fullmatch=True))
def test_any_digits_have_a_verdict(number: str) -> None:
    assert numbers.plausible(number) in (True, False)
    for zone in numbers.zones(number):
        quiet.zone(zone)


# -- templates

URL = "https://shop.example/a.png"
SPEC = TemplateSpec(
    name="t",
    language="es",
    body=2,
    buttons=[
        ButtonSpec(index=0),
        ButtonSpec(index=1, type="quick_reply", parameter=False),
        ButtonSpec(index=2, type="copy_code"),
    ],
    header="image",
)
GOOD = {
    "body": ["a", "b"],
    "header": [URL],
    "header_kind": "image",
    "buttons": [TemplateButton(0, "x"), TemplateButton(2, "SAVE20", "copy_code")],
}


def wrong(spec: TemplateSpec = SPEC, **fields: object) -> str:
    refusal = Shape(spec).wrong(Template(name="t", language="es", **(GOOD | fields)))  # type: ignore[arg-type]
    return refusal.code if refusal is not None else ""


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, ""),
        ({"buttons": GOOD["buttons"][::-1]}, ""),  # type: ignore[index]
        ({"body": ["a"]}, "template_parameters"),
        ({"body": ["a", "b", "c"]}, "template_parameters"),
        ({"buttons": []}, "template_parameters"),
        ({"buttons": [TemplateButton(0, "x"), TemplateButton(0, "x")]}, "template_parameters"),
        ({"buttons": [TemplateButton(0, "x"), TemplateButton(1, "x", "quick_reply")]}, "template_parameters"),
        ({"buttons": [TemplateButton(0, "x"), TemplateButton(2, "x", "url")]}, "template_parameters"),
        ({"header": []}, "template_parameters"),
        ({"header": [URL, URL]}, "template_parameters"),
        ({"header_kind": "video"}, "template_parameters"),
        ({"header": ["shop.example/a.png"]}, "template_parameters"),
        ({"body": ["a", ""]}, "template_text"),
        ({"body": ["a", "b\nc"]}, "template_text"),
        ({"body": ["a", "b\tc"]}, "template_text"),
        ({"body": ["a", "b    c"]}, ""),
        ({"body": ["a", "b     c"]}, "template_text"),
        ({"buttons": [TemplateButton(0, ""), TemplateButton(2, "S", "copy_code")]}, "template_text"),
        ({"body": ["a" * 1000, "b" * 24]}, ""),
        ({"body": ["a" * 1000, "b" * 25]}, "template_length"),
        ({"header": [URL + "x" * 2000]}, "template_length"),
        ({"buttons": [TemplateButton(0, "x" * 2001), TemplateButton(2, "S", "copy_code")]}, "template_length"),
        ({"buttons": [TemplateButton(0, "x"), TemplateButton(2, "S" * 21, "copy_code")]}, "template_length"),
    ],
)
def test_parameters_fit_what_was_approved(fields: dict[str, object], expected: str) -> None:
    assert wrong(**fields) == expected


@pytest.mark.parametrize(
    ("spec", "fields", "expected"),
    [
        ({"header": "none"}, {"header": []}, ""),
        ({"header": "none"}, {"header": ["x"]}, "template_parameters"),
        ({"header": "text"}, {"header": ["x"], "header_kind": "text"}, ""),
        ({"header": "text"}, {"header": ["x" * 60], "header_kind": "text"}, ""),
        ({"header": "text"}, {"header": ["x" * 61], "header_kind": "text"}, "template_length"),
        ({"header": "text"}, {"header": ["x\n"], "header_kind": "text"}, "template_text"),
        ({"header": "location"}, {"header": ["-33.4", "-70.6", "Plaza"], "header_kind": "location"}, ""),
        ({"header": "location"}, {"header": ["-33.4"], "header_kind": "location"}, "template_parameters"),
        ({"header": "location"}, {"header": ["-133.4", "-70.6"], "header_kind": "location"}, "template_parameters"),
        ({"header": "location"}, {"header": ["south", "-70.6"], "header_kind": "location"}, "template_parameters"),
        ({"body_chars": 1022}, {}, ""),
        ({"body_chars": 1023}, {}, "template_length"),
    ],
)
def test_headers_of_all_forms(spec: dict[str, object], fields: dict[str, object], expected: str) -> None:
    own = TemplateSpec(name="t", language="es", body=2, buttons=SPEC.buttons, **({"header": "image"} | spec))  # type: ignore[arg-type]
    assert wrong(own, **fields) == expected


@pytest.mark.parametrize("status", ["pending", "rejected", "paused", "disabled", "in_appeal"])
def test_only_what_whatsapp_approved_goes(status: str) -> None:
    refusal = Shape(TemplateSpec(name="t", language="es", status=status)).unusable  # type: ignore[arg-type]
    assert refusal is not None
    assert refusal.code == "template_status"
    assert status.replace("_", " ") in refusal.reason


def test_buttons_without_a_parameter_take_none() -> None:
    assert [button.index for button in SPEC.taking] == [0, 2]


# -- paid days


def test_a_day_is_the_tenants_own_also_where_midnight_does_not_exist() -> None:
    calendar = Calendar(ZoneInfo("America/Santiago"))
    assert calendar.day(utc(f"{SPRING}T03:59")) == "2026-09-05"
    assert calendar.ends_at(utc(f"{SPRING}T03:59")) == utc(f"{SPRING}T04:00")
    assert calendar.day(utc(f"{SPRING}T04:00")) == SPRING
    assert calendar.ends_at(utc(f"{SPRING}T04:00")) == utc("2026-09-07T03:00")


def test_a_line_counts_its_day_and_says_that_its_record_is_behind() -> None:
    paid = Paid("2026-11-26", 7)
    paid.add(3, "2026-11-26")
    assert (paid.count, paid.changed) == (10, True)
    paid.add(2, "2026-11-27")
    assert (paid.day, paid.count) == ("2026-11-27", 2)
    paid.add(1, "2026-11-26")  # the clock went back: that day is over
    assert (paid.day, paid.count) == ("2026-11-27", 3)


OWNERS = {"x": "a", "y": "a", "z": "b"}
HEARD = st.lists(st.tuples(st.sampled_from("xyz"), st.sampled_from("12"), st.integers(0, 50)), max_size=30)


def test_the_cap_holds_where_another_owners_day_has_begun_and_where_a_day_comes_again() -> None:
    ledger = Ledger()
    ledger.heard("1", "acme", "2026-11-26", 70)
    ledger.heard("2", "acme", "2026-11-27", 5)
    assert (ledger.total("acme", "2026-11-26"), ledger.total("acme", "2026-11-27")) == (70, 5)
    ledger.heard("1", "acme", "2026-11-26", 80)
    assert ledger.total("acme", "2026-11-26") == 80, "who is behind counts on"
    ledger.heard("2", "acme", "2026-11-27", 90)
    assert ledger.total("acme", "2026-11-26") == 90, "as when the tenant moved to a zone where it is a day earlier"


@given(HEARD)
def test_the_sum_is_of_the_latest_word_of_each_line_on_the_last_day(said: list[tuple[str, str, int]]) -> None:
    ledger, latest = Ledger(), dict.fromkeys(OWNERS, ("", 0))
    for did, day, count in said:
        ledger.heard(did, OWNERS[did], day, count)
        latest[did] = max(latest[did], (day, count))
    for tenant in "ab":
        mine = [word for did, word in latest.items() if OWNERS[did] == tenant]
        last = max(day for day, _ in mine)
        assert ledger.total(tenant, last) == sum(count for day, count in mine if day == last)
        assert ledger.total(tenant, "3") == 0
    assert [(ledger.of(did).day, ledger.of(did).count) for did in OWNERS] == list(latest.values())
