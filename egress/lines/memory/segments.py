"""Segments: settled plans of a line as an immutable, sorted index: which of them hold which ids. Pure.

A message costs 24 bytes or so in a segment, against some 800 as a plan in memory; the plan itself stays on the journal
and is fetched again by its offset when a receipt asks for it. Segments grow by being merged, so that a line has few.
"""

from __future__ import annotations

import hashlib
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.memory.entry import Entry
from schemas.journal import PlanRef
from schemas.journal import Segment as SegmentRecord

SEGMENT_MAX = 10_000
# One that began longer ago than this takes in nothing more: its oldest ids could otherwise never leave.
GROWS_MS = 24 * 3_600_000
_LITTLE = sys.byteorder == "little"


def digest(text: str) -> int:
    """64 bits that stand for an id."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def digests(texts: Iterable[str]) -> array[int]:
    """The digests of many ids."""
    blake2b = hashlib.blake2b
    found = array("Q", b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts]))
    if not _LITTLE:
        found.byteswap()
    return found


class Keys(NamedTuple):
    """Sorted digests, and for each the place of its plan."""

    digests: array[int]
    plans: array[int]

    @classmethod
    def sorted(cls, pairs: Iterable[tuple[int, int]]) -> Keys:
        ordered = sorted(pairs)
        return cls(array("Q", (key for key, _ in ordered)), array("I", (plan for _, plan in ordered)))

    @classmethod
    def read(cls, digests: bytes, plans: bytes) -> Keys:
        found = cls(array("Q", digests), array("I", plans))
        return found if _LITTLE else found._swapped()

    def written(self) -> tuple[bytes, bytes]:
        """Little-endian bytes of both."""
        ready = self if _LITTLE else self._swapped()
        return ready.digests.tobytes(), ready.plans.tobytes()

    def _swapped(self) -> Keys:
        copy = Keys(self.digests[:], self.plans[:])
        copy.digests.byteswap()
        copy.plans.byteswap()
        return copy

    def find(self, key: int) -> Iterator[int]:
        """The places of the plans that hold this digest."""
        at = bisect_left(self.digests, key)
        while at < len(self.digests) and self.digests[at] == key:
            yield self.plans[at]
            at += 1

    def pairs(self) -> Iterator[tuple[int, int]]:
        return zip(self.digests, self.plans, strict=True)


@dataclass(slots=True, eq=False)
class Segment:
    """One segment in memory; `offset` is where it stands on the journal, -1 until that is known."""

    number: int
    from_ms: int
    to_ms: int
    messages: int
    plans: list[PlanRef]
    ids: Keys
    names: Keys
    last: dict[str, int]
    replaces: list[int]
    offset: int = -1

    @classmethod
    def read(cls, record: SegmentRecord, offset: int) -> Segment:
        """A segment as it stands on the journal."""
        return cls(
            record.number,
            record.from_ms,
            record.to_ms,
            record.messages,
            record.plans,
            Keys.read(record.ids, record.id_plans),
            Keys.read(record.names, record.name_plans),
            record.last,
            record.replaces,
            offset,
        )

    def record(self, did: str) -> SegmentRecord:
        """What is written of it."""
        ids, id_plans = self.ids.written()
        names, name_plans = self.names.written()
        return SegmentRecord(
            did=did,
            number=self.number,
            from_ms=self.from_ms,
            to_ms=self.to_ms,
            messages=self.messages,
            plans=self.plans,
            ids=ids,
            id_plans=id_plans,
            names=names,
            name_plans=name_plans,
            last=self.last,
            replaces=self.replaces,
        )

    def returns(self, committed: Mapping[str, int]) -> bool:
        """Whether a crash would bring one of its messages again: the offset of its input is not committed."""
        return any(position >= committed[source] for source, position in self.last.items() if source in committed)


@dataclass(slots=True)
class _Draft:
    """A segment in the making."""

    plans: dict[str, PlanRef] = field(default_factory=dict)
    places: dict[str, int] = field(default_factory=dict)
    ids: list[tuple[int, int]] = field(default_factory=list)
    names: list[tuple[int, int]] = field(default_factory=list)
    last: dict[str, int] = field(default_factory=dict)
    times: list[int] = field(default_factory=list)
    messages: int = 0

    def merge(self, older: Segment) -> None:
        places = [self._place(ref) for ref in older.plans]
        self.ids += [(key, places[plan]) for key, plan in older.ids.pairs()]
        self.names += [(key, places[plan]) for key, plan in older.names.pairs()]
        self.messages += older.messages
        self.times += [older.from_ms, older.to_ms]
        self._reach(older.last.items())

    def add(self, entry: Entry, inputs: frozenset[str]) -> None:
        plan = entry.plan
        place = self._place(PlanRef(plan.plan_id, entry.plan_at, entry.outcome_at))
        self.ids += [(digest(message.id), place) for message in plan.messages]
        self.names += [(digest(name), place) for name in names_of(entry)]
        self.messages += len(plan.messages)
        self.times.append(plan.at_ms)
        self._reach((m.source, m.position) for m in plan.messages if m.source in inputs)

    def _place(self, ref: PlanRef) -> int:
        """A plan that is indexed again keeps its place, with where it stands now."""
        self.plans[ref.plan_id] = ref
        return self.places.setdefault(ref.plan_id, len(self.places))

    def _reach(self, positions: Iterable[tuple[str, int]]) -> None:
        for source, position in positions:
            self.last[source] = max(position, self.last.get(source, -1))


def names_of(entry: Entry) -> Iterator[str]:
    """What a receipt may name a plan's messages by, other than their own ids."""
    if entry.plan.root_id:
        yield entry.plan.root_id
    for message, provider_id in zip(entry.plan.messages, entry.ids, strict=True):
        yield provider_id or person(message.contact)


def person(contact: str) -> str:
    """The name under which an unnamed send to a person is found; no id of a provider looks like it."""
    return f"to|{contact}"


def build(
    number: int, entries: Sequence[Entry], older: Sequence[Segment], inputs: frozenset[str], *, now_ms: int
) -> Segment:
    """A segment of these plans; as many of the newest older ones are taken in as are not much larger (newest last).

    So a line has a few segments of growing size instead of many small ones, and each message is written again only a
    few times. `inputs` are the topics whose offsets say whether a message comes again.
    """
    messages = sum(len(entry.plan.messages) for entry in entries)
    merged: list[Segment] = []
    for segment in reversed(older):
        total = messages + segment.messages
        if segment.messages >= 2 * messages or total > SEGMENT_MAX or segment.from_ms < now_ms - GROWS_MS:
            break
        merged.append(segment)
        messages = total
    draft = _Draft()
    for segment in reversed(merged):
        draft.merge(segment)
    for entry in entries:
        draft.add(entry, inputs)
    return Segment(
        number,
        min(draft.times),
        max(draft.times),
        draft.messages,
        [draft.plans[name] for name in draft.places],
        Keys.sorted(draft.ids),
        Keys.sorted(draft.names),
        draft.last,
        [segment.number for segment in merged],
    )
