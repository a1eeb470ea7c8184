"""Checkpoints: what bounds the journal that a new owner of a partition must read. Pure.

When the journal behind the last checkpoint has grown by `every` records, a *round* begins: settled plans go into
segments; once these stand on the journal, each line's checkpoint is written, which names its segments and its older
plans that are not settled; once those stand there too, the group's committed offset of the journal moves on. So
recovery reads from that offset, and beside it only what the checkpoints name, whatever the history. A crash between
two steps leaves the older offset, from which all is still found.

Plans whose horizon is over get tombstones, a few a cycle. Everything is written in the owner's fenced transactions.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from egress.lines.memory.book import WAITING, given_up
from egress.lines.memory.entry import Entry
from egress.lines.memory.index import HORIZON_MS, Returns
from egress.lines.memory.segments import SEGMENT_MAX, Segment
from egress.lines.receipts.failures import failed_with, pause_s
from egress.lines.work import Work, waiting_order, word
from runtime import metrics
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.headers import Headers
from schemas.journal import CallOutcome, Checkpoint, PlanRef, RefusedRef, SegmentRef
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.now import Now

JOURNAL = topics.EGRESS_JOURNAL.name
# Settled messages of a partition that may wait in memory for a segment.
UNINDEXED_MAX = 50_000
TOMBSTONES_A_CYCLE = 500
REST_S = 5.0


class Checkpoints:
    """Of one partition; `inputs` are the topics whose offsets are the group's, `start` the offset that is committed."""

    def __init__(self, number: int, inputs: Iterable[str], start: int, every: int) -> None:
        self._number, self._inputs, self._every = number, frozenset(inputs), every
        self.committed = self.position = start
        self._target = start
        self._step = "idle"
        self._awaited: set[tuple[str, int]] = set()
        self._tombstones: deque[tuple[str, str]] = deque()
        self._began_s = 0.0
        self.over: list[tuple[Line, SegmentRef]] = []

    # -- what the journal echoes

    def passed(self, offset: int) -> None:
        """The journal was read up to and with this offset."""
        self.position = max(self.position, offset + 1)

    def heard(self, did: str, number: int) -> None:
        """A segment (its number), or a checkpoint (0), of this line stands on the journal."""
        self._awaited.discard((did, number))

    @property
    def behind(self) -> int:
        """Records that a new owner would read now."""
        return self.position - self.committed

    # -- what is written

    def step(self, lines: Mapping[str, Line], returns: Callable[[Line], Returns], now: Now, work: Work) -> None:
        """The next step of the round, if its time has come."""
        self._write_tombstones(work, now)
        if self._awaited:
            return
        if self._step == "idle" and self._due(lines, now):
            self._begin(lines, now, work)
        elif self._step == "segments":
            self._name(lines, returns, now, work)
        elif self._step == "checkpoints":
            self.committed = work.offsets[JOURNAL, self._number] = self._target
            self._step = "idle"
            metrics.counter(metrics.EGRESS_CHECKPOINTS).labels().inc()

    def _due(self, lines: Mapping[str, Line], now: Now) -> bool:
        if self.behind >= self._every:
            return True
        # What cannot be indexed yet must not start a round in every cycle.
        rested = now.s - self._began_s >= REST_S
        return rested and sum(line.book.unindexed for line in lines.values()) >= UNINDEXED_MAX

    def _begin(self, lines: Mapping[str, Line], now: Now, work: Work) -> None:
        """Settled plans that are older than what the next recovery will read, or too many for memory, are indexed."""
        self._began_s = now.s
        self._target = max(self.committed, self.position - self._every // 2)
        for line in lines.values():
            for group in _groups(self._chosen(line, now)):
                self._index(line, group, now, work)
        self._step = "segments"

    def _chosen(self, line: Line, now: Now) -> list[Entry]:
        """What of a line is indexed now. Most of the others need not be looked at closely for that."""
        too_many = line.book.unindexed - line.rules.settings.sends_memory // 2
        chosen: list[Entry] = []

        def wanted(entry: Entry) -> bool:
            return entry.plan_at < self._target or too_many > 0

        for entry in indexable(line, now.wall_ms, wanted):
            too_many -= len(entry.plan.messages)
            chosen.append(entry)
        return chosen

    def _index(self, line: Line, entries: list[Entry], now: Now, work: Work) -> None:
        segment = line.book.index.build(entries, self._inputs, now.wall_ms)
        for entry in entries:
            line.book.indexed(entry)
            line.doubts.pop(entry.plan.plan_id, None)
        key = keys.join(line.did, "segment", str(segment.number))
        work.write(_record(self._number, key, encode(segment.record(line.did)), "segment", now))
        for replaced in segment.replaces:
            work.write(_record(self._number, keys.join(line.did, "segment", str(replaced)), None, "tombstone", now))
        self._awaited.add((line.did, segment.number))

    def _name(self, lines: Mapping[str, Line], returns: Callable[[Line], Returns], now: Now, work: Work) -> None:
        """The checkpoint of each line of which something is older than the target."""
        self._step = "idle" if self._target <= self.committed else "checkpoints"
        for line in lines.values():
            line.book.index.cool(now.wall_ms, returns(line))
            self.over += [(line, ref) for ref in line.book.index.over(now.wall_ms)]
            if self._step == "checkpoints":
                self._sum_up(line, now, work)

    # -- the end of the horizon

    def expired(self, line: Line, segment: Segment) -> None:
        """The horizon of a segment is over: its plans and itself get tombstones, itself last."""
        line.book.index.drop(segment.number)
        for ref in segment.plans:
            if line.book.plan(ref.plan_id) is None:
                self._tombstones.append((line.did, ref.plan_id))
                self._tombstones.append((line.did, keys.join(ref.plan_id, "outcome")))
        self._tombstones.append((line.did, keys.join("segment", str(segment.number))))

    def forget_refused(self, line: Line, over: Callable[[RefusedRef], bool]) -> None:
        """Messages that were refused and cannot come back any more need no record of it."""
        for refused in line.book.forget_refused(over):
            self._tombstones.append((line.did, keys.join(refused.id, "outcome")))

    def _write_tombstones(self, work: Work, now: Now) -> None:
        for _ in range(min(len(self._tombstones), TOMBSTONES_A_CYCLE)):
            did, rest = self._tombstones.popleft()
            work.write(_record(self._number, keys.SEPARATOR.join((did, rest)), None, "tombstone", now))

    def _sum_up(self, line: Line, now: Now, work: Work) -> None:
        """The line's checkpoint, if anything of it is older than the target."""
        book = line.book
        plans = [
            PlanRef(entry.plan.plan_id, entry.plan_at, entry.outcome_at)
            for entry in book.entries()
            if 0 <= entry.plan_at < self._target and not entry.indexed
        ]
        segments, refused = book.index.refs(), book.refusals()
        if not (plans or segments or refused):
            return
        checkpoint = Checkpoint(
            offset=self._target,
            at_ms=now.wall_ms,
            did=line.did,
            segments=segments,
            plans=plans,
            refused=refused,
            words=words(line, now),
            accepted_ms=line.silence.accepted_ms(),
        )
        work.write(_record(self._number, keys.join(line.did, "checkpoint"), encode(checkpoint), "checkpoint", now))
        self._awaited.add((line.did, 0))


def indexable(line: Line, now_ms: int, wanted: Callable[[Entry], bool]) -> Iterator[Entry]:
    """Plans that may be indexed, oldest first: all is said of them, on record, and nothing in memory waits for them.

    Of those that are `wanted`, which is asked of each just before it is given out; an older one is no less wanted.

    None before the attempt that it follows: a new owner that knows the earlier one alone would take it for the last.
    """
    candidates = [entry for entry in line.book.entries() if not entry.indexed and wanted(entry) and entry.on_record]
    if not candidates:
        return
    busy, searched = line.busy(), dict[str, bool]()
    found: set[str] = set()
    for entry in candidates:
        if not wanted(entry) or entry.plan.plan_id in busy or not _ended(line, entry, now_ms):
            continue
        before = line.book.plan(entry.plan.retry_of)
        if before is not None and not before.indexed and before.plan.plan_id not in found:
            continue
        batch = line.book.plan(entry.plan.part.batch) if entry.plan.part else None
        # What the other parts of a refused batch met counts as long as it is searched.
        if batch is not None and not searched.setdefault(batch.plan.plan_id, _ended(line, batch, now_ms)):
            continue
        found.add(entry.plan.plan_id)
        yield entry


def _ended(line: Line, entry: Entry, now_ms: int) -> bool:
    """Whether nothing will be done about any of the plan's messages: the last attempt at each has its fate."""
    return bool(entry.result) and all(_over(one, now_ms) for one in line.book.last_of(entry))


def _over(entry: Entry, now_ms: int) -> bool:
    """What was given up stays in memory for a while: its dead letter may be put back."""
    if entry.outcome is not None and given_up(entry):
        return entry.outcome.at_ms < now_ms - HORIZON_MS
    return entry.result in ("accepted", "refused", "settled")


def words(line: Line, now: Now) -> list[CallOutcome]:
    """The orders that stand, as they are on the journal."""
    settings = line.rules.settings
    found = []
    for order in line.failures.standing():
        ordered_s = order.wake_s - pause_s(order.plan, failed_with(order.why), settings)
        at_ms = now.wall_ms + round((ordered_s - now.s) * 1000)
        found.append(word(line.did, order.plan.plan_id, order.message.id, order.why, at_ms))
    return found + [waiting_order(order, WAITING, order.at_ms) for order in line.orders.values()]


def _groups(entries: Iterable[Entry]) -> Iterable[list[Entry]]:
    """Runs of plans with at most as many messages as a segment may hold."""
    group: list[Entry] = []
    messages = 0
    for entry in entries:
        if group and messages + len(entry.plan.messages) > SEGMENT_MAX:
            yield group
            group, messages = [], 0
        group.append(entry)
        messages += len(entry.plan.messages)
    if group:
        yield group


def _record(number: int, key: str, value: bytes | None, kind: str, now: Now) -> Record:
    headers = Headers(id=key, type=kind, tenant="", at_ms=now.wall_ms).to_kafka()
    return Record(JOURNAL, value, key.encode(), headers, partition=number)
