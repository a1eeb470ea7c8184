"""How a menu goes on: from where a person is and what they said to what is shown and where they are then. Pure.

Promises: ends, whatever the menu and the person say (a menu that was checked has no circle without waiting, and of one
that was not the way is cut).
"""

from __future__ import annotations

from typing import NamedTuple

from msgspec.structs import replace

from processors.agents.builtin.menu import answers
from processors.agents.builtin.menu.conditions import FIXED, World
from processors.agents.builtin.menu.model import Anywhere, Ask, Node, Option, Value, When
from processors.agents.builtin.menu.place import Place
from processors.agents.builtin.menu.texts import filled, means, own, text_in, texts_of
from processors.text import fold

_STEPS_MAX = 50
_INDEX_MAX = 4  # digits; Python itself refuses to read thousands of them
_ALWAYS = When()


class Shown(NamedTuple):
    """A node as it is shown: with what was known when it was reached. `again`: only its question, once more."""

    node: Node
    world: World
    again: bool = False


class Turn(NamedTuple):
    """Where the person is then, and what is shown in order, after the text `first`, if there is one."""

    place: Place
    shown: list[Shown]
    first: str = ""


def go(world: World, sent: answers.Sent) -> Turn:
    """One message of the person."""
    menu, place = world.menu, world.place
    pressed = _pressed(world, sent.chosen)
    if pressed:
        return pressed
    node = menu.nodes.get(place.node)
    said = fold(sent.text)
    if node is None or not node.waits:
        return begin(world, said, own_text(world, menu.changed, "changed") if place.node else "")
    if means(menu.home, said):
        return home(world)
    if means(menu.back, said):
        return _back(world)
    way = _way(world, said)
    return _leave(world, way) if way else _answered(world, node, sent)


def begin(world: World, said: str = "", first: str = "") -> Turn:
    """A new dialogue, with the variables that it begins with: at the start, or where what was said leads from
    everywhere."""
    here = _anew(world.at(replace(world.place, talks=world.place.talks + 1)))
    way = _way(here, said)
    return enter(here, way.to if way else world.menu.start)._replace(first=first)


def resume(world: World) -> Turn:
    """A human gives the conversation back: what was begun is over, and the menu may have something to say."""
    here = _anew(world)
    return enter(here, world.menu.resumed) if world.menu.resumed else Turn(here.place, [])


def _anew(world: World) -> World:
    """Nowhere, without what does not outlive a dialogue, and with the variables that one begins with."""
    menu, place = world.menu, world.place.nowhere().knowing(dict.fromkeys(world.menu.forget, ""))
    new = {name: value for name, value in menu.variables.items() if name not in place.answers}
    return world.at(place.knowing(new))


def _way(world: World, said: str) -> Anywhere | None:
    """Where a word leads from everywhere."""
    ways = (way for way in world.menu.anywhere if means(way.keywords, said) and world.holds(way.when))
    return next(ways, None)


def home(world: World) -> Turn:
    """Back to the start, in the same dialogue."""
    return enter(world.at(world.place.nowhere()), world.menu.start)


def enter(world: World, name: str) -> Turn:
    """Go to a node, and on through those that wait for nothing."""
    shown: list[Shown] = []
    place, goal = world.place, name
    for _ in range(_STEPS_MAX):
        node = world.menu.nodes[goal]
        place = _changed(world.at(place), node)
        here = world.at(place)
        shown.append(Shown(node, here))
        if node.waits:
            return Turn(replace(place, node=node.name, misses=0, visit=place.visit + 1), shown)
        place, goal = _onward(here, node)
        if not goal:
            break
    return Turn(place.nowhere(), shown)


def _changed(world: World, node: Node) -> Place:
    """What reaching a node changes in what is remembered."""
    place = world.place.knowing(_set(world, node.set)) if node.set else world.place
    return replace(place, language=node.language) if node.language else place


def _set(world: World, written: dict[str, str]) -> dict[str, str]:
    values = world.raw()
    return {name: filled(value, values, answers.ANSWER_MAX) for name, value in written.items() if name not in FIXED}


def _onward(world: World, node: Node) -> tuple[Place, str]:
    """Where a node leads that waits for nothing; nowhere (empty) when the dialogue ends."""
    place = world.place
    if node.handoff or node.close:
        return place, ""
    if node.return_:
        while place.calls:
            caller = world.menu.nodes.get(place.calls[-1])
            place = replace(place, calls=place.calls[:-1])
            if caller and caller.to in world.menu.nodes:
                return place, caller.to
        return place, ""
    if node.call:
        return place.called(node.name), node.call
    return place, _next(world, node)


def _next(world: World, node: Node) -> str:
    """The first branch that holds, else `to`."""
    for branch in node.branch:
        barred = branch.unless != _ALWAYS and world.holds(branch.unless)
        if world.holds(branch.when) and not barred:
            return branch.to
    return node.to


def _answered(world: World, node: Node, sent: answers.Sent) -> Turn:
    if node.ask:
        value = answers.read(node.ask, sent, answers.Around(world.today, world.moment.contact))
        if value or answers.skips(node.ask, sent):
            return _noted(world, node, node.ask, value)
        return _missed(world, node)
    option = _matching(world, node, sent.text)
    return _chosen(world, node, option) if option else _missed(world, node)


def _noted(world: World, node: Node, ask: Ask, value: str) -> Turn:
    """The answer is remembered, and leads on."""
    place = world.place.walked(node.name).knowing({ask.save: value})
    onward = world.at(place)
    goal = _next(onward, node)
    return enter(onward, goal) if goal else Turn(place.nowhere(), [])


def _chosen(world: World, node: Node, option: Option) -> Turn:
    place = world.place.walked(node.name)
    return enter(world.at(place.knowing(_set(world, option.set)) if option.set else place), option.to)


def _leave(world: World, way: Anywhere) -> Turn:
    return enter(world.at(world.place.walked(world.place.node)), way.to)


def _missed(world: World, node: Node) -> Turn:
    """Say that it was not understood and ask again; after a few times in a row go on elsewhere."""
    menu, ask, misses = world.menu, node.ask, world.place.misses + 1
    give_up = (ask.give_up if ask else "") or menu.give_up
    if give_up and misses >= ((ask.tries if ask else 0) or menu.tries):
        return enter(world, give_up)
    text = _retry(world, ask) if ask else ""
    again = [Shown(node, world, again=True)] if node.options or (ask and answers.choices(ask, "")) else []
    return Turn(replace(world.place, misses=misses), again, text or own_text(world, menu.unknown, "unknown"))


def _retry(world: World, ask: Ask) -> str:
    """What to say to an answer that does not fit."""
    return own_text(world, ask.retry, "") or answers.hint(ask, world.language, world.today)


def own_text(world: World, text: object, what: str) -> str:
    """A text of the menu, or what it says by itself."""
    written = text_in(text, world.language, world.menu.languages) if isinstance(text, str | dict) else ""
    return filled(written, world.values()) if written else own(what, world.language)


def _back(world: World) -> Turn:
    """A step back; a node that is gone is passed over."""
    path = list(world.place.path)
    while path:
        step = path.pop()
        name, *calls = [step] if isinstance(step, str) else step or [""]
        if name in world.menu.nodes:
            return enter(world.at(replace(world.place, path=path, calls=calls)), name)
    return enter(world.at(replace(world.place, path=[], calls=[])), world.menu.start)


def option_id(node: Node, index: int) -> str:
    """The id of a button or row: it names its node, so that an old one still leads where it said."""
    return f"{node.name}:{index}"


def _pressed(world: World, chosen: str) -> Turn | None:
    """Where a press leads, whenever it was shown."""
    name, _, written = chosen.rpartition(":")
    node = world.menu.nodes.get(name)
    if node is None or not (written.isascii() and written.isdigit()) or len(written) > _INDEX_MAX:
        return None
    index, offered = int(written), answers.choices(node.ask, world.language) if node.ask else []
    if node.ask and index < len(offered):
        return _noted(world, node, node.ask, answers.saved(offered[index]))
    return _chosen(world, node, node.options[index]) if index < len(node.options) else None


def offered(world: World, node: Node) -> list[tuple[int, Option | Value]]:
    """What there is to choose from now, each with its place in the file."""
    if node.ask:
        return list(enumerate(answers.choices(node.ask, world.language)))
    return [(index, option) for index, option in enumerate(node.options) if world.holds(option.when)]


def _matching(world: World, node: Node, text: str) -> Option | None:
    """The option that a text means: its number, its title, or one of its keywords."""
    said = fold(text)
    options = [option for _, option in offered(world, node) if isinstance(option, Option)]
    for number, option in enumerate(options, 1):
        titles = (fold(title) for _, title in texts_of(option.title))
        if said and (said == str(number) or said in titles or means(option.keywords, said)):
            return option
    return None
