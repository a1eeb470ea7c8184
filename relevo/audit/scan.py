"""Reads whole topics once, all partitions side by side, up to where they end at the start.

Promises: every committed record below those ends, in order within a partition, once. Blocks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from runtime.kafka import config
from runtime.kafka.fetch import take
from runtime.kafka.offsets import Partition, end_offsets
from runtime.kafka.reader import BEGINNING, ReadFailed, passing
from runtime.settings import KafkaSettings

BATCH = 2000
STALL_S = 30.0
_WAIT_S = 0.2


def scan(settings: KafkaSettings, topics: Iterable[str]) -> Iterator[Message]:
    """Every record of the topics that exist; ReadFailed when nothing moves for 30 s."""
    client = Consumer(config.consumer(settings, "relevo-audit", overrides={"enable.partition.eof": True}))
    try:
        ends = _ends(settings, client, topics)
        open_partitions = {partition for partition, end in ends.items() if end > 0}
        client.assign([TopicPartition(topic, number, BEGINNING) for topic, number in open_partitions])
        yield from _until(client, ends, open_partitions)
    finally:
        client.close()


def _ends(settings: KafkaSettings, client: Consumer, topics: Iterable[str]) -> dict[Partition, int]:
    known = client.list_topics(timeout=10).topics
    wanted = [(name, number) for name in topics if name in known for number in known[name].partitions]
    return end_offsets(settings, wanted)


def _until(client: Consumer, ends: dict[Partition, int], left: set[Partition]) -> Iterator[Message]:
    moved = time.monotonic()
    while left:
        for message in take(client, BATCH, _WAIT_S):
            moved = time.monotonic()
            place = (message.topic() or "", message.partition() or 0)
            offset = message.offset() or 0
            error = message.error()
            if error is None:
                if place in left:
                    yield message
                    if offset + 1 >= ends[place]:
                        left.discard(place)
            elif error.code() == KafkaError._PARTITION_EOF:
                # Control records at the end are never delivered; the end of the partition says that they were passed.
                if offset >= ends[place]:
                    left.discard(place)
            elif not passing(error):
                raise ReadFailed(f"{place[0]}/{place[1]}: {error}")
        if time.monotonic() - moved > STALL_S:
            raise ReadFailed(f"nothing moved for {STALL_S:.0f} s; open: {sorted(left)[:5]}")
