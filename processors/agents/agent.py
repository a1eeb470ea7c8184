"""What an agent is, and what it is given: a function over a conversation and an event that yields actions.

async def greeter(conversation, event):
    yield Reply.text(f"Hola {conversation.name}")
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import msgspec

from processors.agents.actions import Action
from processors.agents.transcript import Line, told
from schemas.content import choice, words
from schemas.inbound import Facts, InboundEvent, Said


class Conversation(msgspec.Struct, kw_only=True):
    """What an agent sees of the conversation. Nothing that it changes here has an effect; it yields actions. `agent` is
    its own type.

    `memory` is what it told the host to remember, `config` its part of the tenant's file, `now_ms` the time, `lines`
    what was said lately as it is kept (`transcript` reads better), the present message included.
    """

    tenant: str
    did: str
    contact: str
    agent: str = ""
    facts: Facts
    memory: dict[str, Any]
    config: Mapping[str, Any]
    now_ms: int
    lines: Sequence[Line] = ()

    @property
    def transcript(self) -> list[Said]:
        """What was said lately, oldest first: `who` (customer, bot, human), `text`, `at_ms`."""
        return told(self.lines)

    @property
    def name(self) -> str:
        """The person's name as WhatsApp shows it; may be empty."""
        return self.facts.profile_name


Actions = AsyncIterator[Action]
"""What an agent's function returns: `async def greeter(conversation, event) -> Actions` with `yield`."""

AgentFunction = Callable[[Conversation, InboundEvent], Actions]
"""An agent: a function, a `functools.partial` of one, or an object that can be called like one."""


class Agent(msgspec.Struct, frozen=True):
    """An agent type: its name, which names its topic, and its function."""

    kind: str
    function: AgentFunction


def text_of(event: InboundEvent) -> str:
    """What the person said: text, caption or the title of a choice; else empty."""
    return words(event.content) if event.content else ""


def choice_of(event: InboundEvent) -> str:
    """The id of the button or row that the person chose; else empty."""
    return choice(event.content) if event.content else ""
