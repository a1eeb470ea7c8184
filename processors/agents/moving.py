"""A person's conversation goes on under another key, and so does what an agent remembers of the person.

A notice `moved` of conversations stands behind the last event of the old key. There the memory leaves as a record
`adopt` on the agents' own topic, keyed by the new conversation, and what was handled is all that stays. At the new
key it is taken whole where the agent knows nothing yet, else joined: what the agent knows there stands, names that are
missing are added, timers are united by name, what was said stands in the order of time, messages that are held are told
together, and the budget against loops is the one that is used up further. Both are steps like any other: with their
memory in one transaction.

A hand-off that was still on its way follows by way of the alias, so the agent is silent at the new key, too, until the
owner changes there (`HELD`: in whatever epoch its next event comes). If the owner changed there since the hand-off, the
silence comes too late. Leaves to `silence` when it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from processors.agents.limits import AgentFailed
from processors.agents.loops import Budget
from processors.agents.memory import HELD, Alarm, Held, Memory
from processors.agents.transcript import Keep, Line, told
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.headers import Headers
from schemas.inbound import Adopt, AdoptedAlarm, AdoptedMessage, InboundEvent, MovedTo
from schemas.record import Decoder, RecordError, encode

if TYPE_CHECKING:  # the engine brings Faust along, which tests of agents do without
    from runtime.engine import SourceRecord

MOVED, ADOPT = "moved", "adopt"
NOTICES = frozenset((MOVED, ADOPT))
_HOP, _HOPS = "left", 4
_moved = Decoder.of(MovedTo)
_adopt = Decoder.of(Adopt)
_events = Decoder.of(InboundEvent)


class Moving(NamedTuple):
    """What leaves, and the memory that is kept: None removes it. `same` says that nothing changed."""

    records: list[Record]
    memory: Memory | None
    same: bool = False


def noted(kind: str, partitions: int, headers: Headers, value: bytes | None, memory: Memory, keep: Keep) -> Moving:
    """What a notice `moved` or `adopt` means for the memory at its key. Raises AgentFailed for one that is malformed.

    `kind` is the agent's type, `partitions` the cluster's count, `keep` how much is kept of what was said.
    """
    try:
        if headers.type == ADOPT:
            return _taken(_adopt.decode(value), memory.of(headers.tenant), keep)
        return _handed_over(kind, partitions, headers, _moved.decode(value), memory)
    except RecordError as error:
        raise AgentFailed("malformed", str(error)) from None


def _handed_over(kind: str, partitions: int, headers: Headers, moved: MovedTo, memory: Memory) -> Moving:
    if moved.erase:
        adopt = Adopt(from_contact=headers.contact, erase=True)
        return Moving([_record(kind, partitions, headers, moved, adopt)], Memory())
    if memory.offset < 0:
        return Moving([], memory, same=True)
    known = memory.of(headers.tenant)
    adopt = Adopt(
        from_contact=headers.contact,
        said=known.said,
        alarms=[
            AdoptedAlarm(name=a.name, due_ms=a.due_ms, id=a.id, payload=msgspec.Raw(a.payload)) for a in known.alarms
        ],
        ids=known.ring,
        held=0 <= moved.epoch <= known.muted_since,
        held_ms=known.changed_ms,
        transcript=told(known.lines),
        used=known.budget.used,
        used_ms=known.budget.at_ms,
        stopped=known.budget.stopped,
        waiting=[_at_contact(one, moved.contact) for one in known.held],
        due_ms=known.held_due_ms,
    )
    nothing = not any((adopt.said, adopt.alarms, adopt.held, adopt.transcript, adopt.used, adopt.waiting))
    records = [] if nothing else [_record(kind, partitions, headers, moved, adopt)]
    return Moving(records, Memory(gone=moved.contact))


def forwarded(kind: str, partitions: int, record: SourceRecord, event: InboundEvent, gone: str) -> Record | None:
    """A letter that was put back at a key that the person has left, as a record of the one where they are: what is
    known of deliveries is there, and so do timers go. None where it has been sent on too often already."""
    hops = sum(name == _HOP for name, _ in record.headers)
    if hops >= _HOPS:
        return None
    headers = [(name, gone.encode() if name == "contact" else value or b"") for name, value in record.headers]
    key = keys.conversation(event.did, gone)
    value = encode(msgspec.structs.replace(event, contact=gone))
    told = [*headers, (_HOP, event.contact.encode())]
    return Record(topics.agent(kind).name, value, key.encode(), told, keys.partition(key, partitions))


def _at_contact(one: Held, contact: str) -> AdoptedMessage:
    """A message that is held, as one of the person's other key: there it is told, or a dead letter."""
    event: InboundEvent = _events.decode(one.value)
    headers = [(name, contact.encode() if name == "contact" else value) for name, value in one.headers]
    value = encode(msgspec.structs.replace(event, contact=contact))
    return AdoptedMessage(id=one.id, value=value, headers=headers, place=one.place, at_ms=one.at_ms)


def _record(kind: str, partitions: int, headers: Headers, moved: MovedTo, adopt: Adopt) -> Record:
    key = keys.conversation(headers.did, moved.contact)
    stamped = msgspec.structs.replace(headers, type=ADOPT, contact=moved.contact).to_kafka()
    return Record(topics.agent(kind).name, encode(adopt), key.encode(), stamped, keys.partition(key, partitions))


def adopt_of(value: bytes | None) -> Adopt:
    """What came from another key. Raises AgentFailed."""
    try:
        adopt: Adopt = _adopt.decode(value)
    except RecordError as error:
        raise AgentFailed("malformed", str(error)) from None
    return adopt


def waiting(adopt: Adopt) -> list[Held]:
    """The messages that came along."""
    return [Held(one.id, one.value, one.headers, one.place, one.at_ms) for one in adopt.waiting]


def _taken(adopt: Adopt, memory: Memory, keep: Keep) -> Moving:
    if adopt.erase:  # it may come late: the agent may have handed off again, and what was handled stays so
        rest = Memory(ring=memory.ring, budget=memory.budget)
        rest.muted_since, rest.changed_ms = memory.muted_since, memory.changed_ms
        return Moving([], rest)
    names = {alarm.name for alarm in memory.alarms}
    adopted = [Alarm(a.name, a.due_ms, a.id, bytes(a.payload)) for a in adopt.alarms if a.name not in names]
    memory.said = {**adopt.said, **memory.said}
    memory.alarms = [*memory.alarms, *adopted]
    memory.lines = keep.joined(memory.lines, [Line(one.who, one.text, one.at_ms) for one in adopt.transcript])
    memory.budget = max(memory.budget, Budget(adopt.used, adopt.used_ms, adopt.stopped), key=_spent)
    memory.join_ids(adopt.ids)
    if adopt.waiting:
        memory.held_due_ms = min(memory.held_due_ms, adopt.due_ms) if memory.held else adopt.due_ms
        memory.held = sorted([*waiting(adopt), *memory.held], key=lambda one: one.at_ms)
    if adopt.held and memory.muted_since == -1 and not 0 < adopt.held_ms < memory.changed_ms:
        memory.muted_since, memory.changed_ms = HELD, max(adopt.held_ms, memory.changed_ms)
    return Moving([], memory)


def _spent(budget: Budget) -> tuple[bool, float]:
    return budget.stopped, budget.used
