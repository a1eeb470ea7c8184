"""The usual body, read in one step: one text of one person, in the Cloud API form, with nothing that has no name here.

Most webhooks are such, and to read one by its types takes half of the time that it takes to look at everything that a
body might be. Promises: what is read is what `cloud.arrivals` reads. Any other body is None, and is read there.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

import msgspec

from schemas import phone
from schemas.chattigo.cloud import context_of
from schemas.chattigo.inbound import Arrival
from schemas.chattigo.values import identifier, seconds_as_ms
from schemas.content import Text

T = TypeVar("T")
One = Annotated[list[T], msgspec.Meta(min_length=1, max_length=1)]


class _Part(msgspec.Struct, forbid_unknown_fields=True):
    """A part of the body; whatever else stands in it makes the body an unusual one."""


class _Body(_Part):
    body: str


class _Message(_Part):
    sender: str = msgspec.field(name="from")
    id: str
    timestamp: str
    type: Literal["text"]
    text: _Body
    context: dict[str, Any] | None = None
    referral: dict[str, Any] | None = None


class _Profile(_Part):
    name: str


class _Contact(_Part):
    profile: _Profile
    wa_id: str


class _Metadata(_Part):
    display_phone_number: str
    phone_number_id: str


class _Value(_Part):
    messaging_product: str
    metadata: _Metadata
    contacts: One[_Contact]
    messages: One[_Message]


class _Change(_Part):
    value: _Value
    field: str


class _Entry(_Part):
    id: str
    changes: One[_Change]


class _Envelope(_Part):
    object: str
    entry: One[_Entry]


_decoder = msgspec.json.Decoder(_Envelope)


def read(body: bytes) -> Arrival | None:
    """The arrival of a usual body."""
    try:
        value = _decoder.decode(body).entry[0].changes[0].value
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
    message, contact = value.messages[0], value.contacts[0]
    number = phone.digits(message.sender or contact.wa_id)
    return Arrival(
        id=identifier(message.id),
        did=phone.digits(value.metadata.display_phone_number),
        contact=phone.canonical(number),
        reply_to=number,
        kind="message",
        at_ms=seconds_as_ms(message.timestamp),
        content=Text(body=message.text.body),
        context=context_of(message.context),
        referral=message.referral,
        profile_name=contact.profile.name,
        extra={},
    )
