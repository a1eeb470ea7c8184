"""Misfortunes of calls by chance (Q34): errors, resets, slow bodies, and times when a service is down.

Promises: a call's luck depends on the seed, its route, its body and how often that came before, and on nothing else;
a breakdown on the seed and the time. Faults that a script armed come first. Leaves to `wire`: doing it.
"""

from collections import Counter

from sandbox.chattigo.dice import Dice
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.knobs import Knobs


class Chances:
    """All misfortunes of a sandbox; the knobs may be turned at any time."""

    def __init__(self, knobs: Knobs, dice: Dice) -> None:
        self._knobs, self._dice = knobs, dice
        self._seen: Counter[tuple[str, str]] = Counter()

    def fault(self, route: str, service: str, digest: str, now_s: float) -> Fault | None:
        """What hits this call, if anything does."""
        self._seen[route, digest] += 1
        wire = self._knobs.wire
        if self._down(service, now_s):
            return Fault(name="breakdown", status=wire.burst_status)
        words = self.words(route, digest)
        left = self._dice.roll("wire", *words)
        for share, fault in (
            (wire.errors, Fault(name="error", status=500)),
            (wire.after, Fault(name="error after acceptance", status=500, accepted=True)),
            (wire.reset_before, Fault(name="reset before", reset="before")),
            (wire.reset_after, Fault(name="reset after", reset="after")),
            (wire.slow, Fault(name="slow", trickle_s=wire.slow_s)),
        ):
            if left < share:
                fault.status = (
                    self._dice.pick(wire.statuses, "status", *words) if fault.name == "error" else fault.status
                )
                return fault
            left -= share
        return None

    def words(self, route: str, digest: str) -> tuple[str, str, int]:
        """What names the newest call with this body, for its luck."""
        return route, digest, self._seen[route, digest]

    def _down(self, service: str, now_s: float) -> bool:
        wire = self._knobs.wire
        if not wire.burst_each_s:
            return False
        turn, into_s = divmod(now_s, wire.burst_each_s)
        start_s = self._dice.between((0, max(0.0, wire.burst_each_s - wire.burst_s)), "breakdown", service, int(turn))
        return start_s <= into_s < start_s + wire.burst_s
