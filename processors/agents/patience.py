"""Patience: for how long an agent's event may take, given how its tenant's events ended lately. Pure.

A tenant whose calls hang loses its events to the time-out either way; the question is for how long others wait behind
them in their partition. So while most of a tenant's events timed out lately, a few of them ask on with the full time,
and the others have the less the more of the partition's places the tenant takes: all of the time when it takes none, a
moment when it takes its share. As soon as enough events are answered, all have their full time again.

So a tenant whose calls hang fills a partition for no longer than one time-out, however many its events are; and a
tenant whose calls are answered, however slowly, is never cut short.
"""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_LATELY = 20  # outcomes of a tenant that count
_HANGING = 15  # time-outs among them that mean that its calls hang
_ASKING = 8  # events that ask with the full time meanwhile


class Time(NamedTuple):
    """What one event may take, and whether that is all that any event may."""

    seconds: float
    full: bool


class Patience:
    """`full_s` is the time-out, `moment_s` what is left of it for those that crowd out others."""

    def __init__(self, full_s: float, moment_s: float = 0.05) -> None:
        self._full = Time(full_s, full=True)
        self._moment_s = min(moment_s, full_s)
        self._lately: dict[str, deque[bool]] = {}  # whether events timed out; only of tenants of which any did
        self._asking: dict[str, int] = {}  # events under way with the full time, by tenant

    def hanging(self, tenant: str) -> bool:
        """Whether most of the tenant's events timed out lately."""
        return sum(self._lately.get(tenant, ())) >= _HANGING

    def begin(self, tenant: str, taken: float) -> Time:
        """An event begins. `taken` is how much of its share of the partition's places the tenant takes, 1 for all."""
        asking = self._asking.get(tenant, 0)
        if asking >= _ASKING and self.hanging(tenant):
            return Time(max(self._full.seconds * (1 - taken), self._moment_s), full=False)
        self._asking[tenant] = asking + 1
        return self._full

    def end(self, tenant: str, time: Time, *, timed_out: bool | None) -> None:
        """The event ended. That less than the full time was not enough says nothing about the calls, nor does an event
        that the agent was not given (None)."""
        if time.full:
            self._asked(tenant)
        if timed_out is None or (timed_out and not time.full):
            return
        lately = self._lately.get(tenant)
        if lately is None:
            if not timed_out:
                return
            lately = self._lately[tenant] = deque(maxlen=_LATELY)
        lately.append(timed_out)
        if not any(lately):
            del self._lately[tenant]

    def _asked(self, tenant: str) -> None:
        left = self._asking[tenant] - 1
        if left:
            self._asking[tenant] = left
        else:
            del self._asking[tenant]
