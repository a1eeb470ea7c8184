"""What an agent gives up, as a dead letter of its own topic that can be put back; and notes on deliveries.

Its value is an event of kind `timer` that brings the thing back. Put back, it has a new offset and an id that the
agent's conversation has not handled, so it is an event like any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from processors.agents.actions import Bury
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.dead_letter import Cause
from schemas.delivery import DeliveryNote, Ended
from schemas.headers import Headers
from schemas.inbound import InboundEvent
from schemas.record import encode


def buried(
    agent: str, action: Bury, event: InboundEvent, cause: Headers, partition: int, place: str, now_ms: int
) -> Record:
    """The letter. `event` says whose it is, `place` where the record stands that was handled when it was given up."""
    back = InboundEvent(
        id=action.id,
        tenant=event.tenant,
        did=event.did,
        contact=event.contact,
        reply_to=event.reply_to,
        kind="timer",
        at_ms=now_ms,
        facts=event.facts,
        extra={"name": action.name, "payload": action.payload},
    )
    own = replace(
        cause, id=action.id, type="event", tenant=event.tenant, at_ms=now_ms, did=event.did, contact=event.contact
    )
    why = Cause(reason=action.reason, error=action.error, source=place, at_ms=now_ms, by=f"agents.{agent}")
    key = keys.conversation(event.did, event.contact).encode()
    topic = topics.agent(agent).name + topics.DEAD_LETTERS
    return Record(topic, encode(back), key, why.headers(own.to_kafka()), partition)


def noted(
    agent: str, cause: Headers, event: str, made: Sequence[str], ended: Sequence[Ended], partition: int, now_ms: int
) -> Record:
    """The note on `deliveries`. `cause` says whose they are."""
    note = DeliveryNote(
        tenant=cause.tenant,
        did=cause.did,
        contact=cause.contact,
        agent=agent,
        at_ms=now_ms,
        event=event,
        made=list(made),
        ended=list(ended),
    )
    own = replace(cause, id=event, type="deliveries", at_ms=now_ms)
    key = keys.conversation(cause.did, cause.contact).encode()
    return Record(topics.DELIVERIES.name, encode(note), key, own.to_kafka(), partition)
