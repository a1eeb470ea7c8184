"""What Relevo can send: session messages of all types, templates, and the controls of a chat.

Session messages are free-form and need an open 24-hour window; a template is allowed at any time and may cost
money; a control moves a chat between bot and human. Source: Chattigo's facts, sections 3, 4 and 5.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from schemas.record import Frozen


class Sendable(Frozen, tag_field="type"):
    """The base of all that can be sent."""


class Text(Sendable, tag="text"):
    """At most 4096 characters (3000 on the flat routes)."""

    body: str
    preview_url: bool = False


class Media(Sendable):
    """`link` is a public HTTPS address; Chattigo has no upload, so an `id` is unusable in practice."""

    link: str
    caption: str = ""
    filename: str = ""
    mime_type: str = ""


class Image(Media, tag="image"):
    pass


class Document(Media, tag="document"):
    pass


class Video(Media, tag="video"):
    pass


class Audio(Media, tag="audio"):
    pass


class Sticker(Media, tag="sticker"):
    pass


class Location(Sendable, tag="location"):
    """Degrees."""

    latitude: float
    longitude: float
    name: str = ""
    address: str = ""


class Contacts(Sendable, tag="contacts"):
    """Contact cards as WhatsApp shapes them; each needs `name.formatted_name` and one more name part."""

    contacts: list[dict[str, Any]]


class Reaction(Sendable, tag="reaction"):
    """An empty emoji takes a reaction back."""

    message_id: str
    emoji: str = ""


class Choice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A button or a row: id, title, and for rows a description."""

    id: str
    title: str
    description: str = ""


class Buttons(Sendable, tag="buttons"):
    """One to three reply buttons, titles of at most 20 characters."""

    body: str
    buttons: list[Choice]
    header: str = ""
    footer: str = ""


class Section(msgspec.Struct, frozen=True, omit_defaults=True):
    """Rows of a list under one title (at most 24 characters)."""

    rows: list[Choice]
    title: str = ""


class ChoiceList(Sendable, tag="list"):
    """At most ten rows over all sections; `button` opens the list (at most 20 characters)."""

    body: str
    button: str
    sections: list[Section]
    header: str = ""
    footer: str = ""


class Interactive(Sendable, tag="interactive"):
    """Any other interactive message (cta_url, flow, product…), as WhatsApp shapes its `interactive` object."""

    interactive: dict[str, Any]


class TemplateButton(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """The parameter of the template button at `index`; `kind` as WhatsApp's `sub_type`."""

    index: int
    parameter: str
    kind: str = "url"


class Template(Sendable, tag="template"):
    """An approved template with the parameters of one recipient.

    `bot_attention` true: the person's answer goes to the bot. `header` is a text variable or a media link, or a place:
    latitude, longitude, name, address.
    """

    name: str
    language: str
    namespace: str = ""
    body: list[str] = []
    header: list[str] = []
    header_kind: Literal["text", "image", "video", "document", "location"] = "text"
    buttons: list[TemplateButton] = []
    bot_attention: bool = True


class Control(Sendable, tag="control"):
    """`transfer` and `group` give the chat to humans, `close` and `timeout` end it (API Bot).

    `group` is a group's code; `text` may double as the last words to the person.
    """

    action: Literal["transfer", "group", "close", "timeout"]
    group: str = ""
    text: str = ""
    id_campaign: str = ""
    id_chat: str = ""
    channel_id: str = ""


AnySendable = (
    Text
    | Image
    | Document
    | Video
    | Audio
    | Sticker
    | Location
    | Contacts
    | Reaction
    | Buttons
    | ChoiceList
    | Interactive
    | Template
    | Control
)
