"""What a webhook says, whichever of the two formats carried it.

A body is first cut into *pieces* (enough to know where each must go, cheap, for ingress), later read as *arrivals*
(what a person, a human agent or a chat did) and *receipts* (what became of a message that was sent).
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from schemas.content import AnyContent
from schemas.inbound import Context
from schemas.record import Frozen, Record

Format = Literal["cloud", "flat"]
PieceKind = Literal["message", "receipt", "notice"]


class Piece(NamedTuple):
    """One message, receipt or notice of a body.

    `did` is empty when the body names no line, `contact` when it names no person, `id` when the provider gave
    none. `at` says where in the body the piece stands; `item` is the object itself.
    """

    kind: PieceKind
    did: str
    contact: str
    id: str
    at: tuple[int | str, ...]
    item: dict[str, Any]


class Arrival(Record):
    """One thing that happened in a conversation.

    `kind`: `message` of the person; `echo` of what bot or human sent; `control` of the chat (transfer, close,
    timeout); `system` (the person's number changed). `owner` is who owns the chat now, if the event says so.
    `id` is empty when the provider gave none; `at_ms` is 0 when the event has no time of its own.
    """

    id: str
    did: str
    contact: str
    reply_to: str
    kind: Literal["message", "echo", "control", "system"]
    at_ms: int
    content: AnyContent
    user_id: str = ""
    context: Context | None = None
    referral: dict[str, Any] | None = None
    profile_name: str = ""
    id_chat: str = ""
    channel_id: str = ""
    id_campaign: str = ""
    owner: Literal["", "bot", "human"] = ""
    extra: dict[str, Any] = {}


class ReceiptError(Frozen):
    """A provider's error: Meta's number as text (Chattigo's facts, 9.3) and its title."""

    code: str
    title: str = ""


ReceiptState = Literal["sent", "delivered", "read", "failed", "session", "other"]


class Receipt(Record):
    """What became of a message. `id` is a wamid (cloud), or the destination's or batch's id that we sent (flat).

    `session` says that the person opened a 24-hour window; `other` is a state that nobody knows, kept in `raw`.
    """

    id: str
    did: str
    contact: str
    state: ReceiptState
    at_ms: int
    format: Format
    errors: list[ReceiptError] = []
    billable: bool | None = None
    category: str = ""
    opaque: str = ""
    raw: str = ""
