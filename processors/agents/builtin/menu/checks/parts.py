"""The parts of a menu with their places in the file: texts, conditions, and names of nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from processors.agents.builtin.menu.model import Menu, Node, TemplateUse, Text, Value, When, Words
from processors.agents.builtin.menu.problem import Path


class Told(NamedTuple):
    """A text; `fills` says whether variables are filled in."""

    path: Path
    text: Text
    fills: bool = True


def texts(menu: Menu) -> Iterator[Told]:
    """All that people read."""
    yield Told(("unknown",), menu.unknown)
    yield Told(("changed",), menu.changed)
    if menu.idle:
        yield Told(("idle", "remind"), menu.idle.remind)
        yield Told(("idle", "goodbye"), menu.idle.goodbye)
    for name, node in menu.nodes.items():
        yield from _of_node(("nodes", name), node)


def _of_node(at: Path, node: Node) -> Iterator[Told]:
    for field in ("header", "text", "footer", "button"):
        yield Told((*at, field), getattr(node, field))
    if node.media:
        yield Told((*at, "media", "caption"), node.media.caption)
    if node.handoff:
        yield Told((*at, "handoff", "note"), node.handoff.note)
    for field in ("template", "fallback"):
        yield from _of_template((*at, field), getattr(node, field))
    for index, option in enumerate(node.options):
        yield Told((*at, "options", index, "title"), option.title, False)
        yield Told((*at, "options", index, "description"), option.description)
    if node.ask:
        yield Told((*at, "ask", "retry"), node.ask.retry)
        yield Told((*at, "ask", "button"), node.ask.button)
        for index, value in enumerate(node.ask.values):
            if isinstance(value, Value):
                yield Told((*at, "ask", "values", index, "title"), value.title, False)
            else:
                yield Told((*at, "ask", "values", index), value, False)


def _of_template(at: Path, use: TemplateUse | None) -> Iterator[Told]:
    for field in ("body", "header") if use else ():
        for index, text in enumerate(getattr(use, field)):
            yield Told((*at, field, index), text)


def formulas(menu: Menu) -> Iterator[tuple[Path, str]]:
    """Texts that nobody reads, in which variables are filled in."""
    for name, node in menu.nodes.items():
        for field in ("set", "crm"):
            yield from (((("nodes", name, field, key)), text) for key, text in getattr(node, field).items())
        for index, option in enumerate(node.options):
            for key, text in option.set.items():
                yield ("nodes", name, "options", index, "set", key), text


def setters(menu: Menu) -> Iterator[tuple[Path, str]]:
    """Where variables get a value, and their names."""
    yield from ((("variables", name), name) for name in menu.variables)
    for name, node in menu.nodes.items():
        yield from ((("nodes", name, "set", key), key) for key in node.set)
        for index, option in enumerate(node.options):
            yield from ((("nodes", name, "options", index, "set", key), key) for key in option.set)
        if node.ask:
            yield ("nodes", name, "ask", "save"), node.ask.save


def kinds(menu: Menu) -> Mapping[str, str]:
    """Each variable, and of what type the answer is that it holds; empty where that is not one alone."""
    found = {name: "" for _, name in setters(menu) if name}
    asked: dict[str, set[str]] = {}
    for node in menu.nodes.values():
        if node.ask and node.ask.save:
            asked.setdefault(node.ask.save, set()).add(node.ask.type)
    return found | {name: next(iter(types)) if len(types) == 1 else "" for name, types in asked.items()}


def conditions(menu: Menu) -> Iterator[tuple[Path, When]]:
    """All conditions."""
    for index, way in enumerate(menu.anywhere):
        yield ("anywhere", index, "when"), way.when
    for name, node in menu.nodes.items():
        for index, option in enumerate(node.options):
            yield ("nodes", name, "options", index, "when"), option.when
        for index, branch in enumerate(node.branch):
            yield ("nodes", name, "branch", index, "when"), branch.when
            yield ("nodes", name, "branch", index, "unless"), branch.unless


def targets(menu: Menu) -> Iterator[tuple[Path, str]]:
    """All names of nodes that something leads to; empty ones are not given."""
    for field in ("start", "give_up", "resumed"):
        yield (field,), getattr(menu, field)
    if menu.idle:
        yield ("idle", "to"), menu.idle.to
    yield from ((("anywhere", index, "to"), way.to) for index, way in enumerate(menu.anywhere))
    for name, node in menu.nodes.items():
        at: Path = ("nodes", name)
        yield (*at, "to"), node.to
        yield (*at, "call"), node.call
        yield from (((*at, "options", index, "to"), option.to) for index, option in enumerate(node.options))
        yield from (((*at, "branch", index, "to"), branch.to) for index, branch in enumerate(node.branch))
        if node.ask:
            yield (*at, "ask", "give_up"), node.ask.give_up
        if node.timeout:
            yield (*at, "timeout", "to"), node.timeout.to


def words(menu: Menu) -> Iterator[tuple[Path, Words]]:
    """All words that mean something."""
    yield ("back",), menu.back
    yield ("home",), menu.home
    yield from ((("anywhere", index, "keywords"), way.keywords) for index, way in enumerate(menu.anywhere))
    for name, node in menu.nodes.items():
        for index, option in enumerate(node.options):
            yield ("nodes", name, "options", index, "keywords"), option.keywords
        if node.ask:
            yield ("nodes", name, "ask", "skip"), node.ask.skip
            for index, value in enumerate(node.ask.values):
                if isinstance(value, Value):
                    yield ("nodes", name, "ask", "values", index, "keywords"), value.keywords
