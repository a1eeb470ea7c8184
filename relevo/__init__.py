"""Relevo's public API: what an agent's author imports.

    from relevo import Conversation, InboundEvent, Reply, text_of

    async def greeter(conversation: Conversation, event: InboundEvent):
        if event.kind == "message":
            yield Reply.text(f"Hola {conversation.name}, escribiste: {text_of(event)}")

The guide is docs/agents.md; `relevo.testing` plays an agent without Kafka. What is not listed here may change.
"""

from processors.agents.actions import Action, Close, HandOff, OptOut, Remember, Reply, Schedule, SendTemplate
from processors.agents.agent import Conversation, choice_of, text_of
from schemas import content, session
from schemas.inbound import Facts, InboundEvent
from schemas.session import Choice, Section, Template, TemplateButton

__all__ = [
    "Action",
    "Choice",
    "Close",
    "Conversation",
    "Facts",
    "HandOff",
    "InboundEvent",
    "OptOut",
    "Remember",
    "Reply",
    "Schedule",
    "Section",
    "SendTemplate",
    "Template",
    "TemplateButton",
    "choice_of",
    "content",
    "session",
    "text_of",
]
