"""What the topics say of deliveries to systems outside, as facts: notes, what agents remember, dead letters."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from confluent_kafka import Message

from processors.agents import memory as memories
from processors.agents.deliveries import PREFIX
from processors.agents.deliveries.queue import waiting_in
from processors.agents.deliveries.work import put_back
from relevo.audit import facts as f
from schemas.delivery import DeliveryNote, delivery_id
from schemas.inbound import InboundEvent
from schemas.record import decode

if TYPE_CHECKING:
    from relevo.audit.gathered import Frame

_WAITS = PREFIX.encode()


def notes(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    """What a note says was asked for, and what has ended."""
    note = decode(value, DeliveryNote)
    if frame.only and note.tenant != frame.only:
        return
    topic, partition, offset = message.topic() or "", message.partition() or 0, message.offset() or 0
    passed = frame.window.is_passed(topic, partition, offset)
    yield from (f.Asked(one, passed) for one in note.made)
    yield from (f.Ended(one.id, one.how, partition, offset, passed) for one in note.ended)


def remembered(frame: Frame, message: Message, value: bytes) -> Iterator[f.Fact]:
    """What waits of a conversation: most memories wait for nothing, and need not be read for that; nor does what was
    forgotten."""
    names: list[str] = []
    if _WAITS in value:
        memory = memories.decode(value)
        mine = not frame.only or memory.tenant == frame.only
        names = [one.id for one in waiting_in(memory.said)] if mine else []
    key = message.key() or b""
    of = key.decode("utf-8", "replace") if isinstance(key, bytes) else key
    yield f.Remembered(f"{message.topic()} {of}", message.offset() or 0, names)


def buried(event: InboundEvent) -> Iterator[f.Fact]:
    """The delivery that a dead letter brings back, if it is one of these."""
    lost = put_back(event)
    if lost is not None:
        yield f.DeliveryBuried(delivery_id(lost.key, lost.back - 1))
