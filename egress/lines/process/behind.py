"""Behind: how far the intake of each partition is behind what stands on its inputs, for the operator and the scout.

Promises: where a partition was read to its end a moment ago it is not called behind for longer than that, however old
the record is that was read last. Leaves to Kafka's client how ends are asked for.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable
from typing import NamedTuple

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from egress.lines.partition import COMMITTED, TEMPLATES, Partition
from runtime import metrics
from runtime.kafka import config
from runtime.kafka.offsets import Partition as Place
from runtime.kafka.offsets import end_offsets
from runtime.settings import KafkaSettings

# The last offsets of a partition may be markers of transactions, which nobody reads: so few are none.
MARKERS_MAX = 10


class Unread(NamedTuple):
    """How many records of a partition are not read yet, and where it ends."""

    records: int
    end: int


class Behind:
    """Of the partitions of one worker."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: AdminClient | None = None
        self._read_ms: dict[Place, int] = {}
        self._level_ms: dict[Place, int] = {}
        self._first_ms: dict[Place, int] = {}
        self._shown: set[Place] = set()

    def read(self, messages: Iterable[Message]) -> None:
        """These came in their turn."""
        last = {(message.topic(), message.partition()): message for message in messages}
        for (topic, number), message in last.items():
            if topic in COMMITTED and number is not None:
                self._read_ms[topic, number] = message.timestamp()[1]

    async def look(self, partitions: Collection[Partition], now_ms: int) -> dict[int, Unread]:
        """Shows how far they are behind; of each, which single templates are unread. Raises
        OffsetsUnavailable, or TimeoutError: this process may have been frozen while it asked."""
        places = [(topic, partition.number) for partition in partitions for topic in COMMITTED]
        ends = await asyncio.to_thread(self._ends, places) if places else {}
        for place in self._shown - set(places):
            self._forget(place)
        self._shown = set(places)
        found = {}
        for partition in partitions:
            for topic in COMMITTED:
                place, end = (topic, partition.number), ends[topic, partition.number]
                count = self._show(place, end - partition.trackers[topic].next, now_ms)
                if topic == TEMPLATES:
                    found[partition.number] = Unread(count, end)
        return found

    def _ends(self, places: list[Place]) -> dict[Place, int]:
        self._client = self._client or AdminClient(config.admin(self._settings))
        try:
            return end_offsets(self._settings, places, committed=True, client=self._client)
        except BaseException:
            self._client = None  # whatever is wrong with it, a new one does not have it
            raise

    def _show(self, place: Place, offsets: int, now_ms: int) -> int:
        count = offsets if offsets > MARKERS_MAX else 0
        if not count:
            self._level_ms[place] = now_ms
        # Before the first one is read nobody knows its age: what stood there at the first look counts from it.
        first_ms = self._first_ms.setdefault(place, now_ms)
        since_ms = max(self._read_ms.get(place, 0), self._level_ms.get(place, 0)) or first_ms
        seconds = max(0, now_ms - since_ms) / 1000 if count else 0
        labels = {"topic": place[0], "partition": str(place[1])}
        metrics.gauge(metrics.EGRESS_BEHIND).labels(**labels).set(count)
        metrics.gauge(metrics.EGRESS_BEHIND_SECONDS).labels(**labels).set(seconds)
        return count

    def _forget(self, place: Place) -> None:
        """Another worker's business now."""
        for known in (self._read_ms, self._level_ms, self._first_ms):
            known.pop(place, None)
        for gauge in (metrics.EGRESS_BEHIND, metrics.EGRESS_BEHIND_SECONDS):
            metrics.gauge(gauge).remove(topic=place[0], partition=str(place[1]))
