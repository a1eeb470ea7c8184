"""Which timers are due: a queue over what conversations remember, kept in memory a partition.

The truth is in the memories; this is an index of them, built by reading a partition once and told of every change.
It may name a conversation that has nothing due any more, never miss one that has.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable

import msgspec

from processors.agents import debounce
from processors.agents.memory import Alarm, Memory, decode
from runtime.kafka.record import Record
from schemas import inbound, keys, topics
from schemas.headers import Headers
from schemas.record import encode

Seen = Callable[[bytes, Memory], None]


class AlarmQueue:
    """Conversations by when their first timer is due. An entry that would only repeat a nearer one is not added, or a
    chatty conversation with a far timer would fill the memory."""

    def __init__(self, entries: Iterable[tuple[bytes, bytes]] = (), seen: Seen | None = None) -> None:
        """`seen` is told of every memory, too."""
        self._seen = seen
        self._heap: list[tuple[int, bytes]] = []
        self._nearest: dict[bytes, int] = {}
        for key, value in entries:
            self.see(key, decode(value))

    def see(self, key: bytes, memory: Memory) -> None:
        """What a conversation remembers now."""
        if self._seen is not None:
            self._seen(key, memory)
        due_ms = memory.next_due_ms()
        if due_ms is not None:
            self.put_off(key, due_ms)

    def put_off(self, key: bytes, until_ms: int) -> None:
        """Look at the conversation again then, or before."""
        nearest = self._nearest.get(key)
        if nearest is None or until_ms < nearest:
            self._nearest[key] = until_ms
            heapq.heappush(self._heap, (until_ms, key))

    def __len__(self) -> int:
        return len(self._heap)

    def due(self, now_ms: int, most: int) -> list[bytes]:
        """Conversations that may have a timer due, each once; they are taken off."""
        found: dict[bytes, None] = {}
        while self._heap and self._heap[0][0] <= now_ms and len(found) < most:
            key = heapq.heappop(self._heap)[1]
            self._nearest.pop(key, None)
            found[key] = None
        return list(found)


def ring(agent: str, key: bytes, memory: Memory, tenant: str, partition: int, now_ms: int) -> list[Record]:
    """Take the timers that are due off the memory; the records that bring them back as events."""
    due = [alarm for alarm in memory.alarms if alarm.due_ms <= now_ms]
    for alarm in due:
        memory.take_off(alarm.name)
    if memory.held and memory.held_due_ms <= now_ms:
        due.append(_of_held(agent, key, memory))
        memory.held_due_ms = now_ms + debounce.RETRY_MS  # what is held goes when the timer comes
    return [_record(agent, key, alarm, tenant, partition) for alarm in due]


def _of_held(agent: str, key: bytes, memory: Memory) -> Alarm:
    """The timer that tells what is held. It is due since the last message came: no clock is so far behind."""
    name = debounce.timer_id(keys.split(key, 2)[0], agent, memory)
    return Alarm(debounce.TIMER, memory.held[-1].at_ms, name)


def _record(agent: str, key: bytes, alarm: Alarm, tenant: str, partition: int) -> Record:
    did, contact = keys.split(key, 2)
    timer = inbound.Timer(
        id=alarm.id,
        tenant=tenant,
        did=did,
        contact=contact,
        agent=agent,
        name=alarm.name,
        due_ms=alarm.due_ms,
        payload=msgspec.Raw(alarm.payload),
    )
    told = Headers(id=alarm.id, type="timer", tenant=tenant, at_ms=alarm.due_ms, did=did, contact=contact)
    return Record(topics.INBOUND_CONVERSATIONS.name, encode(timer), key, told.to_kafka(), partition)
