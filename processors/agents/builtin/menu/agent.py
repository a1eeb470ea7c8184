"""The menu as an agent: shows nodes as buttons, lists or numbered text, and keeps the place in its memory.

The tenant's file names the menu under `agents.menu.file`; its text is in the tenant's record under
`agents.menu.menu`. A tenant without one gets the packaged menu. A person who was given to a human, or whose chat
ended, starts anew.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any

import msgspec

from processors.agents.actions import Action, Close, HandOff, Remember, Reply
from processors.agents.agent import Conversation, choice_of, text_of
from processors.agents.builtin.menu.flow import Place, Said, enter, filled, go, option_id
from processors.agents.builtin.menu.load import default_text, load
from processors.agents.builtin.menu.model import (
    BUTTON_TITLE_MAX,
    BUTTONS_MAX,
    ROW_TITLE_MAX,
    ROWS_MAX,
    Menu,
    MenuMedia,
    Node,
    Show,
)
from schemas.content import Reaction, RequestWelcome
from schemas.inbound import InboundEvent
from schemas.session import Choice

_AT = "at"


async def menu(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Answers messages; a chat that ended or came back starts anew; all else is not a menu's business."""
    place = msgspec.convert(conversation.memory.get(_AT, {}), Place)
    if event.kind in ("resumed", "session"):
        yield _remember(Place(answers=place.answers))
    if event.kind != "message" or isinstance(event.content, Reaction):
        return
    written = menu_of(conversation.config)
    if isinstance(event.content, RequestWelcome):
        turn = enter(written, Place(answers=place.answers), written.start)
    else:
        turn = go(written, place, Said(text_of(event), choice_of(event)))
    values = {**turn.place.answers, "name": conversation.name, "contact": conversation.contact}
    if turn.first:
        yield Reply.text(filled(turn.first, values))
    for node in turn.shown:
        for action in _show(node, values):
            yield action
    yield _remember(turn.place)


def menu_of(config: Mapping[str, Any]) -> Menu:
    """The tenant's menu, or the packaged one. Raises MenuError."""
    written = config.get("menu")
    return load(written) if isinstance(written, str) and written.strip() else _default()


@cache
def _default() -> Menu:
    return load(default_text())


def _remember(place: Place) -> Remember:
    return Remember({_AT: msgspec.to_builtins(place)})


def _show(node: Node, values: Mapping[str, Any]) -> Iterator[Action]:
    """What a node says, then what it does."""
    if node.media:
        yield _media(node.media, values)
    text = filled(node.text, values)
    if node.options:
        yield _choices(node, text)
    elif text and not node.handoff:
        yield Reply.text(text)
    if node.handoff:
        give = node.handoff
        yield HandOff(group=give.group, id_campaign=give.campaign, note=filled(give.note, values), text=text)
    if node.close:
        yield Close()


def _media(media: MenuMedia, values: Mapping[str, Any]) -> Reply:
    caption = filled(media.caption, values)
    match media.type:
        case "image":
            return Reply.image(media.link, caption)
        case "video":
            return Reply.video(media.link, caption)
        case "document":
            return Reply.document(media.link, media.filename, caption)
        case _:
            return Reply.audio(media.link)


def _choices(node: Node, text: str) -> Reply:
    choices = [Choice(option_id(node, i), option.title, option.description) for i, option in enumerate(node.options)]
    match _shown_as(node):
        case "buttons":
            return Reply.buttons(text, *(Choice(choice.id, choice.title) for choice in choices))
        case "list":
            return Reply.choices(text, node.button, *choices)
        case _:
            lines = [f"{number}. {choice.title}" for number, choice in enumerate(choices, 1)]
            return Reply.text("\n".join([text, "", *lines] if text else lines))


def _shown_as(node: Node) -> Show:
    if node.show != "auto":
        return node.show
    longest, count = max(len(option.title) for option in node.options), len(node.options)
    described = any(option.description for option in node.options)
    if count <= BUTTONS_MAX and longest <= BUTTON_TITLE_MAX and not described:
        return "buttons"
    return "list" if count <= ROWS_MAX and longest <= ROW_TITLE_MAX else "numbers"
