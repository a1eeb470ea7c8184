"""The content of a message in WhatsApp's Cloud API form (Chattigo's facts, section 2.2).

`content_of` gives the content and what it does not name: every row of that table has a reader here, and a type
without one becomes `Unknown` with the whole object.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas import content as c
from schemas.chattigo.values import flag, number, obj, objs, rest, text

Payload = dict[str, Any]
Reader = Callable[[Payload], tuple[c.AnyContent, Payload]]

_MEDIA_FIELDS = frozenset(("id", "url", "link", "mime_type", "sha256", "caption", "filename"))


def _media(payload: Payload) -> dict[str, str]:
    return {
        "media_id": text(payload.get("id")),
        "url": text(payload.get("url")) or text(payload.get("link")),
        "mime_type": text(payload.get("mime_type")),
        "sha256": text(payload.get("sha256")),
        "caption": text(payload.get("caption")),
        "filename": text(payload.get("filename")),
    }


def _text(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Text(body=text(p.get("body"))), rest(p, ("body",))


def _image(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Image(**_media(p)), rest(p, _MEDIA_FIELDS)


def _video(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Video(**_media(p)), rest(p, _MEDIA_FIELDS)


def _audio(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Audio(voice=flag(p.get("voice")), **_media(p)), rest(p, _MEDIA_FIELDS | {"voice"})


def _document(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Document(**_media(p)), rest(p, _MEDIA_FIELDS)


def _sticker(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Sticker(animated=flag(p.get("animated")), **_media(p)), rest(p, _MEDIA_FIELDS | {"animated"})


def _location(p: Payload) -> tuple[c.AnyContent, Payload]:
    found = c.Location(
        latitude=number(p.get("latitude")),
        longitude=number(p.get("longitude")),
        name=text(p.get("name")),
        address=text(p.get("address")),
        url=text(p.get("url")),
    )
    return found, rest(p, ("latitude", "longitude", "name", "address", "url"))


def _reaction(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.Reaction(message_id=text(p.get("message_id")), emoji=text(p.get("emoji"))), rest(
        p, ("message_id", "emoji")
    )


def _button(p: Payload) -> tuple[c.AnyContent, Payload]:
    return c.TemplateButton(payload=text(p.get("payload")), text=text(p.get("text"))), rest(p, ("payload", "text"))


def _order(p: Payload) -> tuple[c.AnyContent, Payload]:
    found = c.Order(
        catalog_id=text(p.get("catalog_id")), text=text(p.get("text")), product_items=objs(p.get("product_items"))
    )
    return found, rest(p, ("catalog_id", "text", "product_items"))


def _system(p: Payload) -> tuple[c.AnyContent, Payload]:
    found = c.NumberChanged(
        body=text(p.get("body")), wa_id=text(p.get("wa_id")) or text(p.get("new_wa_id")), kind=text(p.get("type"))
    )
    return found, rest(p, ("body", "wa_id", "new_wa_id", "type"))


def _interactive(p: Payload) -> tuple[c.AnyContent, Payload]:
    kind = text(p.get("type"))
    inner = obj(p.get(kind))
    outer = rest(p, ("type", kind))
    if kind == "button_reply":
        return c.ButtonReply(id=text(inner.get("id")), title=text(inner.get("title"))), outer | rest(
            inner, ("id", "title")
        )
    if kind == "list_reply":
        listed = c.ListReply(
            id=text(inner.get("id")), title=text(inner.get("title")), description=text(inner.get("description"))
        )
        return listed, outer | rest(inner, ("id", "title", "description"))
    if kind == "nfm_reply":
        flow = c.FlowReply(
            response_json=text(inner.get("response_json")), body=text(inner.get("body")), name=text(inner.get("name"))
        )
        return flow, outer | rest(inner, ("response_json", "body", "name"))
    return c.Unknown(kind=f"interactive.{kind}", raw=p), {}


_READERS: dict[str, Reader] = {
    "text": _text,
    "image": _image,
    "video": _video,
    "audio": _audio,
    "voice": _audio,
    "document": _document,
    "sticker": _sticker,
    "location": _location,
    "reaction": _reaction,
    "button": _button,
    "order": _order,
    "system": _system,
    "interactive": _interactive,
}


def content_of(message: Payload) -> tuple[c.AnyContent, Payload]:
    """The content of a message object, and the fields of its payload that the content does not name."""
    kind = text(message.get("type"))
    if kind == "contacts":
        return c.Contacts(contacts=objs(message.get("contacts"))), {}
    if kind == "request_welcome":
        return c.RequestWelcome(), {}
    if kind == "unsupported":
        inner = obj(message.get("unsupported"))
        return c.Unsupported(kind=text(inner.get("type")), errors=objs(message.get("errors"))), rest(inner, ("type",))
    reader, payload = _READERS.get(kind), message.get(kind)
    if reader is None or not isinstance(payload, dict):
        return c.Unknown(kind=kind, raw=message), {}
    return reader(payload)
