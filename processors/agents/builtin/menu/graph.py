"""How the nodes of a menu hang together: what can be reached, what goes round, how much is said at once.

A part that is called is counted as if it stood at the place of the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from processors.agents.builtin.menu.model import Menu, Node

Nodes = Mapping[str, Node]


def leads(menu: Menu, node: Node) -> Iterator[str]:
    """All nodes that a node names, wherever they lead from it."""
    yield from (option.to for option in node.options)
    yield from (branch.to for branch in node.branch)
    yield from filter(None, (node.to, node.call))
    if node.timeout:
        yield node.timeout.to
    if node.ask and node.ask.give_up:
        yield node.ask.give_up
    del menu


def reached(menu: Menu) -> set[str]:
    """The nodes that somebody can come to."""
    roots = [menu.start, menu.give_up, menu.resumed, *(way.to for way in menu.anywhere)]
    todo = [name for name in (*roots, menu.idle.to if menu.idle else "") if name in menu.nodes]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [to for to in leads(menu, menu.nodes[name]) if to in menu.nodes]
    return found


class Silent:
    """The ways on that wait for nobody."""

    def __init__(self, menu: Menu) -> None:
        self._nodes = {name: node for name, node in menu.nodes.items() if node.goes_on}
        self._all = menu.nodes
        self._returning = self._returns()

    def ways(self, name: str) -> list[str]:
        """Where a node may go on at without waiting."""
        node = self._nodes.get(name)
        if node is None or node.return_:
            return []
        if node.call:
            back = [node.to] if node.call in self._returning else []
            return [to for to in (node.call, *back) if to in self._all]
        return [to for to in (*(branch.to for branch in node.branch), node.to) if to in self._all]

    def _returns(self) -> set[str]:
        """Nodes from which a `return` may come about without waiting."""
        found = {name for name, node in self._nodes.items() if node.return_}
        grown = True
        while grown:
            grown = False
            for name, node in self._nodes.items():
                if name in found or node.return_:
                    continue
                ways = [node.to] if node.call else [*(branch.to for branch in node.branch), node.to]
                if any(to in found for to in ways) and (not node.call or node.call in found):
                    found.add(name)
                    grown = True
        return found

    def circle(self) -> list[str]:
        """A way that comes back to where it began; empty if there is none."""
        state: dict[str, int] = {}
        for first in self._nodes:
            stack = [(first, iter(self.ways(first)))] if first not in state else []
            state.setdefault(first, 1)
            while stack:
                name, ways = stack[-1]
                to = next(ways, None)
                if to is None:
                    state[name] = 2
                    stack.pop()
                elif state.get(to) == 1:
                    walk = [one for one, _ in stack]
                    return [*walk[walk.index(to) :], to]
                elif to not in state:
                    state[to] = 1
                    stack.append((to, iter(self.ways(to))))
        return []

    def most_at_once(self, weights: Mapping[str, int]) -> dict[str, int]:
        """The most that can happen from each node on until something waits. There must be no circle."""
        found: dict[str, int] = {}
        for first in self._all:
            stack = [first]
            while stack:
                name = stack[-1]
                missing = [to for to in self.ways(name) if to not in found]
                if missing:
                    stack += missing
                    continue
                stack.pop()
                found[name] = weights.get(name, 0) + self._beyond(name, found)
        return found

    def _beyond(self, name: str, found: Mapping[str, int]) -> int:
        ways = [found[to] for to in self.ways(name)]
        called = name in self._nodes and self._nodes[name].call
        return sum(ways) if called else max(ways, default=0)
