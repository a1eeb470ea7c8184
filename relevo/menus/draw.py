"""A menu as a Mermaid flowchart: nodes, and what leads from one to the next."""

from __future__ import annotations

from collections.abc import Iterator

from processors.agents.builtin.menu.model import Branch, Menu, Node, When
from processors.agents.builtin.menu.texts import text_in

_TEXT_MAX = 40


def mermaid(menu: Menu) -> str:
    """The chart's text."""
    names = {name: f"n{index}" for index, name in enumerate(menu.nodes)}
    return "\n".join(["flowchart TD", *_nodes(menu, names), *_ways(menu, names)]) + "\n"


def _nodes(menu: Menu, names: dict[str, str]) -> Iterator[str]:
    for name, node in menu.nodes.items():
        text = " ".join(text_in(node.text, "", menu.languages).split())
        told = f"{name}<br>{_plain(text[:_TEXT_MAX])}" if text else name
        before, after = _shape(node)
        yield f'  {names[name]}{before}"{told}"{after}'


def _shape(node: Node) -> tuple[str, str]:
    """Questions lean, choices are hexagons, ends are round."""
    if node.options:
        return "{{", "}}"
    if node.ask:
        return "[/", "/]"
    return ("([", "])") if node.handoff or node.close else ("[", "]")


def _ways(menu: Menu, names: dict[str, str]) -> Iterator[str]:
    yield f"  start(( )) --> {names[menu.start]}"
    for way in menu.anywhere:
        yield f"  anywhere(( )) -.-> {names[way.to]}"
    for name, node in menu.nodes.items():
        for label, to in _leads(menu, node):
            arrow = f'-- "{_plain(label)}" -->' if label else "-->"
            yield f"  {names[name]} {arrow} {names[to]}"


def _leads(menu: Menu, node: Node) -> Iterator[tuple[str, str]]:
    for option in node.options:
        yield text_in(option.title, "", menu.languages), option.to
    for branch in node.branch:
        yield told(branch), branch.to
    if node.timeout:
        yield f"after {node.timeout.after_s} s", node.timeout.to
    if node.ask and node.ask.give_up:
        yield "given up", node.ask.give_up
    if node.call:
        yield "call", node.call
    if node.to and not (node.options or node.handoff or node.close or node.return_):
        yield "then" if node.call else "else" if node.branch else "", node.to


def told(branch: Branch) -> str:
    """A branch's conditions in a few words."""
    return " ".join(
        filter(None, (_when(branch.when), f"unless {_when(branch.unless)}" if _when(branch.unless) else ""))
    )


def _when(when: When) -> str:
    parts = [f"{field} {getattr(when, field)}" for field in ("language", "hours", "closed") if getattr(when, field)]
    parts += [field for field in ("new_contact", "window") if getattr(when, field) is not None]
    return ", ".join([*parts, *when.variables])


def _plain(text: str) -> str:
    return text.replace('"', "'").replace("<", "‹").replace(">", "›").replace("`", "'")
