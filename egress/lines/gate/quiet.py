"""Quiet hours: when bulk may be sent to somebody who is in one of some time zones. Pure, over explicit time.

Promises: the moment that is named is the first one at which it is quiet in none of the zones, to the millisecond and
over changes of the clocks. What was found out holds for all messages until something changes, so it is found out some
twice a day for each set of zones.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.tenant import Quiet

RECIPIENT = "recipient"
DAY_MS = 86_400_000
# All zones together repeat what they do within days, whatever the season.
_SEARCH_MS = 8 * DAY_MS


class Hours(NamedTuple):
    """Quiet from minute `start` of the day to `end`, which is not quiet; over midnight when it is less."""

    start: int
    end: int

    def hold(self, minute: int) -> bool:
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end


def hours(quiet: Quiet) -> Hours:
    """Raises ValueError when they are not two different times of the day."""
    found = Hours(_minute(quiet.start), _minute(quiet.end))
    if found.start == found.end:
        raise ValueError("begins and ends at the same time: that would be always, or never")
    return found


def _minute(text: str) -> int:
    hour, colon, minute = text.partition(":")
    digits = hour.isascii() and hour.isdigit() and minute.isascii() and minute.isdigit()
    if not (colon and digits and len(minute) == 2 and int(hour) < 24 and int(minute) < 60):
        raise ValueError(f"a time of the day is written HH:MM, not {text!r}")
    return int(hour) * 60 + int(minute)


def zone(name: str) -> ZoneInfo:
    """Raises ValueError for what is no zone."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f"no time zone {name!r}; write one as America/Santiago") from None


@lru_cache(maxsize=8192)
def window(when: Hours, zones: tuple[str, ...]) -> Window:
    """The one window for these hours and zones. Raises ValueError for what is no zone."""
    return Window(when, tuple(map(zone, zones)))


class Window:
    """Open when it is quiet in none of the zones."""

    def __init__(self, when: Hours, zones: tuple[ZoneInfo, ...]) -> None:
        self._when, self._zones = when, zones
        self._from_ms = self._until_ms = 0
        self._opens_ms: int | None = None

    def opens_at(self, now_ms: int) -> int | None:
        """The first moment from now on at which it is open: now itself when it is; None when it never is."""
        if not self._from_ms <= now_ms < self._until_ms:
            self._look(now_ms)
        return None if self._opens_ms is None else max(now_ms, self._opens_ms)

    def closes_at(self, now_ms: int) -> int:
        """Until when it stays open that is open now."""
        self.opens_at(now_ms)
        return self._until_ms

    def _look(self, now_ms: int) -> None:
        """From now until the moment found, or until the first zone falls quiet, the answer is the same."""
        at_ms = now_ms
        while quiet := [one for one in self._zones if self._is_quiet(one, at_ms)]:
            at_ms = max(self._changes_at(one, at_ms) for one in quiet)
            if at_ms > now_ms + _SEARCH_MS:
                self._from_ms, self._until_ms, self._opens_ms = now_ms, now_ms + DAY_MS, None
                return
        closes_ms = min((self._changes_at(one, at_ms) for one in self._zones), default=at_ms + DAY_MS)
        self._from_ms, self._until_ms, self._opens_ms = now_ms, closes_ms, at_ms

    def _is_quiet(self, one: ZoneInfo, at_ms: int) -> bool:
        local = datetime.fromtimestamp(at_ms / 1000, one)
        return self._when.hold(local.hour * 60 + local.minute)

    def _changes_at(self, one: ZoneInfo, at_ms: int) -> int:
        """The first moment after this one at which it begins or ceases to be quiet in a zone."""
        state = self._is_quiet(one, at_ms)
        later = sorted(moment for moment in self._moments(one, at_ms) if moment > at_ms)
        return next((moment for moment in later if self._is_quiet(one, moment) != state), at_ms + 2 * DAY_MS)

    def _moments(self, one: ZoneInfo, at_ms: int) -> Iterator[int]:
        """When that may be: at the two times of the day, each of which a day may have twice, and when clocks change."""
        today = datetime.fromtimestamp(at_ms / 1000, one).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        for day in range(3):
            for minute in self._when:
                wall = today + timedelta(days=day, minutes=minute)
                yield from (round(wall.replace(fold=fold).timestamp()) * 1000 for fold in (0, 1))
            begin_ms = at_ms + day * DAY_MS
            if _offset(one, begin_ms) != _offset(one, begin_ms + DAY_MS):
                yield _clocks_change(one, begin_ms // 1000, begin_ms // 1000 + DAY_MS // 1000) * 1000


def _offset(one: ZoneInfo, at_ms: int) -> timedelta | None:
    return datetime.fromtimestamp(at_ms / 1000, one).utcoffset()


def _clocks_change(one: ZoneInfo, before_s: int, after_s: int) -> int:
    """The second at which the offset is no longer what it was before."""
    old = _offset(one, before_s * 1000)
    while after_s - before_s > 1:
        middle = (before_s + after_s) // 2
        before_s, after_s = (middle, after_s) if _offset(one, middle * 1000) == old else (before_s, middle)
    return after_s
