"""The menu as an agent: plays a tenant's nodes, and keeps the person's place in its memory.

The tenant's file names the menu under `agents.menu.file`; its text is in the tenant's record under
`agents.menu.menu`. A tenant without one gets the packaged menu. A person who was given to a human, or whose chat
ended, starts anew. One timer a conversation, of the node that waits; one of an earlier visit means nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache
from typing import Any

from msgspec.structs import replace

from processors.agents.actions import Action, Close, Remember, Reply, Schedule
from processors.agents.agent import Conversation, choice_of, text_of
from processors.agents.builtin.menu.answers import Sent
from processors.agents.builtin.menu.conditions import Moment, World
from processors.agents.builtin.menu.flow import Turn, begin, enter, go, own_text, resume
from processors.agents.builtin.menu.load import default_text, load
from processors.agents.builtin.menu.model import Menu
from processors.agents.builtin.menu.place import Place, kept, recalled
from processors.agents.builtin.menu.show import actions_of
from processors.agents.checks import Problem
from schemas.content import Reaction, RequestWelcome
from schemas.inbound import InboundEvent

_AT = "at"
TIMER = "menu"


async def menu(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Answers messages, and timers of its own; a chat that ended or came back starts anew."""
    place = recalled(conversation.memory, _AT)
    written = menu_of(conversation.config)
    world = World(written, moment_of(conversation, event), place)
    for action in _handled(world, event):
        yield action


def _handled(world: World, event: InboundEvent) -> Iterator[Action]:
    match event.kind:
        case "message" if not isinstance(event.content, Reaction):
            welcome = isinstance(event.content, RequestWelcome)
            sent = Sent(text_of(event), choice_of(event), event.content)
            yield from _played(world, begin(world) if welcome else go(world, sent))
        case "timer" if event.extra.get("name") == TIMER:
            yield from _rung(world, event.extra.get("payload"))
        case "resumed":
            yield from _played(world, resume(world))
        case "session":
            yield from _played(world, Turn(world.place.nowhere(), []))
        case _:
            return


def _played(world: World, turn: Turn) -> Iterator[Action]:
    """What a turn shows, what is remembered of it, and the timer of the node that waits."""
    if turn.first:
        yield Reply.text(turn.first)
    for shown in turn.shown:
        yield from actions_of(shown)
    timer = timer_of(world.menu, turn.place)
    if timer or turn.place.timed:
        yield timer or Schedule.cancel(TIMER)
    place = replace(turn.place, timed=timer is not None)
    yield Remember({_AT: kept(place, world.menu.kinds)})


def timer_of(menu: Menu, place: Place) -> Schedule | None:
    """The timer of the node that waits: its own, or the menu's first of two."""
    node, idle = menu.nodes.get(place.node), menu.idle
    if node is None:
        return None
    if node.timeout:
        return _timer(place, "timeout", node.timeout.after_s)
    if idle and idle.remind_s:
        return _timer(place, "remind", idle.remind_s)
    return _timer(place, "end", idle.close_s) if idle and idle.close_s else None


def _timer(place: Place, what: str, in_s: float) -> Schedule:
    return Schedule(TIMER, in_s, {"what": what, "visit": place.visit})


def _rung(world: World, payload: Any) -> Iterator[Action]:
    """Nobody answered in time. A timer of another visit, or of a menu that has changed, does nothing."""
    place, menu = world.place, world.menu
    told = payload if isinstance(payload, dict) else {}
    node = menu.nodes.get(place.node)
    if node is None or told.get("visit") != place.visit:
        return
    if told.get("what") == "timeout" and node.timeout:
        yield from _played(world, enter(world.at(place.walked(node.name)), node.timeout.to))
    elif menu.idle and told.get("what") == "remind":
        yield Reply.text(own_text(world, menu.idle.remind, "remind"))
        if menu.idle.close_s:
            yield _timer(place, "end", max(menu.idle.close_s - menu.idle.remind_s, 1))
    elif menu.idle and told.get("what") == "end":
        yield from _ended(world, menu.idle.to, own_text(world, menu.idle.goodbye, ""))


def _ended(world: World, to: str, goodbye: str) -> Iterator[Action]:
    """The person is gone: the last words, and the end or another node."""
    turn = enter(world.at(world.place.nowhere()), to) if to else Turn(world.place.nowhere(), [])
    yield from _played(world, turn._replace(first=goodbye))
    if not to:
        yield Close()


def moment_of(conversation: Conversation, event: InboundEvent) -> Moment:
    """What a menu may know of a conversation at an event."""
    facts = conversation.facts
    return Moment(
        name=conversation.name,
        contact=conversation.contact,
        line=conversation.did,
        language=facts.language,
        at_ms=event.at_ms,
        window_open=facts.window_expires_ms > event.at_ms,
        hours=conversation.hours,
    )


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with what a tenant's file says of its menu; the menu itself is checked line by line besides."""
    if not isinstance(settings.get("menu", ""), str):
        yield Problem(("menu",), "a menu's text, or `file: PATH` instead")


def menu_of(config: Mapping[str, Any]) -> Menu:
    """The tenant's menu, or the packaged one. Raises MenuError."""
    written = config.get("menu")
    return load(written) if isinstance(written, str) and written.strip() else _default()


@cache
def _default() -> Menu:
    return load(default_text())
