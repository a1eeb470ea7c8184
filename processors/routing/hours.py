"""Office hours: whether a business was open at a time, by the clock on its wall.

A span belongs to the day on which it begins, also the part of it after midnight; so a closed day takes its own spans
away whole, and leaves the end of the evening before. Daylight saving needs no rule of its own: the clock on the wall
decides. Promises: pure; a time that no calendar has counts as the nearest that one has.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from typing import NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from schemas.tenant import Hours

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY_MIN = 24 * 60
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)", re.ASCII)
_EVERY_YEAR = re.compile(r"\d\d-\d\d", re.ASCII)
_LEAP = 2024  # 29 February is a date of some year
_LAST_MS = int(datetime(9999, 12, 30, tzinfo=UTC).timestamp()) * 1000
_FIRST_MS = 86_400_000

Span = tuple[int, int]


class Fault(NamedTuple):
    """What is wrong with hours: where in them, and what to write instead."""

    path: str
    what: str


class Schedule:
    """Hours, ready to be asked. `spans` are minutes of the seven days, an end past midnight is above 24 hours."""

    def __init__(self, zone: ZoneInfo, spans: tuple[tuple[Span, ...], ...], closed: frozenset[str]) -> None:
        self._zone = zone
        self._spans = spans
        self._closed = closed

    @classmethod
    def of(cls, hours: Hours) -> Schedule:
        """Raises ValueError that names the first fault."""
        for path, what in faults(hours):
            raise ValueError(f"{path}: {what}")
        days: list[list[Span]] = [[] for _ in DAYS]
        for names, written in hours.week.items():
            for day in _days(names):
                days[day] += [_span(one) for one in written]
        return cls(ZoneInfo(hours.zone), tuple(map(tuple, days)), frozenset(hours.closed))

    def open_at(self, at_ms: int) -> bool:
        """Whether a span holds this time; its first minute is inside, its last is not."""
        local = self._local(at_ms)
        minute, today = local.hour * 60 + local.minute, local.date()
        return self._within(today, minute) or self._within(today - timedelta(days=1), minute + _DAY_MIN)

    def told(self, at_ms: int) -> str:
        """The time as the clock on the wall shows it, such as `open at Thu 2026-11-26 15:04 America/Santiago`."""
        state = "open" if self.open_at(at_ms) else "closed"
        return f"{state} at {self._local(at_ms):%a %Y-%m-%d %H:%M} {self._zone.key}"

    def _local(self, at_ms: int) -> datetime:
        return datetime.fromtimestamp(min(max(at_ms, _FIRST_MS), _LAST_MS) / 1000, self._zone)

    def _within(self, day: date, minute: int) -> bool:
        """Whether a span that begins on this day holds the minute, counted from its midnight."""
        spans = self._spans[day.weekday()]
        if not any(start <= minute < end for start, end in spans):
            return False
        text = day.isoformat()
        return text not in self._closed and text[5:] not in self._closed


def faults(hours: Hours) -> Iterator[Fault]:
    """Everything that is wrong."""
    if fault := _zone_fault(hours.zone):
        yield Fault("zone", fault)
    if not any(hours.week.values()):
        yield Fault("week", 'no day has a span, so it would always be closed; write mon-fri: ["09:00-18:00"]')
    for names, written in hours.week.items():
        if not _days(names):
            yield Fault(f"week.{names}", f"days are {', '.join(DAYS)}, ranges of them (mon-fri) or several (sat,sun)")
        for index, one in enumerate(written):
            if _span(one) == (0, 0):
                yield Fault(f"week.{names}[{index}]", f'{one!r} is no span; write "09:00-18:00", past midnight also')
    for index, day in enumerate(hours.closed):
        if not _is_date(day):
            yield Fault(f"closed[{index}]", f"{day!r} is no date; write YYYY-MM-DD, or MM-DD for every year")


def _zone_fault(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        near = get_close_matches(name, available_timezones(), n=1)
        return f"no time zone {name!r}; " + (f"did you mean {near[0]!r}?" if near else "write one as America/Santiago")
    return ""


def _days(names: str) -> list[int]:
    """The days that a key of a week names, Monday 0; empty when it names none or something else too."""
    found: list[int] = []
    for part in names.lower().replace(" ", "").split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            return []
        start = DAYS.index(first)
        end = DAYS.index(last) if dash else start
        found += [(start + step) % 7 for step in range((end - start) % 7 + 1)]
    return list(dict.fromkeys(found))


def _span(text: str) -> Span:
    """Minutes from midnight, (0, 0) for what is no span."""
    match = _SPAN.fullmatch(text.replace(" ", ""))
    if match is None:
        return 0, 0
    from_h, from_min, to_h, to_min = map(int, match.groups())
    start, end = from_h * 60 + from_min, to_h * 60 + to_min
    if start == end or end > _DAY_MIN:
        return 0, 0
    return start, end if end > start else end + _DAY_MIN


def _is_date(text: str) -> bool:
    whole = f"{_LEAP}-{text}" if _EVERY_YEAR.fullmatch(text) else text
    try:
        return date.fromisoformat(whole).isoformat() == whole
    except ValueError:
        return False
