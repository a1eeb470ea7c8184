"""The crowd: how many messages wait in the memory of a worker, and how many more a line may have there. Pure.

It also knows whether a backlog is being read. Promises: a line that has few in memory gets a small share however full
the worker is, so that no line stands still for another's backlog. Shared by the partitions of one assignment; each adds
what it admits and recounts in its cycle.
"""

from __future__ import annotations

from collections import Counter

SHARE = 10
MORE_S = 2.0


class Crowd:
    """`held` messages wait now; at most `limit` should."""

    def __init__(self, limit: int, line_limit: int) -> None:
        self._limit, self._line_limit = limit, line_limit
        self._of: Counter[int] = Counter()
        self._more_s = float("-inf")
        self.held = 0

    def expect(self, now_s: float) -> None:
        """More was there to be read than could be taken at once."""
        self._more_s = now_s + MORE_S

    def more(self, now_s: float) -> bool:
        """Whether more of a backlog will be read in a moment."""
        return now_s < self._more_s

    def admitted(self, partition: int, count: int = 1) -> None:
        """So many more wait in this partition."""
        self._of[partition] += count
        self.held += count

    def recount(self, partition: int, count: int) -> None:
        """So many wait in this partition now."""
        self.admitted(partition, count - self._of[partition])

    def room(self, waiting: int) -> int:
        """How many more a line may admit of a kind of which so many wait; not more than 0 when none."""
        share = min(SHARE, self._line_limit)
        return max(min(self._line_limit - waiting, self._limit - self.held), share - waiting)
