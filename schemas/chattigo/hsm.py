"""Bodies of `POST /inbound` on the HSM service: one template to up to 1000 people.

A batch is homogeneous in its *batch key*; what differs between recipients stands in `destinations`. `destinations`
belongs inside `hsm`; the form with it at the root is for accounts that say so. Source: Chattigo's facts, section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Any, NamedTuple

import msgspec

from schemas.record import Frozen
from schemas.session import Template
from schemas.tenant import Account

BATCH_MAX = 1000
BYTES_MAX = 4 * 1024 * 1024
_ROOM = 64 * 1024  # for what all recipients share
_OVERHEAD = 256  # a destination's names, id and number
_WORST = 6  # bytes of a character in JSON: an escaped control character


class Destination(Frozen):
    """A recipient as a batch names it: digits, and the message's id if the account has the feature; what is empty is
    left out, but not the parameters."""

    destination: str
    parameters: list[str]
    id: str = ""
    buttons: list[str] = msgspec.field(name="buttonsParameters", default=[])
    header: list[str] = msgspec.field(name="headerParameters", default=[])


class BatchKey(NamedTuple):
    """What all recipients of one call share."""

    account: str
    did: str
    template: str
    namespace: str
    language: str
    bot_attention: bool
    buttons: tuple[int, ...]
    header_kind: str


def batch_key(account: str, did: str, template: Template) -> BatchKey:
    """The key of the batch that a template's message may join; `account` is the account's key."""
    return BatchKey(
        account,
        did,
        template.name,
        template.namespace,
        template.language,
        template.bot_attention,
        tuple(button.index for button in template.buttons),
        template.header_kind if template.header else "",
    )


def recipient(message_id: str, to: str, template: Template) -> Destination:
    """The destination of one message. A place in the header has no form here: only texts and addresses are known
    (Chattigo's facts, 3.3)."""
    buttons = [button.parameter for button in template.buttons]
    return Destination(destination=to, parameters=template.body, id=message_id, buttons=buttons, header=template.header)


def runs(recipients: Sequence[Destination], limit: int = BYTES_MAX) -> list[int]:
    """How many recipients go into each call, in their order, so that none has more than so many bytes or `BATCH_MAX`
    recipients. One that is larger alone goes alone."""
    counts: list[int] = []
    left = 0
    for one in recipients:
        size = _size(1, (one.parameters, one.buttons, one.header))
        if not counts or size > left or counts[-1] >= BATCH_MAX:
            counts.append(0)
            left = limit - _ROOM
        counts[-1] += 1
        left -= size
    return counts


def fit(recipients: int, texts: Iterable[list[str]]) -> bool:
    """Whether so many recipients with all of these parameters go into one call for sure, as `runs` would find."""
    return 0 < recipients <= BATCH_MAX and _size(recipients, texts) <= BYTES_MAX - _ROOM


def _size(recipients: int, texts: Iterable[list[str]]) -> int:
    """So many bytes at most."""
    return _OVERHEAD * recipients + _WORST * sum(map(len, chain.from_iterable(texts)))


def batch_body(
    account: Account, key: BatchKey, recipients: Sequence[Destination], root_id: int | str
) -> dict[str, Any]:
    """The call's body, in the form that the account wants, as msgspec encodes it."""
    hsm: dict[str, Any] = {
        "namespace": key.namespace,
        "template": key.template,
        "languageCode": key.language,
        "botAttention": key.bot_attention,
    }
    if key.buttons:
        hsm["component"] = {"buttons": [{"index": index} for index in key.buttons]}
    destinations = recipients if account.destination_ids else [_nameless(one) for one in recipients]
    body: dict[str, Any] = {"id": root_id, "did": key.did, "type": "HSM", "channel": "WHATSAPP", "hsm": hsm}
    (hsm if account.hsm_form == "nested" else body)["destinations"] = destinations
    return body


def _nameless(one: Destination) -> Destination:
    return msgspec.structs.replace(one, id="") if one.id else one
