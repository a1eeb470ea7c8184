"""Deliveries whose timer rings for nobody. Those of a tenant that has the line no more are its dead letters.

The memory goes with the next tenant's first event, or with a timer that rings for nobody (`foreign_line`). What is put
back goes to the system of the tenant that it is of, as the letter says. Leaves to `step` that erased people's
deliveries go without a trace.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from processors.agents.burial import buried
from processors.agents.deliveries.queue import PREFIX, TIMER, GivenUp, waiting_in
from processors.agents.deliveries.work import bury
from processors.agents.memory import Alarm, Memory
from runtime.kafka.record import Record
from schemas import ids, keys
from schemas.dead_letter import source
from schemas.headers import Headers
from schemas.inbound import InboundEvent

if TYPE_CHECKING:  # the engine brings Faust along, which tests of agents do without
    from runtime.engine import SourceRecord

REASON, HUMAN_OWNS = "foreign_line", "human_owns"
_AGAIN_MS = 60_000
_STORY = "the line went to another tenant before it was delivered"


def letters(agent: str, record: SourceRecord, before: Memory, after: Memory | None, now_ms: int) -> list[Record]:
    """The letters of what waited before a record, if the memory is another tenant's after it, or its timer rang for
    nobody."""
    if not _waits(before) or after is None:
        return []
    headers = Headers.from_kafka(record.headers)
    anothers = after.tenant not in ("", before.tenant)
    if not anothers and (headers.type != "dropped" or _waits(after)):
        return []
    did, contact = keys.split(record.key or b"", 2)
    event = InboundEvent(
        id="", tenant=before.tenant, did=did, contact=contact, reply_to=contact, kind="timer", at_ms=now_ms
    )
    place = source(record.topic, record.partition, record.offset)
    found = [bury(GivenUp(one, REASON, _STORY)) for one in waiting_in(before.said)]
    return [buried(agent, one, event, headers, record.partition, place, now_ms) for one in found]


def without(memory: Memory, event: InboundEvent, offset: int, now_ms: int) -> Memory | None:
    """The memory without what waits, when the timer of deliveries rang for nobody; None for any other note."""
    if event.tenant != memory.tenant or event.kind != "timer" or not _waits(memory):
        return None
    rest = copy.copy(memory)
    rest.offset, rest.touched_ms = offset, now_ms
    rest.said = {name: value for name, value in memory.said.items() if not name.startswith(PREFIX)}
    rest.take_off(TIMER)
    return rest


def put_off(agent: str, memory: Memory, event: InboundEvent, offset: int, now_ms: int) -> Memory | None:
    """The memory with the timer of deliveries set again, when it rang while a human owns the conversation and the agent
    is no tap (any more); None for any other note."""
    if event.kind != "timer" or memory.tenant != event.tenant or not _waits(memory):
        return None
    later = copy.copy(memory)
    later.offset, later.touched_ms = offset, now_ms
    later.set_alarm(Alarm(TIMER, now_ms + _AGAIN_MS, ids.message_id(event.did, event.id, agent, 0)))
    return later


def _waits(memory: Memory) -> bool:
    return any(name.startswith(PREFIX) for name in memory.said)
