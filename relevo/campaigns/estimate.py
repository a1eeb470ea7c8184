"""When a campaign would be through: by rate, canary, ramp, everybody's quiet hours, and what waits before it. Pure.

It is an estimate: WhatsApp may throttle, replies go first, a canary may be judged earlier than its wait. People are
mixed evenly over a file, so while it is quiet for some the line is there for the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from egress.lines.gate.quiet import Window
from schemas.campaign import Canary, Ramp

FAR_MS = 400 * 86_400_000
_NOBODY = 1e-6


class Group(NamedTuple):
    """So many people, or a share of them, who may be sent to in this window (None: always)."""

    window: Window | None
    people: float


class Load(NamedTuple):
    """What a line has to do: messages a second, what waits before the campaign, and the campaign's own recipients.

    `spread` are those of the file by their hours; without it, it is quiet for nobody.
    """

    did: str
    rate: float
    ahead: int
    own: int
    spread: Sequence[Group] = ()


def finish_ms(loads: Iterable[Load], begin_ms: int, canary: Canary | None, ramp: Ramp | None) -> int:
    """When the last line is through that begins at `begin_ms`."""
    return max((_line_ms(load, begin_ms, canary, ramp) for load in loads if load.own), default=begin_ms)


def _line_ms(load: Load, begin_ms: int, canary: Canary | None, ramp: Ramp | None) -> int:
    before = _People.of(load, load.ahead, begin_ms)
    before.send(load.ahead, load.rate)
    own = _People.of(load, load.own, before.at_ms)
    if canary is not None and load.own > canary.count:
        own.send(canary.count, load.rate)
        own.at_ms += canary.wait_s * 1000
    for share in ramp.shares if ramp is not None else []:
        rate = load.rate * share
        own.send(rate * (ramp.step_s if ramp is not None else 0), rate)
    own.send(load.own, load.rate)
    return int(own.at_ms)


@dataclass(slots=True)
class _Left:
    """Those of a group who are not sent to yet."""

    window: Window | None
    count: float

    def opens_at(self, at_ms: int) -> int | None:
        return at_ms if self.window is None else self.window.opens_at(at_ms)

    def closes_at(self, at_ms: int) -> int:
        return at_ms + FAR_MS if self.window is None else self.window.closes_at(at_ms)


@dataclass(slots=True)
class _People:
    """Those who are left, and the moment until which the others were sent to."""

    left: list[_Left]
    at_ms: float
    far_ms: float

    @classmethod
    def of(cls, load: Load, count: int, at_ms: float) -> _People:
        """So many, who are like the file's."""
        groups = load.spread or [Group(None, 1)]
        total = sum(group.people for group in groups)
        return cls([_Left(group.window, count * group.people / total) for group in groups], at_ms, at_ms + FAR_MS)

    def send(self, count: float, rate: float) -> None:
        """So many of them, if so many are left, to whoever may be sent to; the time passes that this takes."""
        while count > _NOBODY and self.at_ms < self.far_ms:
            at_ms = int(self.at_ms)
            opens = [(one, one.opens_at(at_ms)) for one in self.left if one.count > _NOBODY]
            awake = [one for one, opens_ms in opens if opens_ms == at_ms]
            later = [opens_ms for _, opens_ms in opens if opens_ms is not None and opens_ms > at_ms]
            if awake:
                changes_ms = min([*(one.closes_at(at_ms) for one in awake), *later])
                count -= self._send(awake, count, rate, changes_ms)
            elif later:
                self.at_ms = min(later)
            else:
                return

    def _send(self, awake: list[_Left], count: float, rate: float, until_ms: int) -> float:
        """How many of these go, until this moment."""
        most = sum(one.count for one in awake)
        room = rate * (until_ms - self.at_ms) / 1000
        sent = min(count, most, room)
        for one in awake:
            one.count -= sent * one.count / most
        self.at_ms = until_ms if sent == room else self.at_ms + sent / rate * 1000
        return sent


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
