"""Orders to a conversation, as they stand on `inbound.conversations`. Pure.

Promises: an order is of a line that a tenant has, and of one person in the canonical form; its id is the one that was
given, so that the same order twice is one; what is written can be read by who carries it out. Leaves to
`processors.conversations` what an order does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from relevo.campaigns.order import static
from runtime.kafka.record import Record
from schemas import ids, keys, phone, topics
from schemas.headers import Headers
from schemas.inbound import LANGUAGE_MAX, Command, Send
from schemas.optout import CATEGORIES
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import AnySendable, Control, Template, TemplateButton
from schemas.tenant import Line, TemplateSpec, Tenant

C = TypeVar("C", bound=Command)

_CATEGORIES = (*CATEGORIES, "otp")
_INBOUND = topics.INBOUND_CONVERSATIONS
_DECODER = _INBOUND.decoder()
_CONTENT = msgspec.json.Decoder(AnySendable)


class OrderError(ValueError):
    """The order cannot be given; the message says why and what to do."""


class Person(NamedTuple):
    """Somebody on a line: the tenant that has the line now, and who the contact is."""

    tenant: Tenant
    line: Line
    contact: str

    @property
    def did(self) -> str:
        return self.line.did

    @property
    def key(self) -> str:
        return keys.conversation(self.did, self.contact)

    @classmethod
    def of(cls, line: str, contact: str, owner: Callable[[str], Tenant | None]) -> Person:
        """Numbers as people write them; a user id is kept as it is. Raises OrderError."""
        did = phone.digits(line)
        tenant = owner(did) if did else None
        found = tenant.line(did) if tenant else None
        if tenant is None or found is None:
            raise OrderError(f"no tenant has line {line!r}; see: relevo tenants ls")
        who = contact.strip() if any(map(str.isalpha, contact)) else phone.canonical(contact)
        if not who or keys.SEPARATOR in who or (who.isdigit() and not phone.is_number(who)):
            raise OrderError("the person is a number with its country code, or a user id")
        return cls(tenant, found, who)


def order(kind: type[C], person: Person, *, given: str, by: str, now_ms: int, language: str = "", **fields: Any) -> C:
    """An order; `given` is its id, empty for one of its own. Raises OrderError."""
    if len(language) > LANGUAGE_MAX:
        raise OrderError(f"a language is written like es or pt-BR, not {language!r}")
    if unknown := set(fields.get("categories", ())) - set(_CATEGORIES):
        raise OrderError(f"no category is called {min(unknown)!r}; there are {', '.join(_CATEGORIES)}")
    name = given.strip() or ids.digest("order", person.key, kind.__name__, str(now_ms))
    place = {"tenant": person.tenant.tenant, "did": person.did, "contact": person.contact}
    return kind(id=name, at_ms=now_ms, by=by, language=language, **place, **fields)


def send(
    person: Person,
    content: AnySendable,
    *,
    given: str,
    by: str,
    now_ms: int,
    who: Literal["bot", "human"] = "bot",
    **terms: Any,
) -> Send:
    """The order to send a message; the message's id is of the tenant and the order's id. As a `human` it takes the
    conversation."""
    tenant = person.tenant.tenant
    name = given.strip() or ids.digest("order", person.key, Send.__name__, str(now_ms))
    spec = tenant_template(person.tenant, content) if isinstance(content, Template) else None
    message = OutboundMessage(
        id=ids.message_id_of_request(tenant, name),
        tenant=tenant,
        did=person.did,
        contact=person.contact,
        to=person.contact,
        content=content,
        send_class=spec.category if spec else "reply",
        cause=name,
        at_ms=now_ms,
        **terms,
    )
    return order(Send, person, given=name, by=by, now_ms=now_ms, message=message, who=who)


def content(text: bytes) -> AnySendable:
    """What is to be said, written as JSON (`{"type": "image", "link": …}`). Raises OrderError."""
    try:
        found: AnySendable = _CONTENT.decode(text)
    except msgspec.MsgspecError as wrong:
        raise OrderError(f"the content cannot be read: {wrong}") from None
    if isinstance(found, Control):
        raise OrderError("a control changes whose the conversation is: relevo conversation handoff, or close")
    return found


def template(
    tenant: Tenant, name: str, body: Sequence[str] = (), header: str = "", buttons: Sequence[str] = ()
) -> Template:
    """One of the tenant's templates, `NAME/LANGUAGE`, with one person's parameters. Raises OrderError."""
    called, _, language = name.partition("/")
    spec = tenant_template(tenant, Template(name=called, language=language or tenant.spoken[0]))
    taking = spec.taking
    wanted = (("body", spec.body, len(body)), ("header", spec.header != "none", bool(header)))
    for part, takes, has in (*wanted, ("button", len(taking), len(buttons))):
        if takes != has:
            raise OrderError(
                f"template {spec.name}/{spec.language} takes {int(takes)} {part} parameters, not {int(has)}"
            )
    pressed = [
        TemplateButton(index=button.index, parameter=text, kind=button.type)
        for button, text in zip(taking, buttons, strict=True)
    ]
    return replace(static(spec), body=list(body), header=[header] if header else [], buttons=pressed)


def tenant_template(tenant: Tenant, wanted: Template) -> TemplateSpec:
    """The template as the tenant has it. Raises OrderError when it has none."""
    spec = tenant.template(wanted.name, wanted.language)
    if spec is None:
        listed = ", ".join(f"{one.name}/{one.language}" for one in tenant.templates)
        missing = f"{wanted.name}/{wanted.language}"
        raise OrderError(f"tenant {tenant.tenant} has no template {missing}; it has {listed or 'none'}")
    return spec


def record(command: Command, partitions: int) -> Record:
    """The order on its topic. Raises RecordError where its reader could not read it."""
    key = keys.conversation(command.did, command.contact)
    told = Headers(
        id=command.id, type="command", tenant=command.tenant, at_ms=command.at_ms, did=command.did,
        contact=command.contact,
    )  # fmt: skip
    value = encode(command)
    _DECODER.decode(value)
    return Record(_INBOUND.name, value, key.encode(), told.to_kafka(), keys.partition(key, partitions))
