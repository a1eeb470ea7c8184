"""The conversations of a partition that humans own, and the order that takes one back. Pure.

The truth is in the states; the index is built by reading a partition once and told of every change. A conversation is
given back by an order on its own topic, so that it has its place among what the person and the human say: it is obeyed
only if the human did nothing since, in the same epoch. Its id is of conversation, epoch and time, so asking again is
the same order. Leaves to `commands` what the order does.
"""

from __future__ import annotations

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


class Humans:
    """The index of one partition."""

    def __init__(self, entries: Iterable[tuple[bytes, bytes]] = ()) -> None:
        self.owned: dict[bytes, Owned] = {}
        self._asked: dict[bytes, int] = {}
        for key, value in entries:
            self._see(key, value)

    def see(self, writes: Mapping[bytes, bytes | None]) -> None:
        """What states are now."""
        for key, value in writes.items():
            self._see(key, value)

    def _see(self, key: bytes, value: bytes | None) -> None:
        found = Owned.of(value)
        if found is not None:
            self.owned[key] = found
        elif self.owned.pop(key, None) is not None:
            self._asked.pop(key, None)

    def overdue(self, timeout_ms: Callable[[Owned, bytes], int], now_ms: int) -> list[bytes]:
        """Those whose human was silent for longer than allowed (0: for ever), each no more than once a minute."""
        found = []
        for key, one in self.owned.items():
            allowed = timeout_ms(one, key)
            if allowed and one.since_ms + allowed <= now_ms and self._asked.get(key, 0) + _AGAIN_MS <= now_ms:
                self._asked[key] = now_ms
                found.append(key)
        return found

    def by_tenant(self) -> Counter[str]:
        """How many there are."""
        return Counter(one.tenant for one in self.owned.values())


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
