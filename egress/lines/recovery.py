"""Recovery: what a new owner of a partition reads before it grants anything.

The order matters. First the group's stable offsets (an open transaction on them is waited for), then the ends of the
learnt topics as a reader of uncommitted records sees them: a transaction's marker may land later on the journal than
on the offsets, so the committed records are read until the position is past that end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from confluent_kafka import TopicPartition

from egress.lines.incoming import Incoming
from egress.lines.now import Now
from egress.lines.partition import COMMANDS, COMMITTED, LEARNED, Partition
from runtime import logs, metrics, points
from runtime.kafka.consumer import GroupConsumer
from runtime.kafka.offsets import Partition as Place
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings

_PARALLEL = 4
_log = logs.get(__name__)


class Barrier(NamedTuple):
    """Where the committed topics of a partition are read on, and to where the learnt ones must be read."""

    starts: dict[str, int]
    ends: dict[str, int]

    def assignment(self, number: int) -> list[TopicPartition]:
        """What the group's consumer reads: inputs from their offsets, learnt topics from their barrier on."""
        offsets = {**self.ends, **self.starts}
        return [TopicPartition(topic, number, offset) for topic, offset in offsets.items()]


async def barriers(settings: KafkaSettings, consumer: GroupConsumer, numbers: list[int]) -> dict[int, Barrier]:
    """The barrier of each partition."""
    committed = await consumer.committed([(topic, n) for topic in COMMITTED for n in numbers])
    every = {(topic, n) for topic in (*COMMITTED, *LEARNED) for n in numbers}
    begins = await asyncio.to_thread(begin_offsets, settings, every)
    ends = await asyncio.to_thread(end_offsets, settings, {(topic, n) for topic in LEARNED for n in numbers})
    _report(unread(committed, begins))
    return {
        n: Barrier(
            {topic: max(committed.get((topic, n)) or 0, begins[topic, n]) for topic in COMMITTED},
            {topic: ends[topic, n] for topic in LEARNED},
        )
        for n in numbers
    }


def unread(committed: Mapping[Place, int | None], begins: Mapping[Place, int]) -> dict[Place, int]:
    """How many offsets of an input Kafka removed before they were read: between what is committed and what is kept."""
    gaps = {place: begins[place] - offset for place, offset in committed.items() if offset is not None}
    return {place: gap for place, gap in gaps.items() if gap > 0}


def _report(gaps: Mapping[Place, int]) -> None:
    """What is gone can only be told: reading goes on at the first record that is still kept."""
    for (topic, number), offsets in gaps.items():
        metrics.counter(metrics.EGRESS_UNREAD).labels(topic=topic).inc(offsets)
        _log.error("unread records are no longer kept in Kafka", topic=topic, partition=number, offsets=offsets)


async def recover(
    settings: KafkaSettings, partitions: Mapping[int, tuple[Partition, Barrier]], done: Callable[[], None]
) -> None:
    """Reads what the partitions must know; each is recovered as soon as its own reading is done."""
    turn = asyncio.Semaphore(_PARALLEL)

    async def one(partition: Partition, barrier: Barrier) -> None:
        for topic in LEARNED:
            end = min(barrier.ends[topic], barrier.starts[COMMANDS]) if topic == COMMANDS else barrier.ends[topic]
            async with turn:
                records = await asyncio.to_thread(_read, settings, topic, partition.number, end)
            now = Now.read()
            for record in records:
                partition.learn(record, now)
            points.reach("in_recovery")
        partition.recover(Now.read())
        done()
        _log.info("partition recovered", partition=partition.number, lines=len(partition.lines))

    await asyncio.gather(*(one(partition, barrier) for partition, barrier in partitions.values()))


def _read(settings: KafkaSettings, topic: str, number: int, end: int) -> list[Incoming]:
    return [Incoming.of(message) for message in read_partition(settings, topic, number, BEGINNING, end)]
