"""The index of sends: which settled plans of a line hold which ids, beyond those that are in memory. Pure.

It answers whether a message was planned already (the last `KNOWN_MAX` of a line and `HORIZON_MS`, and however old as
long as its input would be read again), and which plans a receipt may mean (the last `NAMED_MAX` and `HORIZON_MS`).
Segments that answer are *hot*; those that only wait for the end of the horizon, when their plans get tombstones, are
*cold* and not in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from egress.lines.memory import segments
from egress.lines.memory.entry import Entry
from egress.lines.memory.segments import Segment, digest
from schemas.journal import PlanRef, SegmentRef

KNOWN_MAX = 200_000
NAMED_MAX = 2_000_000
HORIZON_MS = 48 * 3_600_000

# Whether a crash would bring one of a segment's messages again.
Returns = Callable[[Segment], bool]


class SendIndex:
    """The segments of one line, oldest first."""

    def __init__(self) -> None:
        self._hot: list[Segment] = []
        self._cold: dict[int, SegmentRef] = {}
        self._asked: set[int] = set()
        self._known: set[int] = set()
        self._known_of: list[int] = []
        self._next = 1

    def knows(self, message_id: str) -> bool:
        """Whether a plan of the newest segments holds the message."""
        return bool(self._known) and digest(message_id) in self._known

    def knows_any(self, message_ids: Iterable[str]) -> bool:
        """Whether a plan of the newest segments holds one of these messages."""
        return bool(self._known) and not self._known.isdisjoint(segments.digests(message_ids))

    def named(self, name: str) -> list[PlanRef]:
        """Plans that a receipt may mean which names this id (a message's, a provider's, a call's), newest first."""
        key = digest(name)
        return self._found(key, names=True) + self._found(key, names=False)

    def sends_to(self, contact: str) -> list[PlanRef]:
        """Plans with a send to this person that has no provider's id yet, newest first."""
        return self._found(digest(segments.person(contact)), names=True)

    def _found(self, key: int, *, names: bool) -> list[PlanRef]:
        found: dict[str, PlanRef] = {}
        for segment in reversed(self._hot):
            keys = segment.names if names else segment.ids
            for place in keys.find(key):
                ref = segment.plans[place]
                found.setdefault(ref.plan_id, ref)
        return list(found.values())

    # -- how it changes

    def build(self, entries: Sequence[Entry], inputs: frozenset[str], now_ms: int) -> Segment:
        """These plans in a segment of their own or together with what was there; it counts from now on."""
        segment = segments.build(self._next, entries, self._hot, inputs, now_ms=now_ms)
        self.add(segment)
        self._known.update(segment.ids.digests)
        # What it replaces is in it, so all that was known still is.
        self._known_of = [number for number in self._known_of if number not in segment.replaces] + [segment.number]
        return segment

    def add(self, segment: Segment) -> None:
        """A segment that was written or read; what it replaces leaves. Its ids count from the next `cool` on."""
        gone = set(segment.replaces) | {segment.number}
        self._hot = [one for one in self._hot if one.number not in gone]
        for number in gone:
            self._cold.pop(number, None)
        self._hot.append(segment)
        self._hot.sort(key=lambda one: one.number)
        self._next = max(self._next, segment.number + 1)

    def add_cold(self, ref: SegmentRef) -> None:
        """A segment that only waits for its end."""
        self._cold[ref.number] = ref
        self._next = max(self._next, ref.number + 1)

    def placed(self, number: int, offset: int) -> None:
        """A segment that was written stands at this offset."""
        for segment in self._hot:
            if segment.number == number:
                segment.offset = offset

    def drop(self, number: int) -> None:
        """The segment is over: it has a tombstone."""
        self._cold.pop(number, None)
        self._asked.discard(number)
        self._hot = [one for one in self._hot if one.number != number]

    def cool(self, now_ms: int, returns: Returns) -> None:
        """Lets go of what is beyond the limits, but not while an input of it would be read again."""
        newer, hot, known = 0, [], []
        for segment in reversed(self._hot):
            fresh, comes_back = segment.to_ms >= now_ms - HORIZON_MS, returns(segment)
            if comes_back or (fresh and newer < KNOWN_MAX):
                known.append(segment)
            if comes_back or (fresh and newer < NAMED_MAX) or segment.offset < 0:
                hot.append(segment)
            else:
                self._cold[segment.number] = _ref(segment, hot=False)
            newer += segment.messages
        self._hot = hot[::-1]
        self._remember(known)

    def _remember(self, known: list[Segment]) -> None:
        numbers = sorted(segment.number for segment in known)
        if numbers == sorted(self._known_of):
            return
        self._known_of, self._known = numbers, set()
        for segment in known:
            self._known.update(segment.ids.digests)

    def over(self, now_ms: int) -> list[SegmentRef]:
        """Cold segments whose horizon has passed, each named once: their plans may get tombstones."""
        refs = [r for r in self._cold.values() if r.to_ms < now_ms - HORIZON_MS and r.number not in self._asked]
        self._asked.update(ref.number for ref in refs)
        return refs

    def refs(self) -> list[SegmentRef]:
        """All segments, as a checkpoint names them."""
        every = [*self._cold.values(), *(_ref(segment, hot=True) for segment in self._hot)]
        return sorted(every, key=lambda ref: ref.number)


def _ref(segment: Segment, *, hot: bool) -> SegmentRef:
    return SegmentRef(segment.number, segment.offset, segment.to_ms, segment.messages, hot)
