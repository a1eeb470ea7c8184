"""That every way waits or ends: no circle without the person, not too much at once, nothing that nobody comes to."""

from __future__ import annotations

from processors.agents.builtin.menu.graph import Silent, reached
from processors.agents.builtin.menu.model import Menu, Node
from processors.agents.builtin.menu.problem import Problems

ACTIONS_MAX = 15  # of the 20 that an agent has for one event: a text before them, a timer, and what is remembered


def check(menu: Menu, found: Problems) -> None:
    """Adds what is wrong."""
    silent = Silent(menu)
    circle = silent.circle()
    if circle:
        walk = " → ".join(f"`{name}`" for name in circle)
        for field in ("to", "call", "branch"):
            if field in ((found.root or {}).get("nodes") or {}).get(circle[-2], {}):  # type: ignore[union-attr,call-overload]
                break
        what = f"goes round in a circle without waiting for the person ({walk})"
        found.wrong(("nodes", circle[-2], field), what, "ask something, or end it")
        return
    most = silent.most_at_once({name: actions(node) for name, node in menu.nodes.items()})
    for name, count in most.items():
        if count > ACTIONS_MAX and not any(
            most[other] == count + actions(menu.nodes[other]) for other in _before(silent, menu, name)
        ):
            what = f"{count} messages and orders follow at once from here, at most {ACTIONS_MAX}"
            found.wrong(("nodes", name), what, "ask something in between", played=True)
    _unreached(menu, found)
    _dead_ends(menu, found)


def _before(silent: Silent, menu: Menu, name: str) -> list[str]:
    return [other for other in menu.nodes if name in silent.ways(other)]


def actions(node: Node) -> int:
    """How much a node does when it is reached."""
    speaks = bool(node.text or node.waits) and not node.handoff
    does = (node.media, node.location, node.template, node.crm, node.opt_out, node.handoff, node.close)
    return int(speaks) + sum(map(bool, does))


def _unreached(menu: Menu, found: Problems) -> None:
    there = reached(menu)
    for name in menu.nodes:
        if name not in there:
            found.warn(("nodes", name), "nobody comes here", "lead to it from somewhere, or leave it out")


def _dead_ends(menu: Menu, found: Problems) -> None:
    for name, node in menu.nodes.items():
        ends = not (node.waits or node.handoff or node.close or node.to or node.call or node.return_)
        if not ends:
            continue
        if node.branch:
            found.warn(("nodes", name, "branch"), "where no branch holds the dialogue ends here", "write `to: NODE`")
        else:
            found.warn(("nodes", name), "the dialogue ends here without a word", "write `to: NODE` or `close: true`")
