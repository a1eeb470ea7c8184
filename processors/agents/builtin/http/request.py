"""What the service is told: the JSON of a call. New fields may come; none is renamed.

What is empty is left out, but for the fields that have no default.
"""

from __future__ import annotations

from typing import Any

from processors.agents.agent import Conversation, choice_of, text_of
from processors.agents.builtin.http.settings import HttpSettings
from schemas import ids
from schemas.content import AnyContent
from schemas.inbound import Context, EventKind, Facts, InboundEvent, Part, Said
from schemas.record import Frozen, encode

OWN = "_http"
"""What the agent itself remembers; the service neither sees it nor changes it."""


class Event(Frozen):
    """What happened. `text` is what the person said in words, `choice` the id of the button or row that was chosen;
    `extra` has a timer's `name` and `payload`. `late`: more than 24 hours old. `parts` are the messages of a row that
    is told as one."""

    id: str
    kind: EventKind
    at_ms: int
    text: str
    choice: str = ""
    content: AnyContent | None = None
    context: Context | None = None
    referral: dict[str, Any] | None = None
    late: bool = False
    extra: dict[str, Any] = {}
    parts: list[Part] = []


class Request(Frozen):
    """One event. `id` is that of the header `webhook-id`: the same whenever the event is told again. `did` is the
    business' number, `contact` the person; `extra` comes from the tenant's file, `memory` from `remember`."""

    id: str
    tenant: str
    agent: str
    did: str
    contact: str
    name: str
    now_ms: int
    event: Event
    facts: Facts
    memory: dict[str, Any]
    extra: dict[str, Any] = {}
    transcript: list[Said] | None = None


def call_id(conversation: Conversation, event: InboundEvent) -> str:
    """The same for the same event, from wherever it is read again."""
    return ids.digest("hook", event.did, event.id, conversation.agent)


def body_of(conversation: Conversation, event: InboundEvent, settings: HttpSettings) -> bytes:
    """The JSON of the call."""
    told = Event(
        id=event.id,
        kind=event.kind,
        at_ms=event.at_ms,
        text=text_of(event),
        choice=choice_of(event),
        content=event.content,
        context=event.context,
        referral=event.referral,
        late=event.late,
        extra=event.extra,
        parts=event.parts,
    )
    return encode(
        Request(
            id=call_id(conversation, event),
            tenant=conversation.tenant,
            agent=conversation.agent,
            did=conversation.did,
            contact=conversation.contact,
            name=conversation.name,
            now_ms=conversation.now_ms,
            event=told,
            facts=conversation.facts,
            memory={name: value for name, value in conversation.memory.items() if name != OWN},
            extra=settings.extra,
            transcript=conversation.transcript if settings.history else None,
        )
    )
