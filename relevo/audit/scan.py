"""Reads topics once, all partitions side by side, up to where they end at the start, from the beginning or a time on.

Promises: every committed record below those ends, in order within a partition, once. Joins no group. Blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from relevo.asking import asker
from runtime.kafka import config
from runtime.kafka.fetch import take
from runtime.kafka.offsets import Partition, begin_offsets, end_offsets, offsets_since
from runtime.kafka.reader import ReadFailed, passing
from runtime.settings import KafkaSettings

BATCH = 2000
STALL_S = 30.0
_WAIT_S = 0.2
_METADATA_S = 10.0

Watch = Callable[[int, int], None]
"""Told of how many offsets of how many were passed, after each batch."""


def scan(settings: KafkaSettings, topics: Iterable[str]) -> Iterator[Message]:
    """Every record of the topics that exist; ReadFailed when nothing moves for 30 s."""
    yield from scan_partitions(settings, partitions_of(settings, topics))


def partitions_of(settings: KafkaSettings, topics: Iterable[str]) -> list[Partition]:
    """All partitions of those topics that exist."""
    known = asker(settings).list_topics(timeout=_METADATA_S).topics
    return [(name, number) for name in topics if name in known for number in known[name].partitions]


def scan_partitions(
    settings: KafkaSettings, wanted: Collection[Partition], *, since_ms: int = 0, watch: Watch | None = None
) -> Iterator[Message]:
    """Every record of the partitions that was written at `since_ms` or later (0: all). Raises ReadFailed."""
    places = list(wanted)
    client = asker(settings)
    ends = end_offsets(settings, places, client=client)
    if since_ms:
        starts = offsets_since(settings, places, since_ms, client=client)
    else:
        starts = begin_offsets(settings, places, client=client)
    yield from _read(settings, _Reach(starts, ends), watch)


def scan_between(
    settings: KafkaSettings, starts: Mapping[Partition, int], ends: Mapping[Partition, int]
) -> Iterator[Message]:
    """Every record of these offsets; a start below the first that Kafka keeps is that first. Raises ReadFailed."""
    yield from _read(settings, _Reach(starts, ends), None)


def _read(settings: KafkaSettings, reach: _Reach, watch: Watch | None) -> Iterator[Message]:
    if not reach.left:
        return
    client = Consumer(config.consumer(settings, "relevo-audit", overrides={"enable.partition.eof": True}))
    try:
        client.assign([TopicPartition(*place, reach.starts[place]) for place in reach.left])
        yield from _until(client, reach, watch)
    finally:
        client.close()


class _Reach:
    """From where to where each partition is read, and which are still `left`."""

    def __init__(self, starts: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        self.starts, self.ends = starts, ends
        self.left = {place for place, start in self.starts.items() if start < self.ends[place]}
        self._at = {place: self.starts[place] for place in self.left}
        self.total = sum(self.ends[place] - start for place, start in self._at.items())

    @property
    def passed(self) -> int:
        return sum(at - self.starts[place] for place, at in self._at.items())

    def move(self, place: Partition, position: int) -> None:
        """The next offset of the partition is `position`."""
        self._at[place] = min(position, self.ends[place])
        if position >= self.ends[place]:
            self.left.discard(place)


def _until(client: Consumer, reach: _Reach, watch: Watch | None) -> Iterator[Message]:
    moved = time.monotonic()
    while reach.left:
        for message in take(client, BATCH, _WAIT_S):
            moved = time.monotonic()
            place = (message.topic() or "", message.partition() or 0)
            offset = message.offset() or 0
            error = message.error()
            if error is None:
                if place in reach.left:
                    if offset < reach.ends[place]:
                        yield message
                    reach.move(place, offset + 1)
            elif error.code() == KafkaError._PARTITION_EOF:
                # Control records at the end are never delivered; the end of the partition says that they were passed.
                reach.move(place, offset)
            elif not passing(error):
                raise ReadFailed(f"{place[0]}/{place[1]}: {error}")
        if watch is not None:
            watch(reach.passed, reach.total)
        if time.monotonic() - moved > STALL_S:
            raise ReadFailed(f"nothing moved for {STALL_S:.0f} s; open: {sorted(reach.left)[:5]}")
