"""Turns: whose turn it is among queues that share something: a line's pace, a worker's calls. Pure.

A deficit round robin whose costs may be known late: every queue is charged what it took, and who had least goes first.
Promises, with `most` the largest cost of one turn: two queues that both wait never differ by more than `most` in what
they were given meanwhile; who comes waits for at most one turn of each of the others, whatever these had before; who
was away comes back without credit. Leaves to its user who may go at all: what cannot go now gathers no credit for that.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

_PRUNE_FROM = 64


class Turns(Generic[K]):
    """`took` what was given; `order` says who comes next."""

    def __init__(self) -> None:
        self._had: dict[K, tuple[float, int]] = {}  # and the number of the last turn, for equal ones
        self._level = 0.0
        self._turn = 0
        self._prune_at = _PRUNE_FROM

    def order(self, waiting: Iterable[K]) -> list[K]:
        """Those that wait, who had least first; of equal ones who had no turn for longest."""
        return sorted(waiting, key=self._place)

    def _place(self, key: K) -> tuple[float, int]:
        had, turn = self._had.get(key, (0.0, 0))
        return max(had, self._level), turn

    def took(self, key: K, cost: float) -> None:
        """The queue was given so much."""
        self._level, _ = self._place(key)
        self._turn += 1
        self._had[key] = self._level + cost, self._turn
        if len(self._had) > self._prune_at:
            self._had = {one: had for one, had in self._had.items() if had[0] > self._level}
            self._prune_at = max(_PRUNE_FROM, 2 * len(self._had))


def share(room: int, left: int) -> int:
    """How much of the room the next of so many may have; what it leaves is for those after it."""
    return room if left <= 1 else -(-room // left)
