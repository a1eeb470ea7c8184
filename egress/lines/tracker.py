"""How far an input partition is admitted: the end of the leading run of records that are planned or refused."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Tracker:
    """Offsets of one input partition, taken in ascending order and finished in any.

    `position` may be committed: every record before it is finished, so a record that waits in memory is read again
    after a crash. It never goes back.
    """

    def __init__(self, start: int) -> None:
        self._next = start
        self._taken: deque[int] = deque()
        self._open: set[int] = set()

    def take(self, offset: int) -> bool:
        """A record was read; False if it was read before."""
        if offset < self._next:
            return False
        self._next = offset + 1
        self._taken.append(offset)
        self._open.add(offset)
        return True

    def finish(self, offset: int) -> None:
        """The record's admission is decided, for good. A second time does nothing."""
        self.finish_all((offset,))

    def finish_all(self, offsets: Iterable[int]) -> None:
        """That of several is."""
        self._open.difference_update(offsets)
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
