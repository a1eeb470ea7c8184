"""The leading run: which offset may be committed when records finish out of order.

Pure. A chunk is opened as a span; its records finish one by one or all at once; the offset to commit is the one
behind the last record before which nothing is undone. Promises: `committable` never moves back and never passes
an undone record. Leaves to the lane when to commit it.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


class LeadingRunError(Exception):
    """A record was finished twice, or was never opened."""


class Span:
    """The undone part of one chunk: offsets in order, the index of the first undone one, and those done beyond."""

    __slots__ = ("done", "end", "first", "head", "offsets")

    def __init__(self, offsets: Sequence[int]) -> None:
        self.offsets = offsets
        self.first = offsets[0]
        self.end = offsets[-1] + 1
        self.head = 0
        self.done: set[int] = set()

    @property
    def complete(self) -> bool:
        return self.head == len(self.offsets)

    def finish(self, offset: int) -> None:
        place = bisect_left(self.offsets, offset)
        if place < self.head or self.offsets[place] != offset or offset in self.done:
            raise LeadingRunError(f"offset {offset} is not open")
        self.done.add(offset)
        while self.head < len(self.offsets) and self.offsets[self.head] in self.done:
            self.done.discard(self.offsets[self.head])
            self.head += 1

    def finish_all(self) -> None:
        if self.head or self.done:
            raise LeadingRunError(f"some of {self.first}..{self.end} are done already")
        self.head = len(self.offsets)


class LeadingRun:
    """Spans in order. `committable` is the offset to commit, at first where reading began."""

    def __init__(self, start: int) -> None:
        self.committable = start
        self._spans: list[Span] = []
        self._ended = 0  # of these, at the front

    def __len__(self) -> int:
        """Open spans: chunks with something undone, or behind one that has."""
        return len(self._spans) - self._ended

    def open(self, offsets: Sequence[int]) -> None:
        """A chunk begins. `offsets` ascend and lie behind all opened before."""
        floor = self._spans[-1].end if len(self) else self.committable
        if offsets[0] < floor:
            raise LeadingRunError(f"offset {offsets[0]} is behind {floor}")
        self._spans.append(Span(offsets))

    def finish(self, offset: int) -> None:
        """One record is done."""
        self._holding(offset).finish(offset)
        self._advance()

    def finish_span(self, first: int) -> None:
        """All records of the chunk that begins at `first` are done at once."""
        self._holding(first).finish_all()
        self._advance()

    def _holding(self, offset: int) -> Span:
        place = bisect_right(self._spans, offset, lo=self._ended, key=lambda span: span.first) - 1
        if place < self._ended or offset >= self._spans[place].end:
            raise LeadingRunError(f"offset {offset} is not open")
        return self._spans[place]

    def _advance(self) -> None:
        while len(self) and self._spans[self._ended].complete:
            self.committable = self._spans[self._ended].end
            self._ended += 1
        if self._ended * 2 > len(self._spans):
            del self._spans[: self._ended]
            self._ended = 0
        if len(self) and (head := self._spans[self._ended]).head:
            self.committable = head.offsets[head.head - 1] + 1
