"""The circuit of a service that we call: whether it is well enough to be called. Pure, over explicit seconds.

Closed, every call may go. After so many failures in a row it opens: no call goes, for a pause. Then it is half-open:
one call goes as the probe, and its result closes the circuit or opens it again for twice as long, up to a bound. An
answer that shows the service well closes it at once, whichever call brought it.

A run is counted, not a ratio of a window: a service gets from one call a minute to dozens a second, a ratio says
nothing of the former before too many calls were wasted, and each wasted call may be a doubt. A service that still
takes some of the calls goes on being used. Leaves to the callers what a result says of the service.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["closed", "half_open", "open"]


class Pace(NamedTuple):
    """`failures` in a row open a circuit (0: never), for `pause_s` at first and `pause_max_s` at most."""

    failures: int
    pause_s: float
    pause_max_s: float


class Sign(NamedTuple):
    """What a result says of the service: that it is well, that it is unwell and why (one of a few words),
    or nothing. A service that asked to be left alone for `after_s` gets that before the next probe."""

    well: bool = False
    unwell: str = ""
    after_s: float = 0


WELL, NOTHING = Sign(well=True), Sign()


class Circuit:
    """One service's circuit."""

    def __init__(self) -> None:
        self._closed = True
        self._failures = 0
        self._until_s = 0.0
        self._probe = ""
        self.pause_s = 0.0
        self.reason = ""

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def untroubled(self) -> bool:
        """Closed, and no failure counts: a new circuit would be the same."""
        return self._closed and not self._failures

    def state(self, now_s: float) -> State:
        """Half-open from the end of the pause until the probe has its result."""
        if self._closed:
            return "closed"
        return "half_open" if self._probe or now_s >= self._until_s else "open"

    def opens_at(self) -> float:
        """When a call may go; infinity while the probe is under way: its end is announced."""
        if self._closed:
            return float("-inf")
        return float("inf") if self._probe else self._until_s

    def began(self, call: str) -> None:
        """A call goes. On a circuit that is not closed it is the probe."""
        if not self._closed and not self._probe:
            self._probe = call

    def ended(self, call: str, sign: Sign, now_s: float, pace: Pace) -> bool:
        """A call's result; whether the circuit opened or closed by it.

        Failures of calls that began before it opened say nothing new, and do not make the pause longer.
        """
        probing = bool(self._probe) and call == self._probe
        if probing:
            self._probe = ""
        if sign.well:
            return self._close()
        if sign.unwell and (probing or self._closed):
            return self._fail(sign.unwell, probing, now_s, pace)
        if probing:
            self._until_s = now_s + sign.after_s
        return False

    def _close(self) -> bool:
        changed = not self._closed
        self._closed, self._failures, self._probe, self.pause_s, self.reason = True, 0, "", 0.0, ""
        return changed

    def _fail(self, why: str, probing: bool, now_s: float, pace: Pace) -> bool:
        self._failures += 1
        if not probing and (not pace.failures or self._failures < pace.failures):
            return False
        self._closed = False
        self.pause_s = min(pace.pause_max_s, self.pause_s * 2 if probing else pace.pause_s)
        self._until_s, self.reason = now_s + self.pause_s, why
        return True
