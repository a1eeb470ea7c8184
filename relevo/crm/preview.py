"""The requests that a tenant's settings of `crm` make of events, without making them. Pure.

The CRM is taken to answer well: an upsert with an id, which later requests then name. Secrets are not needed, and
none is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from processors.agents.agent import Conversation
from processors.agents.builtin.crm.agent import steps_of
from processors.agents.builtin.crm.mapping import Known, made_of
from processors.agents.builtin.crm.moments import moment_of
from processors.agents.builtin.crm.recipe import Request, Steps
from processors.agents.builtin.crm.settings import Settings
from processors.agents.config import sealed
from processors.agents.deliveries import Delivery
from relevo.tenants.outside import names_one
from runtime.hooks import Answer, new_secret
from runtime.secrets import Secret
from schemas import content as c
from schemas.inbound import Facts, InboundEvent

_NOW_MS = 1_767_225_600_000  # 2026
_ID = "123"


class Made(NamedTuple):
    """The requests of one event; `moment` is what it means to a CRM."""

    moment: str
    requests: list[Request]


def without_secrets(value: Any) -> Any:
    """Settings as a file or a record has them, with something that looks like a secret where one belongs."""
    if names_one(value) or sealed(value):
        return Secret(new_secret())
    if isinstance(value, Mapping):
        return {name: without_secrets(inner) for name, inner in value.items()}
    return [without_secrets(one) for one in value] if isinstance(value, list) else value


def preview(settings: Settings, events: Iterable[InboundEvent], answer_id: str = "id") -> Iterator[Made]:
    """What each event makes, one after the other: what was sent before is not sent again."""
    known = Known({})
    for event in events:
        conversation = Conversation(
            tenant=event.tenant,
            did=event.did,
            contact=event.contact,
            facts=event.facts,
            memory={},
            config={},
            now_ms=event.at_ms,
        )
        requests = []
        for number, made in enumerate(made_of(settings, conversation, event, known)):
            one = Delivery(key=f"{event.id}.{number}", seq=number, at_ms=event.at_ms, body=made.body)
            requests += _played(steps_of(settings.recipe, one), answer_id)
        yield Made(moment_of(event) or event.kind, requests)


def _played(steps: Steps, answer_id: str) -> list[Request]:
    said: Any = _ID
    for part in reversed(answer_id.split(".")):
        said = [said] if part.isdigit() else {part: said}
    body = msgspec.json.encode({"id": _ID, "results": [{"id": _ID}], **(said if isinstance(said, dict) else {})})
    made = []
    try:
        request = next(steps)
        while True:
            made.append(request)
            request = steps.send(Answer(outcome="ok", status=200, body=body))
    except StopIteration:
        return made


def example(settings: Settings, did: str = "56911111111", contact: str = "56922222222") -> list[InboundEvent]:
    """A conversation in which all happens that the settings name."""
    asked = [name for template in settings.fields.values() for name in template.names if name.startswith("fields.")]
    fields = {name.removeprefix("fields."): name.removeprefix("fields.") for name in asked}
    lines = [{"who": "customer", "text": "hola"}, {"who": "bot", "text": "¿En qué te ayudo?"}]
    happened: list[dict[str, Any]] = [
        {"kind": "message", "content": c.Text(body="hola")},
        {"kind": "crm", "extra": {"fields": fields, "by": "menu"}},
        {"kind": "handed_off", "extra": {"by": "menu", "group": "ventas", "note": "una nota", "transcript": lines}},
        {"kind": "resumed", "extra": {"by": "operator"}},
        {"kind": "session", "content": c.SessionControl(action="close"), "extra": {"transcript": lines}},
    ]
    common: dict[str, Any] = {"tenant": "example", "did": did, "contact": contact, "reply_to": contact}
    facts = Facts(profile_name="Ana Rojas", language="es")
    return [
        InboundEvent(id=f"event-{number}", at_ms=_NOW_MS + number * 60_000, facts=facts, **common, **one)
        for number, one in enumerate(happened)
    ]
