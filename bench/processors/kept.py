"""What `plain`, `reference` and `ours` do with a message: the same state of a conversation, and the same event."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from bench.processors.settings import RING, WINDOW_S
from bench.processors.webhook import Message


class Kept(Protocol):
    """What is kept of a conversation, in whichever form. `seen` are the ids of its recent events."""

    seen: list[str]
    last_inbound: int
    window: int
    name: str


@dataclass(slots=True)
class State:
    """The form without Faust's."""

    seen: list[str] = field(default_factory=list)
    last_inbound: int = 0
    window: int = 0
    name: str = ""


def hear(state: Kept, message: Message) -> bool:
    """Note a message; False if it was heard before."""
    if message.id in state.seen:
        return False
    state.seen = [*state.seen, message.id][-RING:]
    state.last_inbound = max(state.last_inbound, message.at_s)
    state.window = message.at_s + WINDOW_S
    state.name = message.name
    return True


def event(message: Message) -> dict[str, Any]:
    """What is told of a message."""
    return {**message._asdict(), "window": message.at_s + WINDOW_S}
