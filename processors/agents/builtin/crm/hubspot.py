"""HubSpot's CRM API v3: contacts by a unique property, notes at them. Pure.

As its documentation has it (developers.hubspot.com, pages crm-contacts-v3, crm-notes-v3, error-handling): an upsert by
`idProperty` sets what it names and leaves the rest, which it does not do by email; all properties are texts; a note
has a time and at most 65,536 characters of HTML and hangs at a contact by association 202; 423 asks for 2 s, 429 names
the policy that was broken, 477 is a move of the account and says for how long.

A value that belongs to another contact (an email) answers 409 with that contact's id: then that one is the person's.
"""

from __future__ import annotations

import html
import re
from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from msgspec.structs import replace

from processors.agents.builtin.crm.recipe import DELIVERED, Note, Request, Steps, body_of, inside, judged
from processors.agents.builtin.crm.template import text_of
from processors.agents.deliveries import Result
from runtime.hooks import Answer

URL = "https://api.hubapi.com"
NOTE_MAX = 65_536
NOTE_TO_CONTACT = 202
_EXISTING = re.compile(r"Existing ID: (\d+)")
_POLICIES = {"SECONDLY": 1.0, "TEN_SECONDLY_ROLLING": 10.0, "DAILY": 3600.0}
_LOCKED, _MOVING = 423, 477
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,80}")


class HubSpot:
    """`id_property` is a property of contacts with unique values; `note_id_property` one of notes, without which a note
    whose answer was lost may be there twice."""

    def __init__(self, url: str, id_property: str, note_id_property: str = "") -> None:
        self._objects = (url or URL).rstrip("/") + "/crm/v3/objects"
        self._id = id_property
        self._note_id = note_id_property

    def upsert(self, key: str, person: str, fields: Mapping[str, Any]) -> Steps:
        """Set properties of the contact."""
        return (yield from self._contact(key, person, fields))[1]

    def note(self, key: str, person: str, note: Note) -> Steps:
        """Write a note at the contact, which is made if it is gone."""
        answer = yield Request("GET", f"{self._objects}/contacts/{quote(person, safe='')}?idProperty={self._id}", key)
        contact, failed = str(inside(body_of(answer), "id") or ""), _failed(answer)
        if answer.status == 404:
            contact, failed = yield from self._contact(f"{key}.contact", person, {self._id: person})
        if not contact:
            return failed if failed.outcome != "delivered" else judged(answer, "it names no contact")
        properties = {"hs_timestamp": _iso(note.at_ms), "hs_note_body": _html(note.text)}
        if self._note_id:
            return (yield from self._note_once(key, contact, properties))
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}
        body = {"properties": properties, "associations": [{"to": {"id": contact}, "types": [kind]}]}
        return _failed((yield Request("POST", f"{self._objects}/notes", key, body)))

    def _contact(
        self, key: str, person: str, fields: Mapping[str, Any]
    ) -> Generator[Request, Answer, tuple[str, Result]]:
        """The contact's id in HubSpot, if it was set."""
        properties = {name: text_of(value) for name, value in fields.items()}
        one = {"idProperty": self._id, "id": person, "properties": properties}
        answer = yield Request("POST", f"{self._objects}/contacts/batch/upsert", key, {"inputs": [one]})
        found = _EXISTING.search(str(inside(body_of(answer), "message") or "")) if answer.status == 409 else None
        if found:
            whole = {"properties": properties | {self._id: person}}
            answer = yield Request("PATCH", f"{self._objects}/contacts/{found[1]}", key, whole)
            return found[1], _failed(answer)
        return str(inside(body_of(answer), "results.0.id") or ""), _failed(answer)

    def _note_once(self, key: str, contact: str, properties: Mapping[str, str]) -> Steps:
        """A note that is known by the delivery's key, so that it is there once however often it is sent."""
        one = {"idProperty": self._note_id, "id": key, "properties": properties}
        answer = yield Request("POST", f"{self._objects}/notes/batch/upsert", key, {"inputs": [one]})
        failed, note = _failed(answer), inside(body_of(answer), "results.0.id")
        if failed.outcome != "delivered":
            return failed
        if not note:
            return judged(answer, "it names no note")
        path = f"{self._objects}/notes/{note}/associations/contacts/{contact}/{NOTE_TO_CONTACT}"
        return _failed((yield Request("PUT", path, key)))


def _failed(answer: Answer) -> Result:
    """Delivered, or what else an answer means; a part of a batch that failed says so in a 207."""
    body = body_of(answer)
    if answer.status == 207 and inside(body, "errors"):
        category = str(inside(body, "errors.0.category") or "")
        return judged(
            replace(answer, outcome="refused", why="answered 207"), _story(inside(body, "errors.0"), category)
        )
    if answer.outcome == "ok":
        return DELIVERED
    story = _story(body, str(inside(body, "category") or inside(body, "policyName") or ""))
    if answer.status == _LOCKED:
        return judged(replace(answer, outcome="busy"), story, 2)
    if answer.status == _MOVING:
        return judged(replace(answer, outcome="busy"), story, 0 if answer.retry_after_s else 3600)
    return judged(answer, story, _POLICIES.get(str(inside(body, "policyName")), 0) if answer.status == 429 else 0)


def _story(body: Any, category: str) -> str:
    """The words of an error that say nothing of a person: its category, the properties' names, the correlation id."""
    errors = inside(body, "errors")
    named = [inside(one, "context.propertyName") for one in errors] if isinstance(errors, list) else []
    names = [text_of(name) for name in named if name]
    words = [category, *names, str(inside(body, "correlationId") or "")]
    return " ".join(word for word in words if _WORD.fullmatch(word))


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _html(text: str) -> str:
    """The text as HTML; what is too long loses its end."""
    whole = html.escape(text, quote=False).replace("\n", "<br>")
    if len(whole) <= NOTE_MAX:
        return whole
    return html.escape(text[: NOTE_MAX // 8], quote=False).replace("\n", "<br>") + "…"
