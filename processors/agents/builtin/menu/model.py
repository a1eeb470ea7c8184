"""A menu as it is written: nodes that say something, and what leads from one to the next.

These types are the one declaration of the language: the reader, the JSON Schema of the file and its reference page are
made from them. `Annotated[…, Meta(description=…)]` is what people read about a field; in `extra`, `most` bounds its
characters, and `hidden` marks what is not written in the file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from schemas.tenant import Hours

BUTTONS_MAX, BUTTON_TITLE_MAX = 3, 20
ROWS_MAX, ROW_TITLE_MAX, DESCRIPTION_MAX = 10, 24, 72
NUMBERS_MAX, NUMBER_TITLE_MAX = 30, 80
BODY_MAX, TEXT_MAX, EDGE_MAX = 1024, 4096, 60
NAME_MAX, NODES_MAX, VARIABLES_MAX = 100, 1000, 40
WAIT_MAX_S = 30 * 86_400

Show = Literal["auto", "buttons", "list", "numbers"]
MediaType = Literal["image", "video", "document", "audio", "sticker"]
Category = Literal["marketing", "utility", "otp"]
AskType = Literal[
    "text",
    "number",
    "integer",
    "date",
    "time",
    "email",
    "phone",
    "yes_no",
    "one_of",
    "rut",
    "cuit",
    "dni",
    "image",
    "document",
    "audio",
    "video",
    "location",
    "file",
]
ARRIVING = ("image", "document", "audio", "video", "location", "file")
"""Kinds of answers that are sent and not written."""

Text = str | dict[str, str]
"""One text, or one for each language."""
Words = str | list[str] | dict[str, str | list[str]]
"""Words that mean something, or those of each language."""


def _says(description: str, **extra: Any) -> Meta:
    return Meta(description=description, extra=extra or None)


def _written(name: str) -> str:
    return name.rstrip("_")  # `is`, `not` and `return` are words of Python


class Part(msgspec.Struct, frozen=True, kw_only=True, rename=_written):
    """The base of all parts of a menu."""


class Test(Part, frozen=True, kw_only=True):
    """What a variable must be. Numbers are compared with numbers, dates with dates."""

    __test__ = False  # not one of pytest's

    known: Annotated[bool | None, _says("Whether it has a value at all.")] = None
    is_: Annotated[str | list[str], _says("It is this, or one of these; case and accents do not count.")] = []
    not_: Annotated[str | list[str], _says("It is none of these; also when it has no value.")] = []
    min: Annotated[str, _says("It is at least this: a number, a date (YYYY-MM-DD), or today, today+7d, today-18y.")] = (
        ""
    )
    max: Annotated[str, _says("It is at most this.")] = ""


class When(Part, frozen=True, kw_only=True):
    """Conditions; all that are given must hold."""

    language: Annotated[str | list[str], _says("The dialogue is in this language, or one of these.")] = []
    hours: Annotated[str, _says("The business is open by the hours with this name.")] = ""
    closed: Annotated[str, _says("It is closed by the hours with this name.")] = ""
    new_contact: Annotated[bool | None, _says("The menu never talked with the person before.")] = None
    window: Annotated[bool | None, _says("The 24-hour window is open.")] = None
    variables: Annotated[dict[str, str | list[str] | Test], _says("What variables must be.")] = {}


class Branch(Part, frozen=True, kw_only=True):
    """Where to go on when its conditions hold."""

    when: Annotated[When, _says("All of these must hold.")] = When()
    unless: Annotated[When, _says("Not all of these may hold.")] = When()
    to: Annotated[str, _says("The node to go on at.")]


class Option(Part, frozen=True, kw_only=True):
    """One choice: chosen by a press, its number, its title or one of its keywords."""

    title: Annotated[Text, _says("What the button or row says.")]
    to: Annotated[str, _says("The node to go on at.")]
    keywords: Annotated[Words, _says("Other words that choose it.")] = []
    description: Annotated[Text, _says("A second line, in lists alone.", most=DESCRIPTION_MAX)] = ""
    when: Annotated[When, _says("It is offered when all of these hold.")] = When()
    set: Annotated[dict[str, str], _says("Variables that choosing it sets.")] = {}


class MenuMedia(Part, frozen=True, kw_only=True):
    """Something to see or hear, at a public HTTPS address."""

    type: Annotated[MediaType, _says("What it is.")] = "image"
    link: Annotated[str, _says("A public address that begins with https://.")]
    caption: Annotated[Text, _says("Words under it.", most=BODY_MAX)] = ""
    filename: Annotated[str, _says("A document's name.")] = ""


class Spot(Part, frozen=True, kw_only=True):
    """A place on the map, in degrees."""

    latitude: Annotated[float, Meta(ge=-90, le=90, description="North of the equator.")]
    longitude: Annotated[float, Meta(ge=-180, le=180, description="East of Greenwich.")]
    name: Annotated[str, _says("What the place is called.")] = ""
    address: Annotated[str, _says("Where it is, in words.")] = ""


class Value(Part, frozen=True, kw_only=True):
    """One answer of several: what is shown, and what is remembered of it."""

    title: Annotated[Text, _says("What the button or row says.")]
    save: Annotated[str, _says("What is remembered; else the title.")] = ""
    keywords: Annotated[Words, _says("Other words that mean it.")] = []


class Ask(Part, frozen=True, kw_only=True):
    """A question whose answer is remembered; one that does not fit is asked again."""

    save: Annotated[str, _says("The variable that the answer is remembered as.")]
    type: Annotated[AskType, _says("What the answer must be.")] = "text"
    pattern: Annotated[str, _says("A regular expression that the whole answer must fit.")] = ""
    min: Annotated[str, _says("The least: a number, a date or time; of a text its characters.")] = ""
    max: Annotated[str, _says("The most.")] = ""
    values: Annotated[list[Value | str], _says("The answers of `one_of`.")] = []
    show: Annotated[Show, _says("How answers to choose from are shown.")] = "auto"
    button: Annotated[Text, _says("What opens a list of them.", most=BUTTON_TITLE_MAX)] = ""
    skip: Annotated[Words, _says("Words that leave the question without an answer.")] = []
    retry: Annotated[Text, _says("What is said when the answer does not fit.", most=TEXT_MAX)] = ""
    tries: Annotated[int, Meta(ge=0, le=100, description="After so many misses: `give_up`; else the menu's.")] = 0
    give_up: Annotated[str, _says("The node to go on at then; else the menu's.")] = ""


class GiveOver(Part, frozen=True, kw_only=True):
    """To whom a hand-off goes, and what the human should know."""

    group: Annotated[str, _says("A group's code, on API Bot accounts.")] = ""
    campaign: Annotated[str, _says("A campaign's id, on API Bot accounts.")] = ""
    note: Annotated[Text, _says("For the human.")] = ""


class TemplateUse(Part, frozen=True, kw_only=True):
    """An approved template with its parameters."""

    name: Annotated[str, _says("As WhatsApp has it.")]
    language: Annotated[str, _says("Its language; else the dialogue's.")] = ""
    namespace: Annotated[str, _says("Where Chattigo wants one.")] = ""
    body: Annotated[list[Text], _says("The body's parameters.")] = []
    header: Annotated[list[Text], _says("The header's parameter: a text, or an address.")] = []
    header_kind: Annotated[Literal["text", "image", "video", "document"], _says("What the header takes.")] = "text"
    category: Annotated[Literal["utility", "marketing"], _says("What it counts as.")] = "utility"


class Timeout(Part, frozen=True, kw_only=True):
    """Where to go on when the person does not answer."""

    after_s: Annotated[int, Meta(ge=1, le=WAIT_MAX_S, description="Seconds without an answer.")]
    to: Annotated[str, _says("The node to go on at.")]


class Idle(Part, frozen=True, kw_only=True):
    """What happens when the person falls silent anywhere: a reminder, then the end."""

    remind_s: Annotated[int, Meta(ge=0, le=WAIT_MAX_S, description="Seconds until the reminder; 0: none.")] = 0
    remind: Annotated[Text, _says("The reminder.", most=TEXT_MAX)] = ""
    close_s: Annotated[int, Meta(ge=0, le=WAIT_MAX_S, description="Seconds until the end; 0: never.")] = 0
    goodbye: Annotated[Text, _says("The last words then.", most=TEXT_MAX)] = ""
    to: Annotated[str, _says("The node to go on at instead of ending.")] = ""


class Anywhere(Part, frozen=True, kw_only=True):
    """Words that lead to a node from everywhere."""

    keywords: Annotated[Words, _says("When one of these is the whole message.")]
    to: Annotated[str, _says("The node to go on at.")]
    when: Annotated[When, _says("They count when all of these hold.")] = When()


class Node(Part, frozen=True, kw_only=True):
    """A place in the menu: it does things, says something, and then waits, goes on or ends."""

    name: Annotated[str, Meta(extra={"hidden": True})] = ""
    set: Annotated[dict[str, str], _says("Variables to set; an empty value forgets one.")] = {}
    language: Annotated[str, _says("The dialogue is in this language from here on.")] = ""
    media: Annotated[MenuMedia | None, _says("Something to see or hear, before the text.")] = None
    location: Annotated[Spot | None, _says("A place on the map, before the text.")] = None
    header: Annotated[Text, _says("A line above, with buttons or a list.", most=EDGE_MAX)] = ""
    text: Annotated[Text, _says("What is said; `{variables}` are filled in.", most=TEXT_MAX)] = ""
    footer: Annotated[Text, _says("A line below, with buttons or a list.", most=EDGE_MAX)] = ""
    template: Annotated[TemplateUse | None, _says("An approved template to send.")] = None
    fallback: Annotated[TemplateUse | None, _says("Sent instead of the text when the window has closed.")] = None
    crm: Annotated[dict[str, str], _says("Fields for the CRM, with variables filled in.")] = {}
    opt_out: Annotated[bool | list[Category], _says("The person wants no more: of anything, or of these.")] = False
    options: Annotated[list[Option], _says("What the person can choose from.")] = []
    show: Annotated[Show, _says("How options are shown: as buttons, a list, or numbers.")] = "auto"
    button: Annotated[Text, _says("What opens the list.", most=BUTTON_TITLE_MAX)] = ""
    ask: Annotated[Ask | None, _says("A question; its answer leads on.")] = None
    timeout: Annotated[Timeout | None, _says("Where to go on without an answer; instead of the menu's `idle`.")] = None
    handoff: Annotated[GiveOver | None, _says("Give the conversation to a human.")] = None
    close: Annotated[bool, _says("End the chat.")] = False
    call: Annotated[str, _says("Play the part that begins at this node, then go on at `to`.")] = ""
    return_: Annotated[bool, _says("Go back to the node that called.")] = False
    branch: Annotated[list[Branch], _says("Where to go on: the first that holds, else `to`.")] = []
    to: Annotated[str, _says("The node to go on at.")] = ""

    @property
    def waits(self) -> bool:
        """Whether the person's next message is an answer to this node."""
        return bool(self.options or self.ask)

    @property
    def goes_on(self) -> bool:
        """Whether there is a way on from here without waiting; else the dialogue ends."""
        return not (self.waits or self.handoff or self.close) and bool(
            self.to or self.branch or self.call or self.return_
        )


class Menu(Part, frozen=True, kw_only=True):
    """A whole menu."""

    start: Annotated[str, _says("The node to begin at.")]
    languages: Annotated[list[str], _says("Languages that texts are written in, the usual one first.")] = []
    zone: Annotated[str, _says("Whose clock `today` means, such as America/Santiago; else that of the hours.")] = ""
    hours: Annotated[dict[str, Hours], _says("Office hours by name, besides those of the tenant.")] = {}
    variables: Annotated[dict[str, str], _says("Variables and what they are in the beginning.")] = {}
    forget: Annotated[list[str], _says("Variables that do not outlive a dialogue.")] = []
    unknown: Annotated[Text, _says("What is said to what fits nothing.", most=TEXT_MAX)] = ""
    changed: Annotated[Text, _says("What is said to who is at a node that is gone.", most=TEXT_MAX)] = ""
    back: Annotated[Words, _says("Words that lead a step back.")] = msgspec.field(
        default_factory=lambda: ["volver", "atrás"]
    )
    home: Annotated[Words, _says("Words that lead to the start.")] = msgspec.field(
        default_factory=lambda: ["menú", "inicio"]
    )
    anywhere: Annotated[list[Anywhere], _says("Words that lead to a node from everywhere.")] = []
    tries: Annotated[int, Meta(ge=1, le=1_000_000, description="So many misses in a row lead to `give_up`.")] = 3
    give_up: Annotated[str, _says("The node to go on at then.")] = ""
    idle: Annotated[Idle | None, _says("What happens when the person falls silent.")] = None
    resumed: Annotated[str, _says("The node to play when a human gives the conversation back.")] = ""
    nodes: Annotated[dict[str, Node], _says("The nodes by name.")]
    kinds: Annotated[dict[str, str], Meta(extra={"hidden": True})] = {}  # each variable, and what is asked for as it
