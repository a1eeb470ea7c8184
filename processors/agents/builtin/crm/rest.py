"""Any CRM with a REST interface: method, path and body of an upsert and of a note as the tenant writes them. Pure.

What a path or a body may name: `{id}` (what the contact is known by on our side), `{crm_id}` (what the CRM answered for
it), `{key}` (the idempotency key); an upsert has `{properties}`, a note `{text}`, `{moment}`, `{at}` and `{at_ms}`.
A member of a body of which nothing is known is left out.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import msgspec

from processors.agents.builtin.crm.recipe import DELIVERED, Note, Request, Steps, body_of, inside, judged
from processors.agents.builtin.crm.template import MISSING, Template, text_of
from processors.agents.deliveries import Result
from runtime.hooks import Answer

METHODS = ("POST", "PUT", "PATCH")


class Step(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One request. `accept` are statuses besides 2xx that are as good, such as a 409 of what is there already."""

    path: str
    method: str = "POST"
    body: dict[str, Any] = {}
    accept: list[int] = []


class Rest:
    """`answer_id` is where an upsert's answer says the CRM's id (`data.id`)."""

    def __init__(self, url: str, upsert: Step, note: Step | None, answer_id: str, key_header: str) -> None:
        self._url = url.rstrip("/")
        self._upsert = upsert
        self._note = note
        self._answer_id = answer_id
        self._key_header = key_header

    def upsert(self, key: str, person: str, fields: Mapping[str, Any]) -> Steps:
        """Set the contact's properties."""
        return (yield from self._contact(key, person, fields))[1]

    def note(self, key: str, person: str, note: Note) -> Steps:
        """Write a note; where it needs the CRM's id, an upsert without properties asks for it."""
        if self._note is None:
            return Result("refused", "no_note", "the settings of the CRM say no `note`")
        known = {"id": person, "key": key, "text": note.text, "moment": note.moment, "at_ms": note.at_ms}
        known["at"] = datetime.fromtimestamp(note.at_ms / 1000, UTC).isoformat(timespec="seconds")
        if "crm_id" in names(self._note):
            known["crm_id"], failed = yield from self._contact(f"{key}.contact", person, {})
            if not known["crm_id"]:
                no_id = Result("refused", "no_id", f"the answer to an upsert has nothing at {self._answer_id!r}")
                return no_id if failed.outcome == "delivered" else failed
        return _outcome((yield self._request(self._note, key, known)), self._note)

    def _contact(
        self, key: str, person: str, fields: Mapping[str, Any]
    ) -> Generator[Request, Answer, tuple[str, Result]]:
        known = {"id": person, "key": key, "properties": dict(fields)}
        answer = yield self._request(self._upsert, key, known)
        found = inside(body_of(answer), self._answer_id)
        return text_of(found), _outcome(answer, self._upsert)

    def _request(self, step: Step, key: str, known: Mapping[str, Any]) -> Request:
        safe = {name: quote(text_of(value), safe="") for name, value in known.items()}
        path = Template(step.path).value(safe)
        headers = {self._key_header: key} if self._key_header else {}
        return Request(step.method, f"{self._url}/{path.lstrip('/')}", key, _filled(step.body, known), headers)


def names(step: Step) -> list[str]:
    """All names that the step's templates ask for. Raises TemplateError."""
    return [name for text in (step.path, *_texts(step.body)) for name in Template(text).names]


def _texts(value: Any) -> list[str]:
    match value:
        case str():
            return [value]
        case dict():
            return [text for inner in value.values() for text in _texts(inner)]
        case list():
            return [text for inner in value for text in _texts(inner)]
        case _:
            return []


def _filled(value: Any, known: Mapping[str, Any]) -> Any:
    """A body with its templates filled in."""
    match value:
        case str():
            return Template(value).value(known)
        case dict():
            filled = {name: _filled(inner, known) for name, inner in value.items()}
            return {name: inner for name, inner in filled.items() if inner is not MISSING}
        case list():
            return [inner for inner in (_filled(one, known) for one in value) if inner is not MISSING]
        case _:
            return value


def _outcome(answer: Answer, step: Step) -> Result:
    return DELIVERED if answer.outcome == "ok" or answer.status in step.accept else judged(answer)
