"""The journal as a partition hears it: while it recovers, and its own and others' words afterwards. Pure.

Recovery: `Rebuilding` takes the journal from the committed offset on, says which older records the checkpoints name,
and hands everything to the partition in the order in which it was written. Keys: `did|plan id`, `did|plan id|outcome`,
`did|plan id|message id|outcome` and `did|plan id|order` (words, which only a new owner reads), `did|segment|number`,
`did|checkpoint`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from egress.lines.incoming import Incoming
from egress.lines.memory.book import ATTEMPTS, NEVER_PLANNED
from egress.lines.memory.firmness import DROPPED
from egress.lines.memory.segments import Segment
from egress.lines.results import settling
from egress.lines.results.attempts import mark
from egress.lines.work import Work, said_of_plan
from runtime import logs
from schemas import keys, topics
from schemas.journal import CallOutcome, Checkpoint, Plan, PlanRef, SegmentRef
from schemas.journal import Segment as SegmentRecord
from schemas.outcome import State
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.now import Now
    from egress.lines.partition import Partition

DECODER = topics.EGRESS_JOURNAL.decoder()
_log = logs.get(__name__)


class Key(NamedTuple):
    """What a record's key says: `kind` is plan, outcome, segment or checkpoint; `name` the plan's id or the number."""

    did: str
    kind: str
    name: str


def key_of(incoming: Incoming) -> Key | None:
    """The key of a record; None for one that is not of the journal's."""
    parts = (incoming.key or b"").decode("utf-8", "replace").split(keys.SEPARATOR)
    match parts:
        case [did, "checkpoint"]:
            return Key(did, "checkpoint", "")
        case [did, plan_id]:
            return Key(did, "plan", plan_id)
        case [did, "segment", number] if number.isdigit():
            return Key(did, "segment", number)
        case [did, plan_id, "outcome"]:
            return Key(did, "outcome", plan_id)
    return None


def decoded(incoming: Incoming) -> Any:
    """The record; None, and said so, when it cannot be read."""
    try:
        return DECODER.decode(incoming.value)
    except RecordError as error:
        _log.error("unreadable record", topic=incoming.topic, offset=incoming.offset, problem=str(error))
        return None


# -- recovery


def learn(partition: Partition, incoming: Incoming, now: Now) -> None:
    """A record from before the recovery barrier, in the journal's order."""
    if incoming.value is None:
        _unlearn(partition, incoming, now)
        return
    record = decoded(incoming)
    line = partition.line(record.did, now) if record is not None and record.did else None
    if line is None:
        return
    match record:
        case Plan():
            line.book.add(record)
            line.book.placed(record.plan_id, incoming.offset)
        case CallOutcome():
            line.book.apply(record)
            if not (record.message_id or record.order):
                line.book.heard(record, incoming.offset, now.s)
        case SegmentRecord():
            line.book.index.add(Segment.read(record, incoming.offset))
            for entry in (line.book.plan(ref.plan_id) for ref in record.plans):
                if entry is not None:
                    line.book.indexed(entry)


def _unlearn(partition: Partition, incoming: Incoming, now: Now) -> None:
    key = key_of(incoming)
    if key is None or not key.did:
        return
    book = partition.line(key.did, now).book
    if key.kind == "plan":
        book.forget(key.name)
    elif key.kind == "segment":
        book.index.drop(int(key.name))
    elif key.kind == "outcome":
        book.forget_refused(lambda refused: refused.id == key.name)


class Rebuilding:
    """`tail` is the journal from the committed offset `start` to the barrier. `offsets` are to be read besides."""

    def __init__(self, tail: list[Incoming], start: int) -> None:
        self._tail, self._start = tail, start
        self._checkpoints: dict[str, Checkpoint] = {}
        self._over: set[tuple[str, int]] = set()
        for incoming in tail:
            self._note(incoming)

    def _note(self, incoming: Incoming) -> None:
        key = key_of(incoming)
        if key is None or key.kind not in ("segment", "checkpoint"):
            return
        if incoming.value is None:
            if key.kind == "segment":
                self._over.add((key.did, int(key.name)))
            return
        record = decoded(incoming)
        if isinstance(record, Checkpoint):
            self._checkpoints[key.did] = record
        elif isinstance(record, SegmentRecord):
            self._over.update((key.did, number) for number in record.replaces)

    def offsets(self) -> list[int]:
        """Where the older records stand that still matter."""
        found = []
        for did, checkpoint in self._checkpoints.items():
            found += [ref.offset for ref in self._hot(did, checkpoint)]
            found += [at for ref in self._plans(checkpoint) for at in (ref.plan, ref.outcome) if at >= 0]
        return found

    def _plans(self, checkpoint: Checkpoint) -> list[PlanRef]:
        """Those that are not in the tail: the checkpoint may be newer than the offset that is committed."""
        return [ref for ref in checkpoint.plans if ref.plan < self._start]

    def _hot(self, did: str, checkpoint: Checkpoint) -> list[SegmentRef]:
        return [ref for ref in checkpoint.segments if ref.hot and (did, ref.number) not in self._over]

    def apply(self, partition: Partition, older: Mapping[int, Incoming], now: Now) -> None:
        """Everything reaches the partition: first what the checkpoints name, then the tail in its order."""
        for did, checkpoint in self._checkpoints.items():
            line = partition.line(did, now)
            line.silence.restore(checkpoint.accepted_ms)
            for refused in checkpoint.refused:
                line.book.refuse(refused)
            for word in checkpoint.words:
                line.book.apply(word)
            for segment in checkpoint.segments:
                if not segment.hot and (did, segment.number) not in self._over:
                    line.book.index.add_cold(segment)
            for segment in self._hot(did, checkpoint):
                self._older(partition, older, segment.offset, now, f"segment {segment.number}")
            for plan in self._plans(checkpoint):
                self._older(partition, older, plan.plan, now, f"plan {plan.plan_id}")
                if plan.outcome in older:
                    learn(partition, older[plan.outcome], now)
        for incoming in self._tail:
            learn(partition, incoming, now)

    @staticmethod
    def _older(partition: Partition, older: Mapping[int, Incoming], offset: int, now: Now, what: str) -> None:
        incoming = older.get(offset)
        if incoming is not None:
            learn(partition, incoming, now)
        else:
            # Its key has a newer word in the tail, or somebody removed it from the journal.
            _log.warning("a record that a checkpoint names is gone", what=what, offset=offset)


# -- afterwards


def hear(partition: Partition, incoming: Incoming, now: Now) -> None:
    """A record that stands on the journal now: the owner's own, or an outcome that an earlier owner still wrote."""
    partition.checkpoints.passed(incoming.offset)
    key = key_of(incoming)
    if key is None or incoming.value is None or not key.did:
        return
    line = partition.line(key.did, now)
    if key.kind == "plan":
        line.book.placed(key.name, incoming.offset)
    elif key.kind == "segment":
        line.book.index.placed(int(key.name), incoming.offset)
        partition.checkpoints.heard(key.did, int(key.name))
    elif key.kind == "checkpoint":
        partition.checkpoints.heard(key.did, 0)
    else:
        _outcome(line, incoming, now)


def _outcome(line: Line, incoming: Incoming, now: Now) -> None:
    outcome = decoded(incoming)
    if not isinstance(outcome, CallOutcome) or outcome.code == NEVER_PLANNED:
        return
    settling.overheard(line, outcome, now)
    line.book.heard(outcome, incoming.offset, now.s)


def repeat(line: Line, now: Now, work: Work) -> None:
    """Says once more what is known of plans of which the journal's last word is less: compaction keeps the last.

    Where that was an ending, also in public: a reader of `outcomes` has taken the lesser word for the state.
    """
    for entry in line.book.outspoken(now.s):
        outcome, plan = entry.outcome, entry.plan
        if outcome is None:
            continue
        work.journal(line.number, plan.tenant, outcome)
        state: State = "dead" if outcome.code in (DROPPED, ATTEMPTS) else "refused"
        if outcome.result == "refused" or outcome.code == DROPPED:
            # A person's words stay on the journal.
            reason = "dropped by a person" if outcome.code == DROPPED else outcome.reason
            said = said_of_plan(line.number, plan, state, outcome.code, reason)
            for message in line.book.remaining(entry):
                work.say(said, message.id, message.contact)


def recalled(line: Line, refs: Iterable[PlanRef], found: Mapping[int, Incoming]) -> None:
    """Plans that receipts asked for were read again; those that Kafka keeps no longer are given up."""
    for ref in refs:
        plan = decoded(found[ref.plan]) if ref.plan in found else None
        outcome = decoded(found[ref.outcome]) if ref.outcome in found else None
        if isinstance(plan, Plan) and plan.plan_id == ref.plan_id and isinstance(outcome, CallOutcome):
            line.book.recall(plan, outcome, ref)
            entry = line.book.plan(plan.plan_id)
            if entry is not None:
                mark(entry, outcome)
        else:
            line.book.give_up(ref.plan_id)
