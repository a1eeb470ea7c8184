"""Deliveries that nobody would try any more: their timer rang in vain, or their tenant lost the line.

The former get a timer again. The latter are dead letters of that tenant: when its memory goes with the next tenant's
first event, or when its timer rings for nobody (`foreign_line`). What is put back goes to the system of the tenant that
it is of. Of those of erased people only their ids stay on record.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from msgspec.structs import replace

from processors.agents.burial import buried, noted
from processors.agents.deliveries.queue import PREFIX, TIMER, GivenUp, waiting_in
from processors.agents.deliveries.work import bury
from processors.agents.memory import Alarm, Memory
from runtime.kafka.record import Record
from schemas import ids, keys
from schemas.dead_letter import source
from schemas.delivery import Ended
from schemas.headers import Headers
from schemas.inbound import InboundEvent

if TYPE_CHECKING:  # the engine brings Faust along, which tests of agents do without
    from runtime.engine import SourceRecord

REASON = "foreign_line"
_AGAIN_MS, _LONGEST_MS = 60_000, 3_600_000
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


def erased(agent: str, record: SourceRecord, memory: Memory, now_ms: int) -> list[Record]:
    """The note that a person's deliveries went with all that was known of the person."""
    if not _waits(memory):
        return []
    did, contact = keys.split(record.key or b"", 2)
    headers = replace(Headers.from_kafka(record.headers), tenant=memory.tenant, did=did, contact=contact)
    ended = [Ended(one.id, "erased") for one in waiting_in(memory.said)]
    return [noted(agent, headers, "", [], ended, record.partition, now_ms)]


def timed(agent: str, record: SourceRecord, after: Memory | None, now_ms: int) -> Memory | None:
    """The memory with a timer, where deliveries wait without one: it rang, and the agent did not get it (a human owns
    the conversation, the event became a dead letter): the later the longer they wait, so that one of which every event
    becomes a dead letter makes few of them. None where there is nothing to do."""
    if after is None or not _waits(after) or any(alarm.name == TIMER for alarm in after.alarms):
        return None
    later = copy.copy(after)
    waited_ms = now_ms - min(one.at_ms for one in waiting_in(after.said))
    again_ms = min(max(waited_ms // 4, _AGAIN_MS), _LONGEST_MS)
    place = source(record.topic, record.partition, record.offset)
    later.set_alarm(Alarm(TIMER, now_ms + again_ms, ids.digest("deliveries", agent, place)))
    return later


def _waits(memory: Memory) -> bool:
    return bool(waiting_in(memory.said))
