"""Watches the conversations that humans own: takes back those in which a human was silent for too long, and counts.

A housekeeper of the engine over the indexes of this worker's partitions. Leaves to `owned` which those are.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from processors.conversations.owned import Humans, Owned, order
from runtime import metrics
from runtime.engine import Effects, TableView
from runtime.kafka.record import Record
from schemas import keys
from schemas.tenant import Tenant

EVERY_S = 1.0
_FRESH_S = 10.0


class HumansWatch:
    """The indexes of this worker's partitions, as the engine's housekeeper. `owner(did)` is who has the line now."""

    def __init__(self, owner: Callable[[str], Tenant | None], now_ms: Callable[[], int]) -> None:
        self._owner = owner
        self._now_ms = now_ms
        self._indexes: dict[int, tuple[TableView, Humans]] = {}
        self._counts: dict[int, tuple[float, Counter[str]]] = {}

    def see(self, table: TableView, writes: Mapping[bytes, bytes | None]) -> None:
        """What a chunk changes."""
        self._index(table).see(writes)

    def __call__(self, table: TableView) -> Effects | None:
        """Orders to take conversations back."""
        humans, now_ms = self._index(table), self._now_ms()
        self._count(table.partition, humans)
        effects = Effects()
        for key in humans.overdue(self._timeout_ms, now_ms):
            humans.see({key: table.get(key)})  # writes that never came about leave it as the table has it
            effects.outputs += self._orders(key, humans.owned.get(key), table.partition, now_ms)
        return effects if effects.outputs else None

    def _index(self, table: TableView) -> Humans:
        """Read anew when the partition was."""
        view, humans = self._indexes.get(table.partition, (None, None))
        if humans is None or view is not table:
            humans = Humans(table.items())
            self._indexes[table.partition] = table, humans
        return humans

    def _timeout_ms(self, one: Owned, key: bytes) -> int:
        tenant = self._tenant(one, key)
        return int(tenant.handoff.timeout_s * 1000) if tenant else 0

    def _tenant(self, one: Owned, key: bytes) -> Tenant | None:
        tenant = self._owner(keys.split(key, 2)[0])
        return tenant if tenant and tenant.tenant == one.tenant else None

    def _orders(self, key: bytes, one: Owned | None, partition: int, now_ms: int) -> Iterator[Record]:
        tenant = self._tenant(one, key) if one else None
        if one is not None and tenant is not None:
            yield order(key, one, tenant, partition, now_ms)

    def _count(self, partition: int, humans: Humans) -> None:
        """The gauge, over partitions that were seen lately: one that went to another worker is counted there."""
        now = time.monotonic()
        before = sum((counts for _, counts in self._counts.values()), Counter[str]())
        self._counts[partition] = now, +humans.counts
        self._counts = {number: one for number, one in self._counts.items() if now - one[0] < _FRESH_S}
        total = sum((counts for _, counts in self._counts.values()), Counter[str]())
        for tenant in before.keys() | total.keys():
            metrics.gauge(metrics.PROCESSOR_HUMAN_CONVERSATIONS).labels(tenant=tenant).set(total[tenant])
