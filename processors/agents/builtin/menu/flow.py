"""How a menu goes on: from where a person is and what they said to what is said and where they are then. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from processors.agents.builtin.menu.load import VARIABLE
from processors.agents.builtin.menu.model import Menu, Node, Option
from processors.routing.pattern import TEXT_MAX, compiled
from processors.text import fold

_PATH_MAX = 20
_INDEX_MAX = 4  # digits; Python itself refuses to read thousands of them


class Said(NamedTuple):
    """What the person sent: its words, and the id of a choice if it was one."""

    text: str
    chosen: str = ""


class Place(msgspec.Struct, frozen=True):
    """Where a person is: the node that waits for them (empty: nowhere yet), how they came there, answers given."""

    node: str = ""
    path: list[str] = []
    misses: int = 0
    answers: dict[str, str] = {}


class Turn(NamedTuple):
    """`shown` are the nodes to show in order, after the text `first`, if there is one."""

    place: Place
    shown: list[Node]
    first: str = ""


def go(menu: Menu, place: Place, said: Said) -> Turn:
    """One message of the person."""
    node = menu.nodes.get(place.node)
    jumped = _pressed(menu, said.chosen)
    if jumped:
        return enter(menu, _remembering(place, jumped[0].name), jumped[1].to)
    if node is None:
        return enter(menu, Place(answers=place.answers), menu.start)
    word = fold(said.text)
    if word in map(fold, menu.home):
        return enter(menu, Place(answers=place.answers), menu.start)
    if word in map(fold, menu.back):
        return _back(menu, place)
    return _answered(menu, place, node, said)


def enter(menu: Menu, place: Place, name: str) -> Turn:
    """Go to a node, and on through those that wait for nothing."""
    shown: list[Node] = []
    node = menu.nodes[name]
    while True:
        shown.append(node)
        if node.waits:
            return Turn(msgspec.structs.replace(place, node=node.name, misses=0), shown)
        if node.handoff or node.close or not node.to:
            return Turn(Place(answers=place.answers), shown)
        node = menu.nodes[node.to]


def _answered(menu: Menu, place: Place, node: Node, said: Said) -> Turn:
    if node.ask:
        answer = said.text.strip()
        if answer and (not node.ask.pattern or compiled(node.ask.pattern).fullmatch(answer[:TEXT_MAX])):
            answers = {**place.answers, node.ask.save: answer[:TEXT_MAX]}
            return enter(menu, _remembering(msgspec.structs.replace(place, answers=answers), node.name), node.to)
        return _missed(menu, place, node, node.ask.retry or menu.unknown)
    option = _matching(node, said.text)
    if option:
        return enter(menu, _remembering(place, node.name), option.to)
    return _missed(menu, place, node, menu.unknown)


def _missed(menu: Menu, place: Place, node: Node, text: str) -> Turn:
    """Say that it was not understood and ask again; after a few times in a row go on elsewhere."""
    misses = place.misses + 1
    if menu.give_up and misses >= menu.tries:
        return enter(menu, place, menu.give_up)
    return Turn(msgspec.structs.replace(place, misses=misses), [node] if node.options else [], text)


def _back(menu: Menu, place: Place) -> Turn:
    path = [name for name in place.path if name in menu.nodes]
    before = path.pop() if path else menu.start
    return enter(menu, msgspec.structs.replace(place, path=path), before)


def _remembering(place: Place, name: str) -> Place:
    return msgspec.structs.replace(place, path=[*place.path, name][-_PATH_MAX:])


def option_id(node: Node, index: int) -> str:
    """The id of a button or row: it names its node, so that an old one still leads where it said."""
    return f"{node.name}:{index}"


def _pressed(menu: Menu, chosen: str) -> tuple[Node, Option] | None:
    name, _, index = chosen.rpartition(":")
    node = menu.nodes.get(name)
    if node is None or not index.isdecimal() or len(index) > _INDEX_MAX or int(index) >= len(node.options):
        return None
    return node, node.options[int(index)]


def _matching(node: Node, text: str) -> Option | None:
    """The option that a text means: its number, its title, or one of its keywords."""
    word = fold(text)
    for number, option in enumerate(node.options, 1):
        if word and word in (str(number), fold(option.title), *map(fold, option.keywords)):
            return option
    return None


def filled(text: str, values: Mapping[str, Any]) -> str:
    """The text with `{variables}`; one that is not known yet is left out."""
    return VARIABLE.sub(lambda match: str(values.get(match[1], "")), text)
