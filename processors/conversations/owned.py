"""The conversations of a partition that humans own, and the order that takes one back. Pure.

The truth is in the states; the index is built by reading a partition once and told of every change. A conversation is
given back by an order on its own topic, so that it has its place among what the person and the human say: it is obeyed
only if the human did nothing since, in the same epoch. Its id is of conversation, epoch and time, so asking again is
the same order. Leaves to `commands` what the order does.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from processors.conversations.state import State, decode
from runtime.kafka.record import Record
from schemas import ids, keys, topics
from schemas.headers import Headers
from schemas.inbound import Close, Command, Overdue, Resume
from schemas.record import encode
from schemas.tenant import Tenant

BY = "conversations"
_MARK = b"\xa5human"  # how MessagePack writes the owner: most states need not be read
_AGAIN_MS = 60_000
_SCAN_MS = 30_000


class Owned(NamedTuple):
    """A conversation that a human of the tenant's owns since `epoch` began, and did nothing in since `since_ms`."""

    tenant: str
    epoch: int
    since_ms: int

    @classmethod
    def of(cls, value: bytes | None) -> Owned | None:
        """What a state says; None if no human owns it."""
        if not value or _MARK not in value:
            return None
        state: State = decode(value)
        if state.owner != "human":
            return None
        return cls(state.tenant, state.epoch, state.human_since_ms)


TimeoutMs = Callable[[Owned, bytes], int]
"""For how long a human may be silent in a conversation; 0: for ever."""


class Humans:
    """The index of one partition: `owned`, and how many there are by tenant."""

    def __init__(self, entries: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.owned: dict[bytes, Owned] = {}
        self.counts: Counter[str] = Counter()
        self._fresh: set[bytes] = set()  # seen since the last time that somebody asked
        self._heap: list[tuple[int, bytes]] = []
        self._at: dict[bytes, int] = {}  # the entry of the heap that counts
        self._asked: dict[bytes, int] = {}
        self._scanned_ms = 0
        for key, value in entries:
            self._see(key, value)

    def see(self, writes: Mapping[bytes, bytes | None]) -> None:
        """What states are now."""
        for key, value in writes.items():
            self._see(key, value)

    def _see(self, key: bytes, value: bytes | None) -> None:
        found, before = Owned.of(value), self.owned.get(key)
        if found == before:
            return
        if before is not None:
            del self.owned[key]
            self.counts[before.tenant] -= 1
            self._asked.pop(key, None)
            self._at.pop(key, None)
        if found is not None:
            self.owned[key] = found
            self.counts[found.tenant] += 1
            self._fresh.add(key)

    def overdue(self, timeout_ms: TimeoutMs, now_ms: int) -> list[bytes]:
        """Those whose human was silent for longer than allowed (0: for ever), each no more than once a minute.

        A time-out that a tenant changed is noticed within half a minute.
        """
        if now_ms - self._scanned_ms >= _SCAN_MS:
            self._scanned_ms, self._heap, self._at, self._fresh = now_ms, [], {}, set(self.owned)
        for key in self._fresh:
            self._put(key, timeout_ms)
        self._fresh.clear()
        found = []
        while self._heap and self._heap[0][0] <= now_ms:
            due_ms, key = heapq.heappop(self._heap)
            if self._at.get(key) == due_ms:
                found.append(key)
                self._asked[key] = now_ms
                self._put(key, timeout_ms)
        return found

    def _put(self, key: bytes, timeout_ms: TimeoutMs) -> None:
        one = self.owned.get(key)
        allowed = timeout_ms(one, key) if one else 0
        if one is None or not allowed:
            self._at.pop(key, None)
            return
        asked_ms = self._asked.get(key)
        due_ms = max(one.since_ms + allowed, asked_ms + _AGAIN_MS if asked_ms is not None else 0)
        self._at[key] = due_ms
        heapq.heappush(self._heap, (due_ms, key))


def order(key: bytes, one: Owned, tenant: Tenant, partition: int, now_ms: int) -> Record:
    """The order to give a conversation back, or to close it, as the tenant wants it."""
    did, contact = keys.split(key, 2)
    kind: type[Resume | Close] = Close if tenant.handoff.then == "close" else Resume
    given: Command = kind(
        id=ids.digest("overdue", key.decode(), str(one.epoch), str(one.since_ms)),
        tenant=one.tenant,
        did=did,
        contact=contact,
        at_ms=now_ms,
        by=BY,
        overdue=Overdue(epoch=one.epoch, since_ms=one.since_ms),
    )
    told = Headers(id=given.id, type="command", tenant=one.tenant, at_ms=now_ms, did=did, contact=contact)
    return Record(topics.INBOUND_CONVERSATIONS.name, encode(given), key, told.to_kafka(), partition)
