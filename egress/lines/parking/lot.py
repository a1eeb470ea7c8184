"""The lot: the records of `outbound.parked` of one partition: which are open, and which of its own it has not seen yet.

A record is open until its message is decided *and* the offset of its input is committed; until then a crash would bring
both, and who recovers must see the record to know that the input is the same. One byte for each offset from the first
open one on, so that a backlog of a million costs a megabyte here. Promises: whatever stands before `position`, which
may be committed, is done with. Leaves to the lines their queues.

One that waits for long keeps all that were parked behind it from being committed. So that these may be forgotten all
the same, the lot notes from time to time which are done, and the note is written to the topic itself.
"""

from __future__ import annotations

import heapq
import zlib
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable

from egress.lines.work import Echo
from schemas.parked import Done

MARK_MS = 60_000
_TRIM = 65_536
# A note is written when so many are done and not to be committed, or any, and an hour is over; not if it is too large.
NOTE_EVERY = 50_000
NOTE_MS = 3_600_000
NOTE_MAX_BYTES = 2 * 1024 * 1024
_UNDECIDED, _RETURNS, _NOTED = 1, 2, 4
_OPEN = _UNDECIDED | _RETURNS
_TO_OPEN = bytes(min(flags & _OPEN, 1) for flags in range(256))
_TO_NOTED = bytes(flags or _NOTED for flags in range(256))


class Lot:
    """`start` is the first offset that is not known to be done. So many of its own were `parked` since then."""

    def __init__(self, start: int) -> None:
        self._base = self._next = start
        self._flags = bytearray()
        self._head = 0
        self._done = self._noted_ms = self._written_ms = 0
        self.parked = 0
        self.note_read: Done | None = None
        self._inputs: dict[str, list[tuple[int, int]]] = {}
        self._expected: deque[Echo] = deque()
        self._awaited: Counter[str] = Counter()
        self._copies: dict[str, int] = {}
        self._marks: list[int] = []
        self._times: list[int] = []

    def take(self, offset: int, at_ms: int, uncommitted: tuple[str, int] | None = None) -> bool:
        """A record that was parked at this moment was read; False if it was read before.

        `uncommitted` are topic and offset of its input, if that would be read again after a crash.
        """
        if offset < self._next:
            return False
        if not self._flags:
            self._base = self._next = offset
        self._flags.extend(bytes(offset - self._next))
        self._flags.append(_UNDECIDED | (_RETURNS if uncommitted else 0))
        if uncommitted:
            heapq.heappush(self._inputs.setdefault(uncommitted[0], []), (uncommitted[1], offset))
        self._next = offset + 1
        if not self._times or at_ms >= self._times[-1] + MARK_MS:
            self._marks.append(offset)
            self._times.append(at_ms)
        return True

    def finish(self, offset: int) -> None:
        """The message is planned or refused. A second time does nothing."""
        self._clear(offset, _UNDECIDED)

    def committed(self, topic: str, position: int) -> None:
        """Inputs before this offset are never read again."""
        inputs = self._inputs.get(topic, [])
        while inputs and inputs[0][0] < position:
            self._clear(heapq.heappop(inputs)[1], _RETURNS)

    def _clear(self, offset: int, flag: int) -> None:
        index = offset - self._base
        if not 0 <= index < len(self._flags):
            return
        before = self._flags[index]
        self._flags[index] = before & ~flag
        self._done += before & _OPEN == flag
        self._skip()

    def _skip(self) -> None:
        while self._head < len(self._flags) and not self._flags[self._head] & _OPEN:
            self._head += 1
        if self._head > _TRIM or self._head == len(self._flags):
            self._trim()

    def _trim(self) -> None:
        del self._flags[: self._head]
        self._base, self._head = self._base + self._head, 0
        gone = bisect_right(self._marks, self._base) - 1
        if gone > 0:
            del self._marks[:gone]
            del self._times[:gone]

    @property
    def begun(self) -> bool:
        """Whether a record was read."""
        return bool(self._marks)

    @property
    def position(self) -> int:
        """The first offset that is open, or the next to be read."""
        return self._base + self._head if self._flags else self._next

    @property
    def end(self) -> int:
        """The next offset to be read."""
        return self._next

    def since_ms(self, offset: int) -> int:
        """When this record was parked, to the minute; 0 when it is not known."""
        mark = bisect_right(self._marks, offset) - 1
        return self._times[mark] if mark >= 0 else 0

    @property
    def open_since_ms(self) -> float:
        """A crash brings back no message that was decided before this moment: when the first open record was parked, or
        a note of what is done was written, or would have had nothing to say; infinity when nothing is open."""
        if not any(self._flags[self._head : self._head + 1]):
            return float("inf")
        return max(self.since_ms(self.position), self._written_ms)

    def open(self, offset: int) -> bool:
        """Whether the record is not done with."""
        index = offset - self._base
        return 0 <= index < len(self._flags) and bool(self._flags[index] & _OPEN)

    # -- notes of what is done behind the position

    def pass_over(self, offset: int) -> None:
        """A note was read back: a record that nobody waits for."""
        self._flags[offset - self._base] = _NOTED
        self._skip()

    def note(self, now_ms: int) -> Done | None:
        """What a note says now, if one is due. It must be written."""
        self._noted_ms = self._noted_ms or now_ms
        if self._done < NOTE_EVERY and now_ms < self._noted_ms + NOTE_MS:
            return None
        self._done, self._noted_ms = self._flags.count(0, self._head), now_ms
        if not self._done:
            if self._flags.find(_RETURNS, self._head) < 0:
                self._written_ms = now_ms  # the last note still says all
            return None
        self._trim()
        done = zlib.compress(self._flags.translate(_TO_OPEN))
        self._done = 0
        if len(done) > NOTE_MAX_BYTES:
            return None
        self._flags = self._flags.translate(_TO_NOTED)
        self._copies = {name: offset for name, offset in self._copies.items() if self.open(offset)}
        self._written_ms = now_ms
        return Done(self._base, done)

    def heed(self, note: Done) -> None:
        """What a note says that was written before; raises ValueError when it cannot be read."""
        try:
            flags, base = zlib.decompress(note.done), note.base
        except zlib.error as error:
            raise ValueError(f"a note of what is done is unreadable: {error}") from None
        for index in range(max(0, self._base - base), min(len(flags), self._next - base)):
            if not flags[index]:
                self._flags[base + index - self._base] = _NOTED
        self._skip()

    def noted(self, offset: int) -> bool:
        """Whether a note says that the record is done with."""
        index = offset - self._base
        return 0 <= index < len(self._flags) and self._flags[index] == _NOTED

    # -- its own records, until they are read back

    def expect(self, echoes: Iterable[Echo]) -> None:
        """These were written, in this order."""
        for echo in echoes:
            self._expected.append(echo)
            self._awaited[echo.id] += 1
            self.parked += 1

    def came(self, message_id: str) -> Echo | None:
        """A record of this id was read: what was expected of it; None when somebody else wrote it."""
        if not self._expected or self._expected[0].id != message_id:
            return None
        self._awaited[message_id] -= 1
        if not self._awaited[message_id]:
            del self._awaited[message_id]
        return self._expected.popleft()

    # -- copies that a crash brings back although their message is decided

    def known(self, offset: int, message_id: str) -> None:
        """The message of this record is known already: it must be, as long as the record would be read again."""
        self.finish(offset)
        if offset >= self.position:
            self._copies.pop(message_id, None)
            self._copies[message_id] = offset

    def returns(self, message_id: str) -> bool:
        """Whether a crash would bring back such a record of the message, or one that was not read back yet."""
        return message_id in self._copies or message_id in self._awaited

    def forget(self, committed: int) -> None:
        """What stands before this offset is never read again."""
        while self._copies and next(iter(self._copies.values())) < committed:
            del self._copies[next(iter(self._copies))]
