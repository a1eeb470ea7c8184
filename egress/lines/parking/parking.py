"""Parking: what one line has of one kind on `outbound.parked`, and which of its messages in memory have a place there.

A parked message is *resident* (its item is in memory) or only an offset of eight bytes. Replies queue in the order in
which they were parked; bulk whose time is far waits by the minute. Promises: offsets come out in that order. Leaves to
the lot: which offset may be committed; to admission: what is parked, and why.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterator
from itertools import islice

from egress.lines.item import Item
from schemas import topics

FAR_MS = 60_000
# A run is read by one consumer, others' records between them too: so many offsets apart at most.
SPAN_MAX = 10_000
_TRIM = 4096
_TOPIC = topics.OUTBOUND_PARKED.name


class Offsets:
    """A queue of offsets, eight bytes each."""

    def __init__(self) -> None:
        self._all = array("Q")
        self._head = 0

    def __len__(self) -> int:
        return len(self._all) - self._head

    def __iter__(self) -> Iterator[int]:
        return iter(self._all[self._head :])

    @property
    def first(self) -> int | None:
        return self._all[self._head] if len(self) else None

    def append(self, offset: int) -> None:
        self._all.append(offset)

    def extend(self, offsets: array[int]) -> None:
        self._all.extend(offsets)

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leaves out those that are not wanted."""
        self._all, self._head = array("Q", filter(wanted, self)), 0

    def take(self, count: int) -> list[int]:
        """The first of them, at most `count`: a run that ascends and spans not too much."""
        run: list[int] = []
        while len(self) and len(run) < count:
            offset = self._all[self._head]
            if run and not run[-1] < offset < run[0] + SPAN_MAX:
                break
            run.append(offset)
            self._head += 1
        if self._head > _TRIM and self._head * 2 > len(self._all):
            del self._all[: self._head]
            self._head = 0
        return run


class Parking:
    """One line, one kind.

    `open` are messages in memory whose input's offset is open, by position, oldest first; `held` those whose place on
    the parked topic is open. Of `echoing` messages in memory, and of `unseen` ones that are not, that place is not
    known yet; `coming` are being fetched. Places before `learnt` were read in the recovery: of one message there may be
    several, for who died knew which of them were done with.
    """

    def __init__(self) -> None:
        self.queue = Offsets()
        self.open: dict[int, Item] = {}
        self.held: dict[int, Item] = {}
        self.echoing = self.unseen = self.coming = 0
        self._fetched = self.learnt = 0
        self._superseded: set[str] = set()
        self._later: dict[int, array[int]] = {}

    @property
    def absent(self) -> bool:
        """Whether some wait in Kafka alone: then whatever comes later goes behind them."""
        return bool(len(self.queue) or self.unseen or self.coming)

    @property
    def fetchable(self) -> bool:
        """Whether there are places of messages that are not in memory."""
        return bool(len(self.queue) or self._later)

    @property
    def outside(self) -> int:
        """How many are in Kafka alone, and not on their way back."""
        return len(self.queue) + sum(len(offsets) for offsets in self._later.values()) + self.unseen

    @property
    def parked(self) -> int:
        """How many have a place on the parked topic."""
        return self.outside + self.coming + self.echoing + len(self.held)

    def firsts(self) -> list[int]:
        """The places of those that were parked first: of those in memory, and of the others."""
        first = self.queue.first
        return [*islice(self.held, 1), *([first] if first is not None else [])]

    @property
    def next(self) -> int | None:
        """The place of the first one that is not in memory and whose time has come; None when there is none."""
        return self._fetched if self.coming else self.queue.first

    def put(self, offset: int, not_before_ms: int, now_ms: int) -> None:
        """A message that is not in memory stands here."""
        if not_before_ms > now_ms + FAR_MS:
            self._later.setdefault(not_before_ms // FAR_MS, array("Q")).append(offset)
        else:
            self.queue.append(offset)

    def hasten(self, places: Container[int]) -> None:
        """Those that stand here and wait for their time come next: of their messages something was decided."""
        for minute, offsets in list(self._later.items()):
            hastened = array("Q", filter(places.__contains__, offsets))
            if hastened:
                self.queue.extend(hastened)
                left = array("Q", (offset for offset in offsets if offset not in places))
                self._later.pop(minute)
                self._later.update({minute: left} if left else {})

    def take(self, count: int, now_ms: int) -> list[int]:
        """What is fetched next, at most `count`; those whose minute has begun queue behind the others."""
        for minute in sorted(minute for minute in self._later if minute * FAR_MS <= now_ms):
            self.queue.extend(self._later.pop(minute))
        run = self.queue.take(count)
        self.coming += len(run)
        self._fetched = run[0] if run else self._fetched
        return run

    def moves(self, item: Item) -> None:
        """A message that came back gets another place: those of it that were learnt mean nothing any more."""
        if item.source == _TOPIC and item.position < self.learnt:
            self._superseded.add(item.id)

    def superseded(self, offset: int, message_id: str) -> bool:
        """Whether the message of this place has a later one."""
        return offset < self.learnt and message_id in self._superseded

    def passed(self, position: int) -> None:
        """Places before this one are done with."""
        if position >= self.learnt:
            self._superseded.clear()

    def keep(self, wanted: Callable[[int], bool]) -> None:
        """Leaves out the places that are not wanted, of messages that are not in memory."""
        self.queue.keep(wanted)
        kept = ((minute, array("Q", filter(wanted, offsets))) for minute, offsets in self._later.items())
        self._later = {minute: offsets for minute, offsets in kept if offsets}

    def let_go(self, item: Item) -> None:
        """What becomes of a message in memory is decided."""
        for known in (self.open, self.held):
            if known.get(item.position) is item:
                del known[item.position]
