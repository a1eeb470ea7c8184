"""What an event changes in the CRM: deliveries, and what the tap remembers of them. Pure.

Only properties whose value is another than the last one that was queued are sent. What is remembered of a value is a
short hash, and goes when the conversation is idle: then all is sent once more. A person keeps the name under which the
CRM met them first, also when they write from another number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from processors.agents.agent import Conversation
from processors.agents.builtin.crm.moments import known_of, moment_of
from processors.agents.builtin.crm.settings import Settings
from processors.agents.builtin.crm.template import MISSING
from processors.agents.deliveries import Delivery, Made
from schemas.inbound import InboundEvent

STATE, PERSON = "~crm", "@crm.person"
CONTACT = "contact"
_ANOTHER_TRY = frozenset(("too_old", "too_many", "timeout"))


class Known:
    """What the tap remembers of the person: `person` is the contact's name on our side, `sent` hashes by property."""

    def __init__(self, memory: Mapping[str, Any]) -> None:
        state = memory.get(STATE) or {}
        self.person: str = memory.get(PERSON) or state.get("person", "")
        self.sent: dict[str, str] = dict(state.get("sent", {}))
        self._memory = memory

    def changes(self, usual: str) -> dict[str, Any]:
        """What is to be remembered now. A name that is not the one that the settings would give stays for good."""
        if not self.person:
            return {}
        found: dict[str, Any] = {STATE: {"person": self.person, "sent": dict(self.sent)}}
        if self.person != usual:
            found[PERSON] = self.person
        return {name: value for name, value in found.items() if self._memory.get(name) != value}

    def lost(self, delivery: Delivery, reason: str) -> None:
        """A delivery was given up: the same values are worth sending again, unless the CRM refused them."""
        if reason in _ANOTHER_TRY:
            for name in delivery.fields:
                self.sent.pop(name, None)


def made_of(settings: Settings, conversation: Conversation, event: InboundEvent, known: Known) -> list[Made]:
    """The deliveries of one event, the contact before its note. `known` takes note of them."""
    moment = moment_of(event)
    if not moment:
        return []
    told = known_of(conversation, event)
    known.person = known.person or person_of(settings, conversation, event)
    changed = _changed(settings, told, known)
    made = [Made({"do": "upsert", "person": known.person, "fields": changed}, CONTACT)] if changed else []
    text = settings.notes[moment].value(told) if moment in settings.notes else MISSING
    if text is not MISSING:
        body = {"do": "note", "person": known.person, "text": text, "at_ms": event.at_ms, "moment": moment}
        made.append(Made(body))
    return made


def person_of(settings: Settings, conversation: Conversation, event: InboundEvent) -> str:
    """What the settings call the person, as they write now."""
    person = settings.person.value(known_of(conversation, event))
    return event.contact if person is MISSING else str(person) or event.contact


def _changed(settings: Settings, told: Mapping[str, Any], known: Known) -> dict[str, Any]:
    values = {name: template.value(told) for name, template in settings.fields.items()}
    hashes = {name: _hash(value) for name, value in values.items() if value is not MISSING}
    changed = {name: values[name] for name, hashed in hashes.items() if known.sent.get(name) != hashed}
    known.sent = {name: hashed for name, hashed in known.sent.items() if name in values} | hashes
    return changed


def _hash(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value), digest_size=6).hexdigest()
