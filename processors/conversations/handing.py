"""A hand-off that nobody carries out goes back to the agent that made it, so that the person is answered.

The agent is silent from its hand-off on. Where the order became a dead letter, or its tenant has the line no more, a
notice `released` ends that silence, and no later one. Leaves to agents what they do without such a notice: after a
time they believe events that say that the bot owns the conversation (see `processors.agents.silence`).
"""

from __future__ import annotations

from collections.abc import Iterator

from processors.conversations.draft import agent_topic
from processors.conversations.world import World
from runtime.engine import SourceRecord
from runtime.kafka.record import Record
from schemas.dead_letter import source
from schemas.headers import Headers
from schemas.inbound import AnyCommand, HandOff, Released, Timer
from schemas.record import Decoder, RecordError, encode

RELEASED = "released"
_decoder = Decoder.of(AnyCommand | Timer)


def given_back(record: SourceRecord, headers: Headers, world: World) -> Iterator[Record]:
    """The notice to the agent whose hand-off the record is, if it is one."""
    if headers.type != "command":
        return
    try:
        order = _decoder.decode(record.value)
    except RecordError:
        return  # bytes that are no order are nobody's hand-off; they are kept as a dead letter
    if isinstance(order, HandOff) and order.by in world.agents:
        told = Headers(
            id=order.id, type=RELEASED, tenant=headers.tenant, at_ms=headers.at_ms, did=headers.did,
            contact=headers.contact,
        )  # fmt: skip
        at = ("source", source(record.topic, record.partition, record.offset).encode())
        notice = encode(Released(handed_off_ms=order.at_ms))
        yield Record(agent_topic(order.by), notice, record.key, [*told.to_kafka(), at], record.partition)
