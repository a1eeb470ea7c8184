"""The breaker: a circuit for each service of a tenant (its host and port), so that a dead one costs nobody time.

Pure, over explicit seconds. Promises: at most one call at a time asks a service whose circuit is not closed; every call
that was let go is heard of again (`end`), also when it was cancelled; circuits that say nothing are not kept.
"""

from __future__ import annotations

from typing import NamedTuple

from runtime.circuit import NOTHING, WELL, Circuit, Pace, Sign
from runtime.hooks.call import Answer

PLACES_MAX = 10_000
_UNWELL = frozenset(("error", "timeout", "unreachable"))


class Ticket(NamedTuple):
    """A call that was let go."""

    place: tuple[str, str]
    id: str


class Breaker:
    """Of one process; others have their own."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._circuits: dict[tuple[str, str], Circuit] = {}
        self._calls = 0

    @property
    def open(self) -> int:
        """Circuits that are not closed."""
        return sum(not circuit.closed for circuit in self._circuits.values())

    def begin(self, tenant: str, host: str, now_s: float) -> Ticket | float:
        """The call may go; or in how many seconds another one may (at least 0, for a probe is under way)."""
        place = (tenant, host)
        circuit = self._circuits.get(place)
        if circuit is not None and not circuit.closed and circuit.opens_at() > now_s:
            wait_s = circuit.opens_at() - now_s
            return wait_s if wait_s != float("inf") else 0.0
        self._calls += 1
        ticket = Ticket(place, str(self._calls))
        if circuit is not None:
            circuit.began(ticket.id)
        return ticket

    def end(self, ticket: Ticket, sign: Sign, now_s: float) -> bool:
        """How the call ended; whether the circuit opened or closed by it."""
        circuit = self._circuits.get(ticket.place) or Circuit()
        changed = circuit.ended(ticket.id, sign, now_s, self._pace)
        if circuit.untroubled:
            self._circuits.pop(ticket.place, None)
        else:
            self._circuits[ticket.place] = circuit
            if len(self._circuits) > PLACES_MAX:
                del self._circuits[next(iter(self._circuits))]
        return changed


def sign_of(answer: Answer | None) -> Sign:
    """What an answer says of its service; None: the call was cancelled."""
    if answer is None:
        return NOTHING
    if answer.outcome in ("ok", "refused"):
        return WELL
    if answer.outcome == "busy":
        return Sign(after_s=answer.retry_after_s or 0)
    return Sign(unwell=answer.outcome) if answer.outcome in _UNWELL else NOTHING
