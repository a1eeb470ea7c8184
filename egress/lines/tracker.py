"""How far an input partition is admitted: the end of the leading run of records that are planned or refused."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable


class Tracker:
    """Offsets of one input partition, taken in ascending order and finished in any. Some may be taken ahead, before
    their turn; what comes at it is then read already.

    `position` may be committed: every record before it is finished, so a record that waits in memory is read again
    after a crash. It never goes back, and passes nothing that was not read in its turn.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._taken: deque[int] = deque()
        self._open: set[int] = set()
        self._ahead: list[int] = []  # a heap
        self._aheads: set[int] = set()

    def take(self, offset: int) -> bool:
        """A record was read in its turn; False if it was read before."""
        if offset < self._next:
            return False
        self._next = offset + 1
        fresh = self._pass(offset) if self._ahead else True
        if fresh:
            self._taken.append(offset)
            self._open.add(offset)
        return fresh

    def _pass(self, offset: int) -> bool:
        """The turn of those up to this one that were taken ahead is over; whether it was none of them. One that Kafka
        removed meanwhile does not come any more."""
        fresh = offset not in self._aheads
        while self._ahead and self._ahead[0] <= offset:
            passed = heapq.heappop(self._ahead)
            self._aheads.discard(passed)
            self._taken.append(passed)
        self._skip()
        return fresh

    def take_ahead(self, offset: int) -> bool:
        """A record was read before its turn; False if it was read before."""
        if offset < self._next or offset in self._aheads:
            return False
        heapq.heappush(self._ahead, offset)
        self._aheads.add(offset)
        self._open.add(offset)
        return True

    def finish(self, offset: int) -> None:
        """The record's admission is decided, for good. A second time does nothing."""
        self.finish_all((offset,))

    def finish_all(self, offsets: Iterable[int]) -> None:
        """That of several is."""
        self._open.difference_update(offsets)
        self._skip()

    def _skip(self) -> None:
        while self._taken and self._taken[0] not in self._open:
            self._taken.popleft()

    @property
    def position(self) -> int:
        """The first offset that is not finished, or the next one to be read."""
        return self._taken[0] if self._taken else self._next

    @property
    def middle(self) -> int:
        """An offset that half of those which are not to be committed yet stand before."""
        return self._taken[len(self._taken) // 2] if self._taken else self._next

    @property
    def behind(self) -> int:
        """Records read and not to be committed yet: finished or not, a crash brings them back."""
        return len(self._taken)

    @property
    def ahead(self) -> int:
        """Records that were read before their turn, which has not come yet."""
        return len(self._ahead)

    @property
    def next(self) -> int:
        """The offset from which on nothing was read in its turn yet."""
        return self._next
