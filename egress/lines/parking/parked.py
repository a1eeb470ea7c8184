"""Parked: what a partition makes of records of `outbound.parked`: learnt in a recovery, read back, fetched. Pure.

A record that is learnt or read back is only a place in its line's queue, unless its message is still in memory; there
it takes over from the input's. When a line has room its next ones are fetched. Promises: a record is finished when its
message is planned or refused, or known to be; one that cannot be read becomes a dead letter of the topic that it
came from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from egress.lines.campaigns import deferred
from egress.lines.gate.gate import Refusal
from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.parking import withheld
from egress.lines.parking.flows import Shut
from egress.lines.parking.parking import WITHHELD, nothing_shut
from egress.lines.queues import admission
from egress.lines.queues.admission import KEPT_MS, PARKED
from egress.lines.work import Echo, Work
from runtime import logs, metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import Cause, source
from schemas.outbound import OutboundMessage
from schemas.parked import Done, Flow, Kind, Parked, names_line, unparked
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.partition import Partition

# What is too old is fetched so many at a time; it is looked for so often.
OLD_MAX = 1000
LOOK_MS = 60_000
# A place of what is shut is written again when half of the time is over for which it is kept.
AGAIN_MS = KEPT_MS // 2
# What comes back on a ramp takes room until its turn: more of it comes when the next turn is so near.
AHEAD_MS = 30_000
_NO_FLOW = Flow()
_DECODER = topics.OUTBOUND_PARKED.decoder()
_log = logs.get(__name__)


class Wanted(NamedTuple):
    """Records for which a line has room, ascending."""

    line: Line
    kind: Kind
    offsets: list[int]


def bare(incoming: Incoming) -> Incoming:
    """The record without its value, which is fetched when there is room; one that names no line is needed whole."""
    return incoming._replace(value=None) if names_line(incoming.headers) else incoming


def learn(partition: Partition, incoming: Incoming, now: Now) -> None:
    """A record from before the recovery barrier; the journal is known already. Its input may be read again."""
    note = Parked.from_headers(incoming.headers)
    if (done := _note(incoming)) is not None:
        partition.lot.note_read = done
    elif _input_returns(partition, note):
        partition.parked_already.add(note.origin)
    if note.after is not None and note.did:
        copy = withheld.Learnt(note.did, incoming.offset, _id(incoming), note.after)
        partition.withheld_copies.append(copy)
    _place(partition, incoming, note, None, now)


def learnt(partition: Partition) -> None:
    """All records from before the barrier were: what the last note says of them is heeded."""
    for parking in (parking for line in partition.lines.values() for parking in line.parkings.values()):
        parking.learnt = partition.lot.end
    note, partition.lot.note_read = partition.lot.note_read, None
    if note is not None:
        _heed(partition, note)
    copies, partition.withheld_copies = partition.withheld_copies, []
    withheld.restore(partition, copies)


def _heed(partition: Partition, note: Done) -> None:
    try:
        partition.lot.heed(note)
    except ValueError as error:
        _log.error("what is parked and done is looked up message by message", problem=str(error))
    for line in partition.lines.values():
        for parking in line.parkings.values():
            parking.keep(partition.lot.open)


def note_done(partition: Partition, work: Work) -> None:
    """From time to time it is written which of the parked messages are done, though an older one is not."""
    note = partition.lot.note(work.at_ms)
    if note is not None:
        work.write(Record(PARKED, None, None, note.headers(work.at_ms), partition=partition.number))


def read_back(partition: Partition, incoming: Incoming, now: Now) -> None:
    """A record from after it: the partition's own."""
    note = Parked.from_headers(incoming.headers)
    _place(partition, incoming, note, partition.lot.came(_id(incoming)), now)


def _input_returns(partition: Partition, note: Parked) -> bool:
    """Whether a crash would bring back the input that this is a copy of. Of one that was parked before and is parked
    again, the place before tells that."""
    return note.origin[0] != PARKED and partition.returns(*note.origin)


def _note(incoming: Incoming) -> Done | None:
    return Done.from_headers(incoming.headers) if incoming.key is None else None


def _place(partition: Partition, incoming: Incoming, note: Parked, echo: Echo | None, now: Now) -> None:
    uncommitted = note.origin if _input_returns(partition, note) else None
    first = not partition.lot.begun
    if not partition.lot.take(incoming.offset, note.at_ms, uncommitted):
        return
    if first and not partition.recovered:
        # What was sent since the first of them was parked is known from now on: those behind it may be its copies.
        partition.cool(now)
    if _note(incoming) is not None:
        partition.lot.pass_over(incoming.offset)
        return
    if not note.did:
        _bury(partition, incoming, note, "undecodable", "its headers name no line", now)
        return
    line, offset = partition.line(note.did, now), incoming.offset
    parking = line.parkings[note.kind]
    flow = _flow(note)
    if echo is not None and echo.item is None and not echo.far:
        parking.seen(flow)
    item = echo.item if echo is not None else None
    if item is not None and item.echoing:  # else it was decided meanwhile
        item.echoing, item.pending = False, True
        item.source, item.position = PARKED, offset
        parking.echoing -= 1
        parking.held[offset] = item
    elif item is not None or (not incoming.replay and note.after is None and line.book.knows(_id(incoming))):
        partition.lot.known(offset, _id(incoming))
    else:
        at_once = note.kind == "reply" or _hastened(partition, line, offset, note)
        parking.put(flow, offset, 0 if at_once else note.not_before_ms, now.wall_ms)


def _hastened(partition: Partition, line: Line, offset: int, note: Parked) -> bool:
    return partition.recovered and note.after is not None and withheld.placed(partition, line, offset, note.after)


def _flow(note: Parked) -> Flow:
    """With what the message takes turns. A record of an earlier version says at most of which campaign it is."""
    if note.flow != _NO_FLOW or note.kind != "bulk":
        return note.flow
    if note.after is not None:
        return Flow(note.after.campaign, WITHHELD) if note.after.campaign else note.flow
    place = deferred.place_of(note)
    return Flow(place[0]) if place is not None else note.flow


def _id(incoming: Incoming) -> str:
    return (incoming.key or b"").decode("utf-8", "replace")


def wanted(partition: Partition, now: Now, kinds: Sequence[Kind]) -> list[Wanted]:
    """What of these kinds is to be fetched now; each record is named once. Nothing for a paused line, or of what is
    shut, but what Kafka deletes soon."""
    found = []
    for line in partition.lines.values():
        for kind in kinds:
            parking = line.parkings[kind]
            if parking.coming or not parking.fetchable:
                continue
            offsets = _old(partition, line, kind, now) or _next(line, kind, now)
            if offsets:
                line.crowd.admitted(partition.number, len(offsets))
                found.append(Wanted(line, kind, offsets))
    return found


def _next(line: Line, kind: Kind, now: Now) -> list[int]:
    waiting = line.in_the_way(kind)
    room = line.crowd.room(waiting)
    if line.stance.why_held(kind) is not None or room < waiting:
        return []
    return line.parkings[kind].take(room, now.wall_ms, _shut(line, now))


def _old(partition: Partition, line: Line, kind: Kind, now: Now) -> list[int]:
    """Those that are given up before Kafka deletes them; of what is shut, those that are written once more before
    that. Looked for once a minute, and again as long as there are some."""
    parking = line.parkings[kind]
    if now.wall_ms < parking.look_ms:
        return []
    shut = _shut(line, now)

    def is_old(flow: Flow, offset: int) -> bool:
        return 0 < partition.lot.since_ms(offset) < now.wall_ms - (AGAIN_MS if shut(flow) else KEPT_MS)

    found = parking.old(OLD_MAX, is_old)
    parking.look_ms = now.wall_ms if found else now.wall_ms + LOOK_MS
    return found


def _shut(line: Line, now: Now) -> Shut:
    """Which flows may give nothing now: those of a campaign that is paused, or at a stage that lets nobody go. What was
    withheld goes at every stage."""
    shut = {
        (one.name, stage)
        for one in line.campaigns.all()
        if one.live and not one.over(now.wall_ms)
        for stage, lets in (("", one.lets_in(now.wall_ms, AHEAD_MS)), (WITHHELD, one.state != "paused"))
        if not lets
    }
    return (lambda flow: flow[:2] in shut) if shut else nothing_shut


def arrived(partition: Partition, wanted: Wanted, found: Mapping[int, Incoming], now: Now) -> None:
    """The records came; those that are missing Kafka keeps no longer."""
    wanted.line.parkings[wanted.kind].came()
    wanted.line.crowd.admitted(partition.number, -len(wanted.offsets))
    for offset in wanted.offsets:
        incoming = found.get(offset)
        if incoming is None:
            _log.error("a parked message is gone", partition=partition.number, offset=offset)
            metrics.counter(metrics.EGRESS_PARKED_LOST).labels().inc()
            partition.lot.finish(offset)
        else:
            _admit(partition, wanted, incoming, now)


def _admit(partition: Partition, wanted: Wanted, incoming: Incoming, now: Now) -> None:
    note, line = Parked.from_headers(incoming.headers), wanted.line
    try:
        message: OutboundMessage = _DECODER.decode(incoming.value)
    except RecordError as error:
        _bury(partition, incoming, note, "undecodable", str(error), now)
        if note.after is not None:
            withheld.lost(line, note.after)
        return
    item = Item(
        message,
        PARKED,
        incoming.offset,
        now.at_ms(note.at_ms),
        pending=True,
        attempt=max(1, message.attempt),
        cause_ms=incoming.at_ms or message.at_ms,
        reply=wanted.kind == "reply",
        replay=incoming.replay,
    )
    deferred.named(item, note)
    if note.after is not None:
        withheld.follow(item, note.after)
    if line.parkings[item.kind].superseded(incoming.offset, message.id) or not line.is_new(item):
        partition.lot.known(incoming.offset, message.id)
        return
    deferred.came(line, item)
    if note.at_ms < now.wall_ms - KEPT_MS:
        why = f"it was parked for {KEPT_MS // topics.DAY_MS} days"
        line.refuse(item, Refusal("parked_too_long", why, "dead"), partition.work)
        _bury(partition, incoming, note, "parked_too_long", why, now)
    elif deferred.may_go(line, item, now, partition.work):
        admission.readmit(line, item, now, partition.work)


def _bury(partition: Partition, incoming: Incoming, note: Parked, reason: str, error: str, now: Now) -> None:
    """Keeps the bytes where those of its input would be kept, and finishes the record."""
    kept = (topics.OUTBOUND_REPLIES, topics.OUTBOUND_TEMPLATES)
    topic = next((one.name for one in kept if one.name == note.origin[0]), topics.OUTBOUND_TEMPLATES.name)
    where = source(incoming.topic, partition.number, incoming.offset)
    cause = Cause(reason=reason, error=error, source=where, at_ms=now.wall_ms, by="egress")
    headers = cause.headers(unparked(incoming.headers))
    key = note.key or incoming.key
    letter = Record(topic + topics.DEAD_LETTERS, incoming.value, key, headers, partition=partition.number)
    partition.work.write(letter)
    partition.lot.finish(incoming.offset)
