"""Admission: what becomes of a message that was read: known already, refused, waiting in memory, or parked. Pure.

Promises: decided at once, so that no line's wait holds up an offset; replies that are parked stand on the parked topic
in the order in which they came, before everything younger that an input could still bring back. So when replies begin
to be parked, those in memory whose input's offset is open are parked first; and whatever comes later goes behind the
parked ones as long as some of these are not in memory. Bulk, which has no order, is parked alone.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from egress.lines.gate import gate
from egress.lines.gate.gate import Refusal
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.parking.parking import FAR_MS
from egress.lines.work import Echo, Work, said_of_item
from runtime import metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import source
from schemas.parked import Kind, Parked, Why

if TYPE_CHECKING:
    from egress.lines.line import Line

PARKED = topics.OUTBOUND_PARKED.name
# What was parked for so long is given up, before Kafka deletes it.
KEPT_MS = topics.OUTBOUND_PARKED.retention_ms - 2 * topics.DAY_MS
_REASONS: dict[Why, str] = {
    "backlog": "it waits in Kafka behind others: more are waiting than memory holds",
    "line_paused": "it waits in Kafka: its line is paused",
    "not_before": "it waits in Kafka until its time comes",
    "waits": "it has waited for a while, and is kept in Kafka too",
}


def admit(line: Line, item: Item, now: Now, work: Work) -> None:
    """A message of an input."""
    if _decided(line, item, work):
        return
    if item.message.not_before_ms > now.wall_ms + KEPT_MS:
        days = KEPT_MS // topics.DAY_MS
        line.refuse(item, Refusal("too_far", f"it may go only in more than {days} days"), work)
        return
    why = _must_wait_outside(line, item, now)
    if why is None:
        line.parkings[item.kind].open[item.position] = item
        _wait(line, item, now)
        return
    if item.reply and not line.parkings[item.kind].absent:
        park_open(line, item.kind, why, now, work)
    if why == "backlog" and not item.reply:
        line.batcher.hurry()
    park(line, item, why, now, work, resident=False)


def readmit(line: Line, item: Item, now: Now, work: Work) -> None:
    """A message of the parked topic, for which there is room."""
    if not _decided(line, item, work):
        line.parkings[item.kind].held[item.position] = item
        _wait(line, item, now)


def _decided(line: Line, item: Item, work: Work) -> bool:
    if not line.is_new(item):
        line.finish(item)
        return True
    refusal = gate.at_admission(item.message, *line.owner(item))
    if refusal is not None:
        line.refuse(item, refusal, work)
    return refusal is not None


def _wait(line: Line, item: Item, now: Now) -> None:
    line.ids.add(item.id)
    line.crowd.admitted(line.number)
    item.wake_s = now.at_ms(item.message.not_before_ms) if item.message.not_before_ms > now.wall_ms else 0
    line.enqueue(item, now)


def _must_wait_outside(line: Line, item: Item, now: Now) -> Why | None:
    if _far(item, now):
        return "not_before"
    if line.paused:
        return "line_paused"
    full = line.crowd.room(line.waiting(item.kind)) <= 0
    return "backlog" if full or line.parkings[item.kind].absent else None


def _far(item: Item, now: Now) -> bool:
    """Whether its time is so far that it need not be in memory. A reply must be: the person's next one waits for it."""
    return not item.reply and item.message.not_before_ms > now.wall_ms + FAR_MS


def park(line: Line, item: Item, why: Why, now: Now, work: Work, *, resident: bool) -> None:
    """Keeps the message in Kafka, with which its input's offset is finished; `resident`: it stays in memory too."""
    parking, far = line.parkings[item.kind], _far(item, now)
    work.park(_record(line, item, why, now), Echo(item.id, item if resident else None, far))
    work.say(said_of_item(line.number, item, "parked", why, _REASONS[why]), item.id, item.contact)
    metrics.counter(metrics.EGRESS_PARKINGS).labels(message_class=item.kind, reason=why).inc()
    line.count(item, "parked")
    line.finish(item)
    if resident:
        item.echoing = True
        parking.echoing += 1
    else:
        parking.unseen += not far


def _record(line: Line, item: Item, why: Why, now: Now) -> Record:
    read = item.record
    if read is None:
        raise ValueError("only what an input brought can be parked")
    note = Parked(
        did=line.did,
        kind=item.kind,
        source=source(read.topic, read.partition, read.offset),
        why=why,
        at_ms=now.wall_ms,
        not_before_ms=item.message.not_before_ms,
        key=read.key or b"",
    )
    return Record(PARKED, read.value, item.id.encode(), note.headers(read.headers), line.number)


def park_open(line: Line, kind: Kind, why: Why, now: Now, work: Work, before: int | None = None) -> None:
    """Those in memory whose input's offset is open, oldest first; only inputs before this offset, if one is given."""
    for item in list(line.parkings[kind].open.values()):
        if before is not None and item.position >= before:
            return
        park(line, item, why, now, work, resident=True)


def park_old(line: Line, now: Now, work: Work) -> None:
    """Those that have waited for so long that their inputs' offsets shall go on."""
    since_s = now.s - line.rules.settings.park_after_s
    why: Why = "line_paused" if line.paused else "waits"
    for parking in line.parkings.values():
        for item in list(takewhile(lambda item: item.since_s <= since_s, parking.open.values())):
            park(line, item, why, now, work, resident=True)
