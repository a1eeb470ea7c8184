"""Intake: what becomes of a record of an input that is read after the recovery: a message, receipts, an order. Pure.

Promises: what was parked already is done with; a record that cannot be read becomes a dead letter of its topic, and so
do receipts that belong to no known send; receipts' offsets wait until each of them is decided. A single template may be
admitted ahead of others that stand before it (`queues.ahead`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.queues import admission
from egress.lines.queues.ahead import AHEAD_MAX
from egress.lines.receipts.receipts import Letter, Waiting
from runtime import metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.chattigo import webhook
from schemas.dead_letter import Cause, source
from schemas.outbound import OutboundMessage
from schemas.record import RecordError

if TYPE_CHECKING:
    from egress.lines.partition import Partition

COMMANDS = topics.LINES_COMMANDS.name
RECEIPTS = topics.INBOUND_RECEIPTS.name
_INPUTS = (topics.OUTBOUND_REPLIES, topics.OUTBOUND_TEMPLATES, topics.LINES_COMMANDS)
_DECODERS = {topic.name: topic.decoder() for topic in _INPUTS}


def admit(partition: Partition, incoming: Incoming, now: Now) -> None:
    """A record of an input, in its order."""
    try:
        if incoming.topic == RECEIPTS:
            _receipts(partition, incoming, now)
        elif incoming.topic == COMMANDS:
            partition.orders.take(partition, _DECODERS[COMMANDS].decode(incoming.value), incoming.offset, now)
        elif (incoming.topic, incoming.offset) in partition.parked_already:
            partition.parked_already.discard((incoming.topic, incoming.offset))
            partition.trackers[incoming.topic].finish(incoming.offset)
        else:
            _message(partition, incoming, now)
    except (RecordError, msgspec.DecodeError, RecursionError) as error:
        _dead(partition, incoming, "undecodable", str(error), now)


def admit_ahead(partition: Partition, incoming: Incoming, now: Now) -> bool:
    """A single template before its turn; False where it is left to that: it would not wait in memory."""
    tracker = partition.trackers[incoming.topic]
    if tracker.ahead >= AHEAD_MAX or (incoming.topic, incoming.offset) in partition.parked_already:
        return False
    try:
        item = _item(incoming, now)
    except RecordError:
        return False
    line = partition.line(item.message.did, now)
    if not admission.fits(line, item, now) or not tracker.take_ahead(incoming.offset):
        return False
    item.ahead = True
    _admit(partition, item, now)
    return True


def _message(partition: Partition, incoming: Incoming, now: Now) -> None:
    _admit(partition, _item(incoming, now), now)


def _item(incoming: Incoming, now: Now) -> Item:
    message: OutboundMessage = _DECODERS[incoming.topic].decode(incoming.value)
    item = Item(message, incoming.topic, incoming.offset, now.s, pending=True, attempt=max(1, message.attempt))
    at_ms, item.replay = incoming.cause()
    item.cause_ms, item.record = at_ms or message.at_ms, incoming
    return item


def _admit(partition: Partition, item: Item, now: Now) -> None:
    message = item.message
    partition.admitted[message.tenant, message.send_class] += 1
    partition.line(message.did, now).admit(item, now, partition.work)


def _receipts(partition: Partition, incoming: Incoming, now: Now) -> None:
    value = incoming.value or b""
    receipts = webhook.receipts(msgspec.json.decode(value))
    letter = Letter(
        incoming.offset, incoming.did, incoming.tenant, incoming.key, value, incoming.headers, len(receipts)
    )
    letter.at_ms = incoming.at_ms
    if not receipts:
        partition.trackers[RECEIPTS].finish(incoming.offset)
    for receipt in receipts:
        line = partition.line(receipt.did or incoming.did, now)
        if receipt.state in ("session", "other"):
            counted = metrics.counter(metrics.EGRESS_RECEIPTS)
            counted.labels(tenant=incoming.tenant, state=receipt.state).inc()
            decided(partition, letter, now, orphan=False)
        else:
            line.receipts.add(Waiting(receipt, letter, now.s))


def decided(partition: Partition, letter: Letter, now: Now, *, orphan: bool) -> None:
    """One more of a letter's receipts is; with the last one its record is done with."""
    letter.left -= 1
    letter.orphans += orphan
    if letter.left:
        return
    if letter.orphans:
        incoming = Incoming(RECEIPTS, partition.number, letter.offset, letter.key, letter.value, letter.headers)
        metrics.counter(metrics.EGRESS_ORPHANS).labels(tenant=letter.tenant).inc(letter.orphans)
        _dead(partition, incoming, "orphan_receipt", f"{letter.orphans} receipts belong to no known send", now)
    else:
        partition.trackers[RECEIPTS].finish(letter.offset)


def _dead(partition: Partition, incoming: Incoming, reason: str, error: str, now: Now) -> None:
    where = source(incoming.topic, partition.number, incoming.offset)
    cause = Cause(reason=reason, error=error, source=where, at_ms=now.wall_ms, by="egress")
    topic = incoming.topic + topics.DEAD_LETTERS
    headers = cause.headers(incoming.headers)
    partition.work.write(Record(topic, incoming.value, incoming.key, headers, partition=partition.number))
    partition.trackers[incoming.topic].finish(incoming.offset)
