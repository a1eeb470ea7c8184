"""What an agent may yield: each action is a value that says what should happen, and does nothing by itself.

The host carries the actions of one event out together with what the agent remembers, or not at all. It stamps
tenant, line and contact; an agent cannot write to anybody but the person it was asked by.
"""

from __future__ import annotations

from typing import Any, ClassVar, TypedDict, Unpack

import msgspec

from schemas import session
from schemas.delivery import Ended
from schemas.outbound import SendClass
from schemas.session import Choice, Section, Template

SessionContent = (
    session.Text
    | session.Image
    | session.Document
    | session.Video
    | session.Audio
    | session.Sticker
    | session.Location
    | session.Contacts
    | session.Reaction
    | session.Buttons
    | session.ChoiceList
    | session.Interactive
)


class Action(msgspec.Struct, frozen=True):
    """The base of all actions; `kind` is its name in metrics."""

    kind: ClassVar[str] = ""


class Terms(TypedDict, total=False):
    """What every reply may say besides its content; `Reply` explains it."""

    quote: bool
    fallback: Template | None
    expires_s: float


class Reply(Action, frozen=True):
    """Say something in the open 24-hour window. `quote` answers the person's message as a quotation.

    `fallback` is sent instead when the window has closed by the time of sending; `expires_s` after which it is not
    worth sending any more (0: as long as the window).
    """

    kind: ClassVar[str] = "reply"
    content: SessionContent
    quote: bool = False
    fallback: Template | None = None
    expires_s: float = 0

    @classmethod
    def text(cls, body: str, *, preview_url: bool = False, **terms: Unpack[Terms]) -> Reply:
        """Plain text, at most 4096 characters."""
        return cls(session.Text(body=body, preview_url=preview_url), **terms)

    @classmethod
    def image(cls, link: str, caption: str = "", **terms: Unpack[Terms]) -> Reply:
        """A picture at a public HTTPS address."""
        return cls(session.Image(link=link, caption=caption), **terms)

    @classmethod
    def document(cls, link: str, filename: str = "", caption: str = "", **terms: Unpack[Terms]) -> Reply:
        """A file at a public HTTPS address."""
        return cls(session.Document(link=link, filename=filename, caption=caption), **terms)

    @classmethod
    def video(cls, link: str, caption: str = "", **terms: Unpack[Terms]) -> Reply:
        """A video at a public HTTPS address."""
        return cls(session.Video(link=link, caption=caption), **terms)

    @classmethod
    def audio(cls, link: str, **terms: Unpack[Terms]) -> Reply:
        """A sound at a public HTTPS address."""
        return cls(session.Audio(link=link), **terms)

    @classmethod
    def sticker(cls, link: str, **terms: Unpack[Terms]) -> Reply:
        """A WebP sticker at a public HTTPS address."""
        return cls(session.Sticker(link=link), **terms)

    @classmethod
    def location(
        cls, latitude: float, longitude: float, name: str = "", address: str = "", **terms: Unpack[Terms]
    ) -> Reply:
        """A place, in degrees."""
        return cls(session.Location(latitude=latitude, longitude=longitude, name=name, address=address), **terms)

    @classmethod
    def contacts(cls, *cards: dict[str, Any], **terms: Unpack[Terms]) -> Reply:
        """Contact cards as WhatsApp shapes them."""
        return cls(session.Contacts(contacts=list(cards)), **terms)

    @classmethod
    def reaction(cls, emoji: str, message_id: str, **terms: Unpack[Terms]) -> Reply:
        """React to one of the person's messages; an empty emoji takes the reaction back."""
        return cls(session.Reaction(message_id=message_id, emoji=emoji), **terms)

    @classmethod
    def buttons(
        cls, body: str, *choices: Choice | str, header: str = "", footer: str = "", **terms: Unpack[Terms]
    ) -> Reply:
        """One to three buttons; a text stands for a button whose id is its title."""
        buttons = [_choice(choice) for choice in choices]
        return cls(session.Buttons(body=body, buttons=buttons, header=header, footer=footer), **terms)

    @classmethod
    def choices(
        cls,
        body: str,
        button: str,
        *rows: Choice | str,
        header: str = "",
        footer: str = "",
        **terms: Unpack[Terms],
    ) -> Reply:
        """A list of up to ten rows behind a button."""
        sections = [Section(rows=[_choice(row) for row in rows])]
        shown = session.ChoiceList(body=body, button=button, sections=sections, header=header, footer=footer)
        return cls(shown, **terms)


def _choice(choice: Choice | str) -> Choice:
    return choice if isinstance(choice, Choice) else Choice(id=choice, title=choice)


class SendTemplate(Action, frozen=True):
    """Send an approved template: allowed at any time, and may cost money."""

    kind: ClassVar[str] = "send_template"
    template: Template
    send_class: SendClass = "utility"


class HandOff(Action, frozen=True):
    """Give the conversation to a human. The agent hears nothing more until it is given back.

    `group` and `id_campaign` say to whom (API Bot accounts); `text` are the last words to the person; `note` is
    for the human and the taps.
    """

    kind: ClassVar[str] = "hand_off"
    group: str = ""
    id_campaign: str = ""
    note: str = ""
    text: str = ""


class HumanSays(Action, frozen=True):
    """A human's words, which an agent passes on: they go to the person, and the conversation is the human's."""

    kind: ClassVar[str] = "human_says"
    content: SessionContent


class GiveBack(Action, frozen=True):
    """The human is done: the bot has the conversation again."""

    kind: ClassVar[str] = "give_back"


class Close(Action, frozen=True):
    """End the chat."""

    kind: ClassVar[str] = "close"


class Remember(Action, frozen=True):
    """Add to the conversation's memory at once; None forgets a name. Values are what JSON can say."""

    kind: ClassVar[str] = "remember"
    values: dict[str, Any]


class Schedule(Action, frozen=True):
    """Wake this agent with an event of kind `timer` in so many seconds; one timer a name, a new one replaces it.

    The event's `extra` has `name` and `payload` (what JSON can say). No earlier than asked, usually within two
    seconds; not while a human owns the conversation.
    """

    kind: ClassVar[str] = "schedule"
    name: str
    in_s: float | None = None
    payload: Any = None

    @classmethod
    def cancel(cls, name: str) -> Schedule:
        """Take a timer off, if it is set."""
        return cls(name)


class UpdateCrm(Action, frozen=True):
    """Facts for your CRM, with names and values as you like (what JSON can say): the taps get them as an event `crm`.

    They keep their place among the person's events. This agent itself is not told.
    """

    kind: ClassVar[str] = "update_crm"
    fields: dict[str, Any]


class Bury(Action, frozen=True):
    """Give something up: it is kept as a dead letter of the agent, for `reason` (one word) and by `error` (no people's
    data). Put back, it comes as an event `id` of kind `timer` with this `name` and `payload`."""

    kind: ClassVar[str] = "bury"
    id: str
    name: str
    payload: Any
    reason: str
    error: str


class NoteDeliveries(Action, frozen=True):
    """Put on record which deliveries to systems outside were `made`, and which are none any more (see `deliveries`)."""

    kind: ClassVar[str] = "note_deliveries"
    made: list[str]
    ended: list[Ended]


class OptIn(Action, frozen=True):
    """The person wants these categories again (none given: all). The agent itself says so to the person."""

    kind: ClassVar[str] = "opt_in"
    categories: list[str] = []
    why: str = "agent"


class OptOut(Action, frozen=True):
    """The person wants no more of these categories (none given: all but one-time passwords)."""

    kind: ClassVar[str] = "opt_out"
    categories: list[str] = []
    why: str = "agent"
