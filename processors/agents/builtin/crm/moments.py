"""What an event means to a CRM: its moment, and what templates may name of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from processors.agents.agent import Conversation, choice_of, text_of
from processors.agents.transcript import heard
from schemas import phone
from schemas.content import NumberChanged, RequestWelcome, SessionControl
from schemas.inbound import InboundEvent, Said

MOMENTS = (
    "message",
    "welcome",
    "crm",
    "handed_off",
    "resumed",
    "closed",
    "timed_out",
    "number_changed",
    "opted_out",
    "opted_in",
    "system",
)
KNOWN = frozenset(
    (
        "name",
        "contact",
        "phone",
        "user_id",
        "line",
        "language",
        "owner",
        "moment",
        "at",
        "at_ms",
        "text",
        "said",
        "choice",
        "fields",
        "by",
        "note",
        "group",
        "reason",
        "unwanted",
        "transcript",
        "referral",
        "new_phone",
        "extra",
    )
)
_WHO = {
    "es": {"customer": "Cliente", "bot": "Bot", "human": "Agente"},
    "pt": {"customer": "Cliente", "bot": "Bot", "human": "Atendente"},
    "en": {"customer": "Customer", "bot": "Bot", "human": "Agent"},
}


def moment_of(event: InboundEvent) -> str:
    """The moment; empty for what says nothing to a CRM (timers)."""
    match event.content:
        case SessionControl(action=action):
            return "resumed" if event.kind == "resumed" else "timed_out" if action == "timeout" else "closed"
        case NumberChanged():
            return "number_changed"
        case RequestWelcome():
            return "welcome"
    return {"timer": "", "session": "closed"}.get(event.kind, event.kind)


def known_of(conversation: Conversation, event: InboundEvent) -> dict[str, Any]:
    """All that a template may name, of this event."""
    facts, content, extra = event.facts, event.content, event.extra
    return {
        "name": facts.profile_name,
        "contact": event.contact,
        "phone": event.contact if phone.is_number(event.contact) else "",
        "user_id": facts.user_id,
        "line": event.did,
        "language": facts.language,
        "owner": facts.owner,
        "moment": moment_of(event),
        "at": datetime.fromtimestamp(event.at_ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "at_ms": event.at_ms,
        "text": text_of(event),
        "said": heard(content) if content is not None and event.kind == "message" else "",
        "choice": choice_of(event),
        "fields": extra.get("fields", {}),
        "by": extra.get("by", ""),
        "note": extra.get("note", ""),
        "group": extra.get("group", ""),
        "reason": extra.get("reason", ""),
        "unwanted": extra.get("unwanted"),
        "transcript": _transcript(extra.get("transcript"), conversation.transcript, facts.language),
        "referral": event.referral or {},
        "new_phone": content.wa_id if isinstance(content, NumberChanged) else "",
        "extra": extra,
    }


def _transcript(told: Any, own: Iterable[Said], language: str) -> str:
    """What was said, a line each: as the event tells, else as far as this tap heard."""
    who = _WHO.get(language[:2], _WHO["es"])
    lines = told if isinstance(told, list) else [{"who": one.who, "text": one.text} for one in own]
    return "\n".join(f"{who.get(line.get('who', ''), '')}: {line.get('text', '')}" for line in _objects(lines))


def _objects(lines: Iterable[Any]) -> Iterable[Mapping[str, Any]]:
    return (line for line in lines if isinstance(line, Mapping))
