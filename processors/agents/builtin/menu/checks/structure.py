"""That a menu hangs together: names that lead somewhere, and in each node one thing that follows."""

from __future__ import annotations

import re

from processors.agents.builtin.menu.checks import parts
from processors.agents.builtin.menu.model import NAME_MAX, NODES_MAX, VARIABLES_MAX, WAIT_MAX_S, Menu, Node
from processors.agents.builtin.menu.problem import Path, Problems, listed
from processors.agents.builtin.menu.source import closest

_FOLLOWS = ("options", "ask", "handoff", "close", "call", "return")
_TEXTS = ("text", "media", "location", "template")
_DOES = ("set", "language", "crm", "opt_out", "branch", "call", "return", "handoff", "close", "to")
_WINDOW_S = 86_400
_VARIABLE = re.compile(r"[^\W\d]\w{0,39}")


def check(menu: Menu, found: Problems) -> None:
    """Adds what is wrong."""
    _targets(menu, found)
    _sizes(menu, found)
    for name, node in menu.nodes.items():
        _node(("nodes", name), node, found)
    _idle(menu, found)
    if not menu.give_up and "tries" in (found.root or {}):
        found.warn(("tries",), "`tries` without `give_up` leads nowhere", "write `give_up: NODE`")


def _targets(menu: Menu, found: Problems) -> None:
    for path, name in parts.targets(menu):
        if name and name not in menu.nodes:
            fix = closest(name, menu.nodes) or f"there are {listed(menu.nodes)}"
            found.wrong(path, f"there is no node `{name}`", fix)


def _sizes(menu: Menu, found: Problems) -> None:
    if len(menu.nodes) > NODES_MAX:
        found.wrong(("nodes",), f"{len(menu.nodes)} nodes, at most {NODES_MAX}", "lead people to fewer", played=True)
    for name in menu.nodes:
        if len(name) > NAME_MAX:
            found.wrong(
                ("nodes", name), f"a name of {len(name)} characters, at most {NAME_MAX}", "shorten it", played=True
            )
    if len(menu.kinds) > VARIABLES_MAX:
        what = f"{len(menu.kinds)} variables, at most {VARIABLES_MAX} are remembered"
        found.wrong(("nodes",), what, "use one for several questions", played=True)
    for path, name in parts.setters(menu):
        if name in ("name", "contact"):
            found.wrong(path, f"`{path[-1]}` must be a word that is not name or contact", "they are WhatsApp's own")
        elif name and not _VARIABLE.fullmatch(name):
            fix = "write up to 40 letters, digits and _, such as fecha_1"
            found.wrong(path, f"{name!r} cannot name a variable", fix, played=True)


def _node(at: Path, node: Node, found: Problems) -> None:
    given = [field for field in _FOLLOWS if _has(node, field)]
    if len(given) > 1:
        found.wrong(
            (*at, given[1]), f"only one of {', '.join(f'`{field}`' for field in given)} can follow", "split the node"
        )
    if node.branch and given and given[0] != "ask":
        found.wrong((*at, "branch"), f"`branch` leads nowhere beside `{given[0]}`", "leave one of them out")
    speaks = any(_has(node, field) for field in _TEXTS)
    if not speaks and (node.waits or not any(_has(node, field) for field in _DOES)):
        found.wrong((*at, "text"), "`text` is missing", "write what is said")
    if node.ask and not node.to:
        found.wrong((*at, "ask"), "a question needs `to`, where to go on with the answer", "write `to: NODE`")
    if node.call and not node.to:
        found.wrong((*at, "call"), "`call` needs `to`, where to go on afterwards", "write `to: NODE`")
    for field in ("options", "handoff", "close", "return"):
        if node.to and _has(node, field):
            found.warn((*at, "to"), f"`to` is never taken beside `{field}`", "leave it out")
    if node.timeout and not node.waits:
        found.wrong((*at, "timeout"), "`timeout` needs `options` or `ask`", "nothing is waited for here")
    if node.timeout and node.timeout.after_s >= _WINDOW_S:
        found.warn((*at, "timeout", "after_s"), "the 24-hour window has closed by then", _LATE)
    for field in ("show", "button", "header", "footer"):
        if _has(node, field) and not node.waits:
            found.warn(
                (*at, field), f"`{field}` shows with `options` or a question to choose from alone", "leave it out"
            )


_LATE = "send a `template` at the node that it leads to"


def _has(node: Node, field: str) -> bool:
    value = getattr(node, f"{field}_" if field == "return" else field)
    return value not in ("", [], {}, None, False, "auto")


def _idle(menu: Menu, found: Problems) -> None:
    idle = menu.idle
    if idle is None:
        return
    if not idle.remind_s and not idle.close_s:
        found.wrong(("idle",), "`idle` does nothing", "write `remind_s`, `close_s`, or both")
    if idle.remind_s and idle.close_s and idle.close_s <= idle.remind_s:
        found.wrong(("idle", "close_s"), "`close_s` counts from the last message too", "write more than `remind_s`")
    for field, needs in (("remind", "remind_s"), ("goodbye", "close_s"), ("to", "close_s")):
        if getattr(idle, field) and not getattr(idle, needs):
            found.wrong(("idle", field), f"`{field}` never comes without `{needs}`", f"write `{needs}` in seconds")
    for field in ("remind_s", "close_s"):
        if _WINDOW_S <= getattr(idle, field) <= WAIT_MAX_S:
            found.warn(("idle", field), "the 24-hour window has closed by then", "write less than 86400")
