"""What the desk is told: `handoff.started`, `message` and `handoff.ended`, as Standard Webhooks shapes them. Pure.

A hand-off has an id of line, person and owner's epoch. The agent remembers the one that is open (`OPEN`), so that its
end is told with the same id also where another worker, or another key of the person, goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from processors.agents.agent import Conversation, text_of
from processors.agents.deliveries import Made
from schemas import ids
from schemas.inbound import InboundEvent

OPEN = "handoff"
STARTED, MESSAGE, ENDED = "handoff.started", "message", "handoff.ended"
_ENDS = ("resumed", "session")


def made(conversation: Conversation, event: InboundEvent) -> Iterator[Made]:
    """What the desk is to be told because of an event."""
    open_id = str(conversation.memory.get(OPEN, ""))
    if event.kind == "handed_off":
        yield _hook(STARTED, conversation, event, handoff_id(event), **_started(conversation, event, open_id))
    elif event.kind in _ENDS and open_id:
        why = event.extra.get("reason") or (event.content.action if _ends_chat(event) else "")  # type: ignore[union-attr]
        told = {"reason": why, "by": event.extra.get("by", ""), "transcript": _lines(conversation)}
        yield _hook(ENDED, conversation, event, open_id, **told)
    elif event.kind in ("message", "system") and event.facts.owner == "human" and event.content is not None:
        said: dict[str, Any] = {"text": text_of(event), "content": msgspec.to_builtins(event.content)}
        if event.parts:
            said["parts"] = msgspec.to_builtins(event.parts)
        yield _hook(MESSAGE, conversation, event, open_id or handoff_id(event), **said)


def remembered(conversation: Conversation, event: InboundEvent) -> dict[str, Any]:
    """The hand-off that is open after the event, for `Remember`; empty if that does not change."""
    if event.kind == "handed_off":
        return {OPEN: handoff_id(event)}
    return {OPEN: None} if event.kind in _ENDS and OPEN in conversation.memory else {}


def handoff_id(event: InboundEvent) -> str:
    """The hand-off that an event belongs to, while a human owns the conversation."""
    return ids.digest("handoff", event.did, event.contact, str(event.facts.owner_epoch))


def _started(conversation: Conversation, event: InboundEvent, open_id: str) -> dict[str, Any]:
    """The desk's own lines hold all that was said since it listens; the agent's may reach back further."""
    own, given = _lines(conversation), event.extra.get("transcript") or []
    facts = {name: getattr(event.facts, name) for name in ("window_expires_ms", "user_id", "id_chat", "id_campaign")}
    told = {name: event.extra.get(name, "") for name in ("by", "note", "group")}
    continues = {"continues": open_id} if open_id and open_id != handoff_id(event) else {}
    return {**told, **continues, "facts": facts, "transcript": own if len(own) >= len(given) else given}


def _hook(kind: str, conversation: Conversation, event: InboundEvent, handoff: str, **more: Any) -> Made:
    data = {
        "handoff": handoff,
        "tenant": event.tenant,
        "line": event.did,
        "contact": event.contact,
        "name": conversation.name,
        "language": event.facts.language,
        "event": event.id,
        "at_ms": event.at_ms,
    }
    return Made({"type": kind, "data": data | more})


def _lines(conversation: Conversation) -> list[Any]:
    lines: list[Any] = msgspec.to_builtins(conversation.transcript)
    return lines


def _ends_chat(event: InboundEvent) -> bool:
    return hasattr(event.content, "action")
