"""How much one agent may take, and how an event can fail because of it."""

from __future__ import annotations

from typing import NamedTuple

from runtime.settings import ProcessorSettings

OF_THE_CONVERSATION = frozenset({"loop"})
"""Reasons that say something of one conversation and nothing of the agent: no sign that the agent is broken."""


class Limits(NamedTuple):
    """For one event: seconds, actions, and bytes that are remembered after it."""

    timeout_s: float = 15
    actions: int = 20
    memory_bytes: int = 65_536

    @classmethod
    def of(cls, settings: ProcessorSettings) -> Limits:
        """The limits that the environment sets."""
        return cls(settings.agent_timeout_s, settings.agent_actions_max, settings.agent_memory_bytes)


class AgentFailed(Exception):
    """An event that the agent could not handle. `reason` is one of a few words, `error` quotes no payload."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error
