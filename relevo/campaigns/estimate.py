"""When a campaign would be through: by rate, canary, ramp, quiet hours, and what waits before it. Pure.

It is an estimate: WhatsApp may throttle, replies go first, a canary may be judged earlier than its wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from schemas.campaign import Canary, Ramp
from schemas.tenant import Quiet

FAR_DAYS = 400


class Load(NamedTuple):
    """What a line has to do: messages a second, what waits before the campaign, and the campaign's own recipients.

    `quiet` are the line's hours, and `zone` whose clock is meant.
    """

    did: str
    rate: float
    ahead: int
    own: int
    quiet: Quiet | None = None
    zone: str = "UTC"


def finish_ms(loads: Iterable[Load], begin_ms: int, canary: Canary | None, ramp: Ramp | None) -> int:
    """When the last line is through that begins at `begin_ms`."""
    return max((_line_ms(load, begin_ms, canary, ramp) for load in loads if load.own), default=begin_ms)


def _line_ms(load: Load, begin_ms: int, canary: Canary | None, ramp: Ramp | None) -> int:
    at_ms = open_after(begin_ms, load.ahead / load.rate, load.quiet, load.zone)
    left = float(load.own)
    if canary is not None and left > canary.count:
        at_ms = open_after(at_ms, canary.count / load.rate, load.quiet, load.zone)
        at_ms += int(canary.wait_s * 1000)
        left -= canary.count
    seconds = 0.0
    for share in ramp.shares if ramp is not None else []:
        step_s = min(ramp.step_s if ramp is not None else 0, left / (load.rate * share))
        seconds += step_s
        left -= step_s * load.rate * share
    return open_after(at_ms, seconds + max(left, 0.0) / load.rate, load.quiet, load.zone)


def open_after(begin_ms: int, seconds: float, quiet: Quiet | None, zone: str) -> int:
    """When `seconds` of sending are over that begin at `begin_ms`, and rest within the quiet hours of each day."""
    if quiet is None or quiet.start == quiet.end:
        return begin_ms + int(seconds * 1000)
    at, left = datetime.fromtimestamp(begin_ms / 1000, UTC), timedelta(seconds=seconds)
    for start, end in _quiet_spans(at, quiet, zone):
        if at < start:
            if at + left <= start:
                return _ms(at + left)
            left -= start - at
        at = max(at, end)
    return _ms(at + left)


def _quiet_spans(at: datetime, quiet: Quiet, zone: str) -> Iterable[tuple[datetime, datetime]]:
    """The quiet hours from the day before on, in UTC."""
    clock, day = ZoneInfo(zone), at.astimezone(ZoneInfo(zone)).date() - timedelta(days=1)
    (from_h, from_m), (to_h, to_m) = (tuple(map(int, text.split(":"))) for text in (quiet.start, quiet.end))
    over_midnight = (to_h, to_m) < (from_h, from_m)
    for number in range(FAR_DAYS):
        first = day + timedelta(days=number)
        last = first + timedelta(days=1) if over_midnight else first
        start = datetime(first.year, first.month, first.day, from_h, from_m, tzinfo=clock).astimezone(UTC)
        end = datetime(last.year, last.month, last.day, to_h, to_m, tzinfo=clock).astimezone(UTC)
        if end > at:
            yield start, end


def days_capped(own: int, paid_per_day: object) -> int:
    """How many days must pass before the last of so many is paid, where a day has a cap; 0 without one."""
    if not isinstance(paid_per_day, int) or paid_per_day < 1:
        return 0
    return max(own - 1, 0) // paid_per_day


def room_in_s(backlog: int, own: int, limit: int, rate: float) -> float | None:
    """In how many seconds the line has room for so many more; 0 for now, None for never."""
    if own > limit:
        return None
    return max(backlog + own - limit, 0) / rate


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
