"""Relevo's public API: what an agent's author imports.

    from relevo import Actions, Conversation, InboundEvent, Reply, text_of

    async def greeter(conversation: Conversation, event: InboundEvent) -> Actions:
        if event.kind == "message":
            yield Reply.text(f"Hola {conversation.name}, escribiste: {text_of(event)}")

The guide is docs/agents.md; `relevo.testing` plays an agent without Kafka. What is not listed here may change.
"""

from processors.agents.actions import (
    Action,
    Close,
    GiveBack,
    HandOff,
    HumanSays,
    OptIn,
    OptOut,
    Remember,
    Reply,
    Schedule,
    SendTemplate,
    UpdateCrm,
)
from processors.agents.agent import Actions, AgentFunction, Conversation, choice_of, text_of
from processors.agents.resources import World
from runtime.hooks import Answer, Call
from schemas import content, session
from schemas.inbound import Facts, InboundEvent, Part, Said
from schemas.session import Choice, Section, Template, TemplateButton

__all__ = [
    "Action",
    "Actions",
    "AgentFunction",
    "Answer",
    "Call",
    "Choice",
    "Close",
    "Conversation",
    "Facts",
    "GiveBack",
    "HandOff",
    "HumanSays",
    "InboundEvent",
    "OptIn",
    "OptOut",
    "Part",
    "Remember",
    "Reply",
    "Said",
    "Schedule",
    "Section",
    "SendTemplate",
    "Template",
    "TemplateButton",
    "UpdateCrm",
    "World",
    "choice_of",
    "content",
    "session",
    "text_of",
]
