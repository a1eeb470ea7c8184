"""What customers write, as WhatsApp message objects (Chattigo's facts, section 2.2), built here and nowhere else.

Each builder returns the type and its payload; `stamp` adds sender, id and time. Promises: only fields that the
facts name, except in `unknown`, which exists to have unknown ones. Leaves envelopes to `envelope`, the flat
format to `flat`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

Json = dict[str, Any]


def text(body: str, *, referral: Json | None = None, product: Json | None = None) -> Json:
    """`referral`: from a click-to-WhatsApp ad; `product`: a question about a catalog's product."""
    extra: Json = {"referral": referral} if referral else {}
    if product:
        extra["context"] = {"referred_product": product}
    return {"type": "text", "text": {"body": body}, **extra}


def referral(source_id: str, *, headline: str = "Oferta", body: str = "Escribinos") -> Json:
    """The ad that the customer clicked."""
    return {
        "source_url": f"https://fb.example/{source_id}",
        "source_id": source_id,
        "source_type": "ad",
        "headline": headline,
        "body": body,
        "media_type": "image",
        "image_url": f"https://fb.example/{source_id}.jpg",
        "ctwa_clid": f"clid-{source_id}",
    }


def _media(media_id: str, mime: str, **more: Any) -> Json:
    known = {name: value for name, value in more.items() if value is not None}
    return {"id": media_id, "mime_type": mime, "sha256": f"sha256-of-{media_id}", **known}


def image(media_id: str, *, caption: str | None = None, url: str | None = None) -> Json:
    """A photo."""
    return {"type": "image", "image": _media(media_id, "image/jpeg", caption=caption, url=url)}


def video(media_id: str, *, caption: str | None = None) -> Json:
    """A video."""
    return {"type": "video", "video": _media(media_id, "video/mp4", caption=caption)}


def audio(media_id: str, *, voice: bool = True) -> Json:
    """`voice` is true for push-to-talk."""
    return {"type": "audio", "audio": _media(media_id, "audio/ogg; codecs=opus", voice=voice)}


def document(media_id: str, filename: str, *, caption: str | None = None) -> Json:
    """A file."""
    return {
        "type": "document",
        "document": _media(media_id, "application/pdf", filename=filename, caption=caption),
    }


def sticker(media_id: str, *, animated: bool = False) -> Json:
    """A sticker."""
    return {"type": "sticker", "sticker": _media(media_id, "image/webp", animated=animated)}


def location(latitude: float, longitude: float, *, name: str | None = None, address: str | None = None) -> Json:
    """A place; the coordinates are numbers."""
    place: Json = {"latitude": latitude, "longitude": longitude, "name": name, "address": address}
    return {"type": "location", "location": {key: value for key, value in place.items() if value is not None}}


def contacts(name: str, phone: str) -> Json:
    """A shared contact card."""
    first, _, last = name.partition(" ")
    card = {
        "name": {"formatted_name": name, "first_name": first, "last_name": last},
        "phones": [{"phone": f"+{phone}", "wa_id": phone, "type": "CELL"}],
        "emails": [],
        "addresses": [],
        "org": {},
        "urls": [],
    }
    return {"type": "contacts", "contacts": [card]}


def _interactive(kind: str, payload: Json, answers: str | None) -> Json:
    context: Json = {"context": {"id": answers}} if answers else {}
    return {"type": "interactive", "interactive": {"type": kind, kind: payload}, **context}


def button_reply(reply_id: str, title: str, *, answers: str | None = None) -> Json:
    """A reply button was pressed; `answers` is the id of the message with the buttons."""
    return _interactive("button_reply", {"id": reply_id, "title": title}, answers)


def list_reply(reply_id: str, title: str, *, description: str = "", answers: str | None = None) -> Json:
    """A row of a list was chosen."""
    payload = {"id": reply_id, "title": title} | ({"description": description} if description else {})
    return _interactive("list_reply", payload, answers)


def nfm_reply(fields: Json, *, answers: str | None = None) -> Json:
    """A flow was filled in; `response_json` is a JSON text."""
    return _interactive("nfm_reply", {"response_json": json.dumps(fields), "body": "Sent", "name": "flow"}, answers)


def button(payload: str, label: str, *, answers: str | None = None) -> Json:
    """The quick-reply button of a template was pressed."""
    context: Json = {"context": {"id": answers}} if answers else {}
    return {"type": "button", "button": {"payload": payload, "text": label}, **context}


def reaction(message_id: str, emoji: str | None) -> Json:
    """Without emoji the reaction is taken back."""
    payload = {"message_id": message_id} | ({"emoji": emoji} if emoji else {})
    return {"type": "reaction", "reaction": payload}


def order(catalog_id: str, products: Sequence[tuple[str, int, float]], *, note: str = "") -> Json:
    """`products`: (retailer's id, quantity, price each)."""
    items = [
        {"product_retailer_id": product, "quantity": quantity, "item_price": price, "currency": "ARS"}
        for product, quantity, price in products
    ]
    payload: Json = {"catalog_id": catalog_id, "product_items": items}
    return {"type": "order", "order": payload | ({"text": note} if note else {})}


def number_change(old: str, new: str) -> Json:
    """The customer moved to another number; such an event has no `contacts` beside it."""
    body = f"User A changed from {old} to {new}"
    return {"type": "system", "system": {"body": body, "wa_id": new, "type": "user_changed_number"}}


def moved(contact: str) -> Json:
    """A change of one's own number to one that is nearly the same."""
    return number_change(contact, contact[:-6] + "2" + contact[-5:])


def request_welcome() -> Json:
    """The customer opened the chat for the first time."""
    return {"type": "request_welcome"}


def unsupported(details: str = "Message type is currently not supported.", *, newer: bool = False) -> Json:
    """A poll, a view-once photo, a deleted message; newer payloads say which in `unsupported.type`."""
    error = {
        "code": 131051,
        "title": "Message type unknown",
        "message": "Message type unknown",
        "error_data": {"details": details},
    }
    extra: Json = {"unsupported": {"type": "poll_creation"}} if newer else {}
    return {"type": "unsupported", "errors": [error], **extra}


def unknown(kind: str = "hologram") -> Json:
    """A type of tomorrow, with fields that nobody knows."""
    return {"type": kind, kind: {"depth": 3, "frames": [{"id": "f1"}]}, "shimmer": True}


def stamp(body: Json, *, sender: str | None, message_id: str, at_s: int, user_id: str | None = None) -> Json:
    """The whole object of `value.messages[]`; `sender` None for a person who hides the number (then `user_id`, a
    BSUID).
    """
    head: Json = {"from": sender} if sender else {}
    if user_id:
        head["from_user_id"] = user_id
    return {**head, "id": message_id, "timestamp": str(at_s), **body}


# One of each, given a word that makes its ids unique; `customers` and tests draw from it.
SAMPLES: dict[str, Callable[[str], Json]] = {
    "text": lambda word: text(f"hola {word}"),
    "ad": lambda word: text("Vi su aviso", referral=referral(word)),
    "product": lambda word: text("¿Hay stock?", product={"catalog_id": "c1", "product_retailer_id": word}),
    "image": lambda word: image(f"img-{word}", caption="mi comprobante"),
    "video": lambda word: video(f"vid-{word}"),
    "audio": lambda word: audio(f"aud-{word}"),
    "document": lambda word: document(f"doc-{word}", "factura.pdf"),
    "sticker": lambda word: sticker(f"stk-{word}"),
    "location": lambda word: location(-34.6037, -58.3816, name="Obelisco", address="Av. 9 de Julio"),
    "contacts": lambda word: contacts("Ana Pérez", "5491155550000"),
    "button_reply": lambda word: button_reply("1", "Ventas", answers=f"wamid.{word}"),
    "list_reply": lambda word: list_reply("2", "Soporte", description="Ayuda", answers=f"wamid.{word}"),
    "nfm_reply": lambda word: nfm_reply({"flow_token": word, "name": "Ana"}, answers=f"wamid.{word}"),
    "button": lambda word: button("SI", "Sí", answers=f"wamid.{word}"),
    "reaction": lambda word: reaction(f"wamid.{word}", "👍"),
    "unreaction": lambda word: reaction(f"wamid.{word}", None),
    "order": lambda word: order("c1", [("sku-1", 2, 1500.5)], note="para hoy"),
    "number_change": lambda word: number_change("5491100000000", "5491100000001"),
    "request_welcome": lambda word: request_welcome(),
    "unsupported": lambda word: unsupported(),
    "unsupported_newer": lambda word: unsupported(newer=True),
    "unknown": lambda word: unknown(),
}
