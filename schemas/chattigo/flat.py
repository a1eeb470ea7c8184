"""Chattigo's own flat format: API Bot, Webhook Chattigo, HSM notifications (Chattigo's facts, 2.3 and 6.2).

One object a POST, or an array of them. What a person or a chat did has a `type` such as Text or transfer; a
notification has SENT, DELIVERY, READ, INVALID or SESSION. Capitals and types of values vary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from schemas import content as c
from schemas import phone
from schemas.chattigo.inbound import Arrival, Piece, Receipt, ReceiptError, ReceiptState
from schemas.chattigo.values import flag, identifier, number, obj, objs, rest, seconds_as_ms, text

_STATES: dict[str, ReceiptState] = {
    "sent": "sent",
    "delivery": "delivered",
    "delivered": "delivered",
    "read": "read",
    "invalid": "failed",
    "session": "session",
}
_CONTROLS = frozenset(("transfer", "close", "timeout", "group"))
_FIELDS = frozenset(
    (
        "id",
        "idChat",
        "chatType",
        "did",
        "msisdn",
        "type",
        "channelId",
        "content",
        "name",
        "idCampaign",
        "isAttachment",
        "attachment",
        "stateAgent",
        "interactiveChoiceId",
        "interactiveChoiceText",
        "timestamp",
    )
)
_ATTACHMENT_FIELDS = ("mediaUrl", "mimeType", "fileName")
_MEDIA: dict[str, Callable[..., c.AnyContent]] = {
    "image": c.Image,
    "video": c.Video,
    "audio": c.Audio,
    "document": c.Document,
    "sticker": c.Sticker,
}


def _items(body: Any) -> list[Any]:
    return body if isinstance(body, list) else [body]


def is_flat(body: Any) -> bool:
    """Whether a body is an object, or a non-empty array of objects, that name a line and a type."""
    items = _items(body)
    return bool(items) and all(isinstance(item, dict) and "did" in item and "type" in item for item in items)


def _kind(item: dict[str, Any]) -> str:
    return text(item.get("type")).strip().lower()


def _notifies(item: dict[str, Any]) -> bool:
    """Whether an item is a notification. None is known to have content; with it, it is one unless a person wrote."""
    if _kind(item) not in _STATES:
        return False
    return not item.get("content") or text(item.get("chatType")).upper() != "INBOUND"


def pieces(body: Any) -> Iterator[Piece]:
    """Every event and notification, in the order of the body."""
    for k, item in enumerate(_items(body)):
        yield Piece(
            "receipt" if _notifies(item) else "message",
            phone.digits(text(item.get("did"))),
            phone.canonical(text(item.get("msisdn"))),
            _some(item.get("id")),
            (k,),
            item,
        )


def carve(body: Any, wanted: Sequence[Piece]) -> Any:
    """An array of these pieces alone; one piece stands as an object by itself."""
    chosen = [_items(body)[int(piece.at[0])] for piece in wanted]
    return chosen[0] if len(chosen) == 1 else chosen


def arrivals(body: Any) -> Iterator[Arrival]:
    """Every event that is no notification, in order."""
    for piece in pieces(body):
        if piece.kind == "message":
            yield _arrival(piece)


def _arrival(piece: Piece) -> Arrival:
    item = piece.item
    echo = text(item.get("chatType")).upper() == "OUTBOUND"
    state = text(item.get("stateAgent")).upper()
    return Arrival(
        id=piece.id,
        did=piece.did,
        contact=piece.contact,
        reply_to=phone.digits(text(item.get("msisdn"))),
        kind="echo" if echo else "control" if _kind(item) in _CONTROLS else "message",
        at_ms=seconds_as_ms(item.get("timestamp")),
        content=content_of(item),
        profile_name=text(item.get("name")),
        id_chat=_some(item.get("idChat")),
        channel_id=_some(item.get("channelId")),
        id_campaign=_some(item.get("idCampaign")),
        owner="human" if state == "AGENT" else "bot" if state == "BOT" else "",
        extra=_unnamed(item),
    )


def _unnamed(item: dict[str, Any]) -> dict[str, Any]:
    """What the event holds that has no place of its own, also within its attachment or beside a choice."""
    extra, attachment, said = rest(item, _FIELDS), item.get("attachment"), item.get("content")
    if unnamed := rest(attachment, _ATTACHMENT_FIELDS) if isinstance(attachment, dict) else attachment:
        extra["attachment"] = unnamed
    if item.get("interactiveChoiceId") and said and said != (item.get("interactiveChoiceText") or said):
        extra["content"] = said
    return extra


def _some(value: Any) -> str:
    """An id as text; 0 stands for none."""
    found = identifier(value)
    return "" if found == "0" else found


def content_of(item: dict[str, Any]) -> c.AnyContent:
    """The content of a flat event; a type that nobody knows is kept whole."""
    kind, said = _kind(item), text(item.get("content"))
    if kind in _CONTROLS:
        return c.SessionControl(action=kind, text=said)
    if item.get("interactiveChoiceId"):
        return c.ListReply(id=text(item["interactiveChoiceId"]), title=text(item.get("interactiveChoiceText")) or said)
    if kind == "location":
        return _location(item, said)
    attachment = obj(item.get("attachment"))
    if attachment or flag(item.get("isAttachment")):
        return _media(kind, attachment, said)
    if kind == "text":
        return c.Text(body=said)
    return c.Unknown(kind=kind, raw=item)


def _location(item: dict[str, Any], said: str) -> c.Location:
    """Coordinates stand in fields of their own or as `lat,long` in the content; nobody documents which."""
    latitude, longitude = number(item.get("latitude")), number(item.get("longitude"))
    parts = said.split(",")
    if latitude is None and len(parts) == 2:
        latitude, longitude = number(parts[0]), number(parts[1])
    return c.Location(latitude=latitude, longitude=longitude, address=said)


def _media(kind: str, attachment: dict[str, Any], said: str) -> c.AnyContent:
    """A media message by its own type, or for `media` by the attachment's MIME type."""
    mime = text(attachment.get("mimeType"))
    fields = {
        "url": text(attachment.get("mediaUrl")),
        "mime_type": mime,
        "filename": text(attachment.get("fileName")),
        "caption": said,
    }
    family = kind if kind in _MEDIA else mime.split("/", 1)[0].lower()
    return _MEDIA.get(family, c.Document)(**fields)


def receipts(body: Any) -> Iterator[Receipt]:
    """Every notification, in order."""
    for piece in pieces(body):
        if piece.kind == "receipt":
            yield _receipt(piece)


def _receipt(piece: Piece) -> Receipt:
    item = piece.item
    return Receipt(
        id=piece.id,
        did=piece.did,
        contact=piece.contact,
        state=_STATES[_kind(item)],
        at_ms=seconds_as_ms(item.get("timestamp")),
        format="flat",
        errors=[ReceiptError(code=text(e.get("code")), title=text(e.get("title"))) for e in objs(item.get("errors"))],
    )
