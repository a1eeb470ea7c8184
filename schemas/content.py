"""What a person can send: one type for each row of WhatsApp's message types, whatever format carried it.

A media message has the provider's `media_id` (Cloud API passthrough) or a downloadable `url` (flat format), as it
came. What the type does not name is kept in the event's `extra`; a message type that nobody knows is `Unknown`.
Source: Chattigo's facts, sections 2.2 and 2.3.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from schemas.record import Frozen


class Content(Frozen, tag_field="type"):
    """The base of all contents."""


class Text(Content, tag="text"):
    body: str


class Media(Content):
    """What image, video, audio, document and sticker share; `media_id` or `url` is set."""

    media_id: str = ""
    url: str = ""
    mime_type: str = ""
    sha256: str = ""
    caption: str = ""
    filename: str = ""


class Image(Media, tag="image"):
    pass


class Video(Media, tag="video"):
    pass


class Audio(Media, tag="audio"):
    voice: bool = False


class Document(Media, tag="document"):
    pass


class Sticker(Media, tag="sticker"):
    animated: bool = False


class Location(Content, tag="location"):
    """Degrees; the flat format may carry only text, then `address` holds it."""

    latitude: float | None = None
    longitude: float | None = None
    name: str = ""
    address: str = ""
    url: str = ""


class Contacts(Content, tag="contacts"):
    """Contact cards, each an object as WhatsApp shapes it."""

    contacts: list[dict[str, Any]]


class ButtonReply(Content, tag="button_reply"):
    """A press on a button of an interactive message."""

    id: str
    title: str = ""


class ListReply(Content, tag="list_reply"):
    """A choice from a list."""

    id: str
    title: str = ""
    description: str = ""


class FlowReply(Content, tag="flow_reply"):
    """A completed WhatsApp Flow (`nfm_reply`); `response_json` is a JSON text, as it came."""

    response_json: str
    body: str = ""
    name: str = ""


class TemplateButton(Content, tag="button"):
    """A press on a quick-reply button of a template: another thing than `ButtonReply`."""

    payload: str = ""
    text: str = ""


class Reaction(Content, tag="reaction"):
    """No emoji: the reaction was taken back."""

    message_id: str
    emoji: str = ""


class Order(Content, tag="order"):
    catalog_id: str = ""
    text: str = ""
    product_items: list[dict[str, Any]] = []


class NumberChanged(Content, tag="system"):
    """The person moved to the number `wa_id`."""

    body: str = ""
    wa_id: str = ""
    kind: str = ""


class RequestWelcome(Content, tag="request_welcome"):
    """The chat was opened for the first time; nothing was written yet."""


class Unsupported(Content, tag="unsupported"):
    """WhatsApp could not pass the message on; `errors` say why."""

    kind: str = ""
    errors: list[dict[str, Any]] = []


class SessionControl(Content, tag="control"):
    """A chat's own events on API Bot: `transfer` (the human gives back), `close`, `timeout`."""

    action: str
    text: str = ""


class Unknown(Content, tag="unknown"):
    """A type that this version does not know; `raw` is the provider's whole message object."""

    kind: str
    raw: dict[str, Any] = {}


AnyContent = (
    Text
    | Image
    | Video
    | Audio
    | Document
    | Sticker
    | Location
    | Contacts
    | ButtonReply
    | ListReply
    | FlowReply
    | TemplateButton
    | Reaction
    | Order
    | NumberChanged
    | RequestWelcome
    | Unsupported
    | SessionControl
    | Unknown
)


_SAID: dict[type, Callable[[Any], str]] = {
    Text: attrgetter("body"),
    TemplateButton: attrgetter("text"),
    **dict.fromkeys((ButtonReply, ListReply), attrgetter("title")),
    **dict.fromkeys((Image, Video, Document), attrgetter("caption")),
}


def words(content: AnyContent) -> str:
    """What a person would say that the message says: text, caption or the title of a choice; else empty."""
    said = _SAID.get(type(content))
    return said(content) if said else ""


def choice(content: AnyContent) -> str:
    """The id of the button or row that was chosen, or a template button's payload; else empty."""
    match content:
        case ButtonReply(id=chosen) | ListReply(id=chosen) | TemplateButton(payload=chosen):
            return chosen
        case _:
            return ""
