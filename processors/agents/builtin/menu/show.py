"""A node as actions: what it says as buttons, lists, numbered text or media, then what it does. Pure.

Promises that everything fits what WhatsApp accepts: nothing empty, nothing too long, no more choices than it shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from processors.agents.actions import Action, Close, HandOff, OptOut, Reply, SendTemplate, UpdateCrm
from processors.agents.builtin.menu.flow import Shown, offered, option_id
from processors.agents.builtin.menu.model import (
    BODY_MAX,
    BUTTON_TITLE_MAX,
    BUTTONS_MAX,
    DESCRIPTION_MAX,
    EDGE_MAX,
    NUMBER_TITLE_MAX,
    ROW_TITLE_MAX,
    ROWS_MAX,
    TEXT_MAX,
    MenuMedia,
    Node,
    Option,
    Show,
    TemplateUse,
    Text,
)
from processors.agents.builtin.menu.texts import cut, filled, own, text_in
from schemas.session import Choice, Template

_NOTE_MAX = 2000
_GAPS = re.compile(" {2,}")  # of variables that have no value


class Teller:
    """Says a node's texts, in the language and with the variables of the moment."""

    def __init__(self, shown: Shown) -> None:
        self.node, self.world = shown.node, shown.world
        self.language = self.world.language
        self._usual = self.world.menu.languages
        self._values = self.world.values()

    def tell(self, text: Text, most: int = 0) -> str:
        return filled(text_in(text, self.language, self._usual), self._values, most)

    def title(self, text: Text, most: int) -> str:
        """As it stands: no variables."""
        return cut(text_in(text, self.language, self._usual).strip(), most)


def actions_of(shown: Shown) -> Iterator[Action]:
    """What a node says, then what it does."""
    node, teller = shown.node, Teller(shown)
    fallback = _template(node.fallback, teller) if node.fallback else None
    if not shown.again:
        if node.media:
            yield _media(node.media, teller)
        if node.location:
            spot = node.location
            yield Reply.location(spot.latitude, spot.longitude, spot.name, spot.address)
    yield from _words(shown, teller, fallback)
    if not shown.again:
        yield from _deeds(node, teller)


def _words(shown: Shown, teller: Teller, fallback: Template | None) -> Iterator[Action]:
    """The text, with what there is to choose from."""
    node, choices = shown.node, _choices(shown, teller)
    if choices:
        yield _offer(node, choices, teller, fallback)
        return
    text = teller.tell(node.text, TEXT_MAX)
    if text and not node.handoff:
        yield Reply.text(text, fallback=fallback)


def _deeds(node: Node, teller: Teller) -> Iterator[Action]:
    """What a node does besides talking."""
    if node.template:
        yield SendTemplate(_template(node.template, teller), node.template.category)
    if node.crm:
        values = teller.world.raw()
        fields = {name: filled(value, values) for name, value in node.crm.items()}
        if any(fields.values()):
            yield UpdateCrm({name: value for name, value in fields.items() if value})
    if node.opt_out:
        yield OptOut([str(one) for one in node.opt_out] if isinstance(node.opt_out, list) else [], why="menu")
    if node.handoff:
        give = node.handoff
        yield HandOff(
            group=give.group,
            id_campaign=give.campaign,
            note=_GAPS.sub(" ", teller.tell(give.note, _NOTE_MAX)),
            text=teller.tell(node.text, TEXT_MAX),
        )
    if node.close:
        yield Close()


def _media(media: MenuMedia, teller: Teller) -> Reply:
    caption = teller.tell(media.caption, BODY_MAX)
    match media.type:
        case "image":
            return Reply.image(media.link, caption)
        case "video":
            return Reply.video(media.link, caption)
        case "document":
            return Reply.document(media.link, media.filename, caption)
        case "sticker":
            return Reply.sticker(media.link)
        case _:
            return Reply.audio(media.link)


def _template(use: TemplateUse, teller: Teller) -> Template:
    """With its parameters; one that is empty would be refused, so it is a dash."""
    return Template(
        name=use.name,
        language=use.language or teller.language,
        namespace=use.namespace,
        body=[_parameter(teller.tell(text, BODY_MAX)) for text in use.body],
        header=[_parameter(teller.tell(text, BODY_MAX)) for text in use.header],
        header_kind=use.header_kind,
    )


def _parameter(text: str) -> str:
    """WhatsApp takes no line breaks and no wide gaps in a parameter."""
    return " ".join(text.split()) or "-"


def _choices(shown: Shown, teller: Teller) -> list[Choice]:
    """What there is to choose from; one that has no title in any language is left out."""
    found = []
    for index, one in offered(shown.world, shown.node):
        title = teller.title(one.title, NUMBER_TITLE_MAX)
        told = teller.tell(one.description, DESCRIPTION_MAX) if isinstance(one, Option) else ""
        if title:
            found.append(Choice(option_id(shown.node, index), title, told))
    return found


class _Style(NamedTuple):
    """How choices look besides their titles."""

    show: Show
    button: Text


def _style(node: Node) -> _Style:
    return _Style(node.ask.show, node.ask.button) if node.ask else _Style(node.show, node.button)


def _offer(node: Node, choices: list[Choice], teller: Teller, fallback: Template | None) -> Reply:
    style = _style(node)
    text = teller.tell(node.text, BODY_MAX) or own("choose", teller.language)
    header, footer = teller.tell(node.header, EDGE_MAX), teller.tell(node.footer, EDGE_MAX)
    match shown_as(style.show, choices):
        case "buttons":
            buttons = (Choice(choice.id, choice.title) for choice in choices)
            return Reply.buttons(text, *buttons, header=header, footer=footer, fallback=fallback)
        case "list":
            button = teller.tell(style.button, BUTTON_TITLE_MAX) or own("button", teller.language)
            return Reply.choices(text, button, *choices, header=header, footer=footer, fallback=fallback)
        case _:
            return Reply.text(cut(numbered(text, choices, header, footer), TEXT_MAX), fallback=fallback)


def numbered(text: str, choices: Sequence[Choice], header: str = "", footer: str = "") -> str:
    """Choices as a text whose lines are chosen by their number."""
    lines = [f"{number}. {choice.title}" for number, choice in enumerate(choices, 1)]
    above = [f"*{header}*"] if header else []
    below = ["", f"_{footer}_"] if footer else []
    return "\n".join([*above, text, "", *lines, *below])


def shown_as(show: Show, choices: Sequence[Choice]) -> Show:
    """The form that fits; where the one that is wanted does not, a plainer one."""
    longest, count = max(len(choice.title) for choice in choices), len(choices)
    titles = {choice.title for choice in choices}
    fits_list = count <= ROWS_MAX and longest <= ROW_TITLE_MAX and len(titles) == count
    fits_buttons = count <= BUTTONS_MAX and longest <= BUTTON_TITLE_MAX and len(titles) == count
    if show == "numbers" or not fits_list:
        return "numbers"
    if show == "list" or not fits_buttons:
        return "list"
    return "list" if show == "auto" and any(choice.description for choice in choices) else "buttons"
