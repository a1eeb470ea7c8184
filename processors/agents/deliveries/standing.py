"""How many deliveries wait, of each tenant, and for how long the oldest has: gauges over the partitions of a worker.

Told of every memory that changes, and of those that were there when a partition came; never read from Kafka again.
"""

from __future__ import annotations

from typing import NamedTuple

from processors.agents.deliveries.queue import waiting_in
from processors.agents.memory import Memory
from runtime import metrics

_EVERY_MS = 5000


class _Waits(NamedTuple):
    tenant: str
    number: int
    since_ms: int


class Standing:
    """Of the agents of one type in this process."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._waits: dict[int, dict[bytes, _Waits]] = {}
        self._shown: set[str] = set()
        self._next_ms = 0

    def see(self, partition: int, key: bytes, memory: Memory) -> None:
        """What a conversation remembers now."""
        found = waiting_in(memory.said) if memory.said else []
        if found:
            since_ms = min(one.at_ms for one in found)
            self._waits.setdefault(partition, {})[key] = _Waits(memory.tenant, len(found), since_ms)
        elif partition in self._waits:
            self._waits[partition].pop(key, None)

    def forget(self, partition: int) -> None:
        """The partition is another worker's, or is read anew."""
        if self._waits.pop(partition, None):
            self._next_ms = 0

    def totals(self) -> dict[str, tuple[int, int]]:
        """Of each tenant how many wait, and since when the oldest."""
        found: dict[str, tuple[int, int]] = {}
        for of in self._waits.values():
            for tenant, number, since_ms in of.values():
                before, oldest_ms = found.get(tenant, (0, since_ms))
                found[tenant] = before + number, min(oldest_ms, since_ms)
        return found

    def show(self, now_ms: int) -> None:
        """Set the gauges, every few seconds."""
        if now_ms < self._next_ms:
            return
        self._next_ms = now_ms + _EVERY_MS
        found = self.totals()
        for tenant in self._shown - found.keys():
            self._set(tenant, 0, 0)
        for tenant, (count, oldest_ms) in found.items():
            self._set(tenant, count, max(now_ms - oldest_ms, 0) / 1000)
        self._shown = set(found)

    def _set(self, tenant: str, count: int, oldest_s: float) -> None:
        labels = {"agent": self._agent, "tenant": tenant}
        metrics.gauge(metrics.DELIVERIES_WAITING).labels(**labels).set(count)
        metrics.gauge(metrics.DELIVERIES_OLDEST_S).labels(**labels).set(oldest_s)
