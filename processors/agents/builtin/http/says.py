"""What a service may have said in the open window: one type each, with WhatsApp's own limits where they are known."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from processors.agents import actions as a
from schemas import session as s
from schemas.record import Frozen

Body = Annotated[str, Meta(min_length=1, max_length=1024)]
Link = Annotated[str, Meta(pattern="^https://", max_length=2048)]
Caption = Annotated[str, Meta(max_length=1024)]
Short = Annotated[str, Meta(max_length=60)]
ButtonTitle = Annotated[str, Meta(min_length=1, max_length=20)]
RowTitle = Annotated[str, Meta(min_length=1, max_length=24)]
Id = Annotated[str, Meta(min_length=1, max_length=256)]
Seconds = Annotated[float, Meta(ge=0, le=316_224_000)]


class Part(Frozen, forbid_unknown_fields=True):
    """The base of what an answer is made of."""


class Button(Part):
    """A button; a text alone is a button whose id is its title."""

    title: ButtonTitle
    id: Id = ""


class Row(Part):
    """A row of a list; a text alone is a row whose id is its title."""

    title: RowTitle
    id: Id = ""
    description: Annotated[str, Meta(max_length=72)] = ""


class TemplateButton(Part):
    """The parameter of a template's button."""

    index: Annotated[int, Meta(ge=0, le=9)]
    parameter: str
    kind: str = "url"


class Template(Part):
    """An approved template and one person's parameters."""

    name: Annotated[str, Meta(min_length=1)]
    language: Annotated[str, Meta(min_length=1)]
    namespace: str = ""
    body: list[str] = []
    header: list[str] = []
    header_kind: Literal["text", "image", "video", "document", "location"] = "text"
    buttons: list[TemplateButton] = []
    bot_attention: bool = True

    @property
    def sent(self) -> s.Template:
        """As it is sent."""
        return s.Template(
            name=self.name,
            language=self.language,
            namespace=self.namespace,
            body=self.body,
            header=self.header,
            header_kind=self.header_kind,
            buttons=[s.TemplateButton(one.index, one.parameter, one.kind) for one in self.buttons],
            bot_attention=self.bot_attention,
        )


class Answered(Part, tag_field="type"):
    """The base of the actions."""

    def action(self) -> a.Action:
        """The SDK's action."""
        raise NotImplementedError


class Say(Answered):
    """What all that is said may carry: `quote` the person's message, a `fallback` template if the window has closed by
    then, `expires_s` after which it is not worth sending."""

    quote: bool = False
    fallback: Template | None = None
    expires_s: Seconds = 0

    def content(self) -> a.SessionContent:
        """What is said."""
        raise NotImplementedError

    def action(self) -> a.Action:
        fallback = self.fallback.sent if self.fallback else None
        return a.Reply(self.content(), quote=self.quote, fallback=fallback, expires_s=self.expires_s)


class Reply(Say, tag="reply", kw_only=True):
    """A text."""

    text: Annotated[str, Meta(min_length=1, max_length=4096)]
    preview_url: bool = False

    def content(self) -> a.SessionContent:
        return s.Text(body=self.text, preview_url=self.preview_url)


class Image(Say, tag="image", kw_only=True):
    """A picture at a public address."""

    link: Link
    caption: Caption = ""

    def content(self) -> a.SessionContent:
        return s.Image(link=self.link, caption=self.caption)


class Document(Say, tag="document", kw_only=True):
    """A file at a public address."""

    link: Link
    caption: Caption = ""
    filename: Annotated[str, Meta(max_length=240)] = ""

    def content(self) -> a.SessionContent:
        return s.Document(link=self.link, caption=self.caption, filename=self.filename)


class Video(Say, tag="video", kw_only=True):
    """A video at a public address."""

    link: Link
    caption: Caption = ""

    def content(self) -> a.SessionContent:
        return s.Video(link=self.link, caption=self.caption)


class Audio(Say, tag="audio", kw_only=True):
    """A sound at a public address."""

    link: Link

    def content(self) -> a.SessionContent:
        return s.Audio(link=self.link)


class Sticker(Say, tag="sticker", kw_only=True):
    """A WebP sticker at a public address."""

    link: Link

    def content(self) -> a.SessionContent:
        return s.Sticker(link=self.link)


class Location(Say, tag="location", kw_only=True):
    """A place, in degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90)]
    longitude: Annotated[float, Meta(ge=-180, le=180)]
    name: str = ""
    address: str = ""

    def content(self) -> a.SessionContent:
        return s.Location(latitude=self.latitude, longitude=self.longitude, name=self.name, address=self.address)


class Contacts(Say, tag="contacts", kw_only=True):
    """Contact cards as WhatsApp shapes them."""

    contacts: Annotated[list[dict[str, Any]], Meta(min_length=1)]

    def content(self) -> a.SessionContent:
        return s.Contacts(contacts=self.contacts)


class Reaction(Say, tag="reaction", kw_only=True):
    """React to one of the person's messages; no emoji takes the reaction back."""

    message_id: Annotated[str, Meta(min_length=1)]
    emoji: str = ""

    def content(self) -> a.SessionContent:
        return s.Reaction(message_id=self.message_id, emoji=self.emoji)


class Buttons(Say, tag="buttons", kw_only=True):
    """One to three buttons."""

    text: Body
    buttons: Annotated[list[Button | ButtonTitle], Meta(min_length=1, max_length=3)]
    header: Short = ""
    footer: Short = ""

    def content(self) -> a.SessionContent:
        choices = [_choice(one) for one in self.buttons]
        return s.Buttons(body=self.text, buttons=choices, header=self.header, footer=self.footer)


class ChoiceList(Say, tag="list", kw_only=True):
    """Up to ten rows behind a button."""

    text: Body
    button: ButtonTitle
    rows: Annotated[list[Row | RowTitle], Meta(min_length=1, max_length=10)]
    header: Short = ""
    footer: Short = ""

    def content(self) -> a.SessionContent:
        sections = [s.Section(rows=[_choice(one) for one in self.rows])]
        return s.ChoiceList(
            body=self.text, button=self.button, sections=sections, header=self.header, footer=self.footer
        )


class Interactive(Say, tag="interactive", kw_only=True):
    """Any other interactive message, as WhatsApp shapes its `interactive` object."""

    interactive: dict[str, Any]

    def content(self) -> a.SessionContent:
        return s.Interactive(interactive=self.interactive)


def _choice(given: Button | Row | str) -> s.Choice:
    if isinstance(given, str):
        return s.Choice(given, given)
    return s.Choice(given.id or given.title, given.title, getattr(given, "description", ""))
