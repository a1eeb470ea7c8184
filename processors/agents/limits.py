"""How much one agent may take, and how an event can fail because of it."""

from __future__ import annotations

from typing import NamedTuple, get_args

from processors.agents.loops import Loops
from processors.agents.terms import Terms
from processors.agents.transcript import Keep
from runtime.hooks import Outcome
from runtime.settings import ProcessorSettings

OF_THE_CONVERSATION = frozenset({"loop"})
"""Reasons that say something of one conversation and nothing of the agent: no sign that the agent is broken."""

OF_THE_TENANT = frozenset({"bad_answer", "settings", *(f"hook_{outcome}" for outcome in get_args(Outcome))})
"""Reasons that say something of a tenant's service, or of what its file says: the worker must go on for the others."""

OF_A_SERVICE = frozenset({"too_many_actions", "too_many_timers", "memory", "too_large", "not_an_action"})
"""Reasons that say the same where a tenant's service decides what is done (`http`): it asked for more than it may."""


def excused(kind: str) -> frozenset[str]:
    """The reasons for which a worker of this type of agent goes on."""
    return OF_THE_CONVERSATION | OF_THE_TENANT | (OF_A_SERVICE if kind == "http" else frozenset())


class Limits(NamedTuple):
    """For one event: seconds, actions, and bytes that are remembered after it; for a conversation: timers, what is kept
    of what was said, how much the agent may do in a row, how long a hand-off may take to come about, and the terms of
    what it delivers to systems outside."""

    timeout_s: float = 15
    actions: int = 20
    memory_bytes: int = 65_536
    timers: int = 50
    transcript: Keep = Keep()
    loops: Loops = Loops()
    hand_off_s: float = 900
    deliveries: Terms = Terms()

    @classmethod
    def of(cls, settings: ProcessorSettings) -> Limits:
        """The limits that the environment sets."""
        return cls(
            settings.agent_timeout_s,
            settings.agent_actions_max,
            settings.agent_memory_bytes,
            settings.agent_timers_max,
            Keep(settings.transcript_lines, settings.transcript_bytes),
            Loops(settings.loop_burst, settings.loop_refill_s, settings.loop_quiet_s),
            settings.hand_off_s,
            Terms.of(settings),
        )


class AgentFailed(Exception):
    """An event that the agent could not handle. `reason` is one of a few words, `error` quotes no payload."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error
