"""A cursor: reads on from chosen offsets of partitions, outside any group, and commits nothing.

For one thread at a time. Promises: every committed record from those offsets on, in the order of each partition, also
over a broker that is away for a while; ReadFailed for what does not pass. What was read of a partition that stays is
not read again when others come or go.
"""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import Consumer, Message, TopicPartition

from runtime.kafka import config
from runtime.kafka.fetch import passing, take
from runtime.kafka.offsets import Partition
from runtime.kafka.reader import ReadFailed
from runtime.settings import KafkaSettings


class Cursor:
    """It connects when it is first placed."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._client: Consumer | None = None
        self._starts: dict[Partition, int] = {}

    @property
    def placed(self) -> bool:
        """Whether it reads anything."""
        return bool(self._starts)

    def place(self, starts: Mapping[Partition, int]) -> None:
        """Reads these partitions from now on, and no others: one that is new from its offset on."""
        if self._starts.keys() == starts.keys():
            return
        positions = self._positions() | {place: starts[place] for place in starts.keys() - self._starts.keys()}
        self._starts = {place: positions[place] for place in starts}
        if self._client is None:
            self._client = Consumer(config.consumer(self._settings, "relevo-reader"))
        self._client.assign([TopicPartition(*place, offset) for place, offset in self._starts.items()])

    def _positions(self) -> dict[Partition, int]:
        """Where the partitions are read on that are read now."""
        if self._client is None or not self.placed:
            return {}
        asked = self._client.position([TopicPartition(*place) for place in self._starts])
        found = {(one.topic, one.partition): one.offset for one in asked}
        return {place: max(start, found[place]) for place, start in self._starts.items()}  # below 0: nothing was read

    def read(self, count: int, wait_s: float) -> list[Message]:
        """Up to `count` records as soon as there is one; none after `wait_s`. Raises ReadFailed."""
        if self._client is None or not self.placed:
            return []
        found = take(self._client, count, wait_s)
        if all(message.error() is None for message in found):
            return found
        for error in (message.error() for message in found):
            if error is not None and not passing(error):
                raise ReadFailed(f"reading on: {error}")
        return [message for message in found if message.error() is None]

    def close(self) -> None:
        """Reads nothing any more, until it is placed again."""
        client, self._client, self._starts = self._client, None, {}
        if client is not None:
            client.close()
