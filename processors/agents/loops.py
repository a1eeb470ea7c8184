"""When a conversation answers itself: two bots that talk to each other, an agent that wakes itself and speaks.

Each conversation has a budget of events that made the agent do something that leaves. It is refilled slowly and kept
with the conversation's memory, so that no restart resets it. WhatsApp passes on 45 messages to one person at once and
then one in six seconds: who uses up the default budget gets answers minutes late and goes on for half an hour, so it is
no person. Pure, over the time of the events: a backlog that is worked off at once counts as slowly as it was written.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec


class Budget(msgspec.Struct, array_like=True, frozen=True):
    """How much is used, as of `at_ms`; `stopped`: the agent is silent in this conversation."""

    used: float = 0.0
    at_ms: int = 0
    stopped: bool = False


class Loops(NamedTuple):
    """`burst` events at once, one more each `refill_s` seconds; then silent until `quiet_s` without any event.

    Burst 0: no limit.
    """

    burst: int = 200
    refill_s: float = 15
    quiet_s: float = 600

    def at(self, budget: Budget, event_ms: int, now_ms: int) -> Budget:
        """The budget when an event came: never before the last one, never in our future."""
        at_ms = min(max(event_ms, budget.at_ms), now_ms)
        passed_s = max(at_ms - budget.at_ms, 0) / 1000
        return Budget(max(budget.used - passed_s / self.refill_s, 0), at_ms, budget.stopped and passed_s < self.quiet_s)

    def admits(self, budget: Budget) -> bool:
        """Whether the agent may handle the event."""
        return not self.burst or (not budget.stopped and budget.used + 1 <= self.burst)

    def spent(self, budget: Budget) -> Budget:
        """The agent did something that leaves."""
        return Budget(budget.used + 1, budget.at_ms) if self.burst else Budget()

    def stopped(self, budget: Budget) -> Budget:
        """The agent falls, or stays, silent here."""
        return Budget(budget.used, budget.at_ms, True)

    @property
    def story(self) -> str:
        """Why an event was not given to the agent, for a person."""
        return (
            f"the agent acted on {self.burst} events of this conversation (RELEVO_PROCESSOR_LOOP_BURST), faster "
            f"than one in {self.refill_s:g} s (RELEVO_PROCESSOR_LOOP_REFILL_S); it is silent here until there was no "
            f"event for {self.quiet_s:g} s (RELEVO_PROCESSOR_LOOP_QUIET_S), or until the conversation is resumed"
        )
