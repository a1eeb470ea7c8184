"""Recovery: what a new owner of a partition reads before it grants anything.

The order matters. First the group's stable offsets (an open transaction on them is waited for), then the ends of the
learnt topics as a reader of uncommitted records sees them: a transaction's marker may land later on the journal than
on the offsets, so the committed records are read until the position is past that end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from confluent_kafka import TopicPartition

from egress.lines.admission import PARKED
from egress.lines.incoming import Incoming
from egress.lines.now import Now
from egress.lines.parked import bare
from egress.lines.partition import COMMANDS, COMMITTED, LEARNED, Partition
from runtime import logs, metrics, points
from runtime.kafka.consumer import GroupConsumer
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings

_PARALLEL = 4
PARKED_CHUNK = 5000
_log = logs.get(__name__)


class Barrier(NamedTuple):
    """Where the committed topics of a partition are read on, and to where the learnt ones must be read."""

    starts: dict[str, int]
    ends: dict[str, int]

    def assignment(self, number: int) -> list[TopicPartition]:
        """What the group's consumer reads: inputs from their offsets, learnt topics from their barrier on."""
        offsets = {**self.starts, **self.ends, **{topic: self.starts[topic] for topic in COMMITTED}}
        return [TopicPartition(topic, number, offset) for topic, offset in offsets.items()]


async def barriers(settings: KafkaSettings, consumer: GroupConsumer, numbers: list[int]) -> dict[int, Barrier]:
    """The barrier of each partition."""
    committed = await consumer.committed([(topic, n) for topic in (*COMMITTED, PARKED) for n in numbers])
    every = {(topic, n) for topic in (*COMMITTED, *LEARNED, PARKED) for n in numbers}
    begins = await asyncio.to_thread(begin_offsets, settings, every)
    for n in numbers:
        _tell_of_deleted(n, committed.get((PARKED, n)), begins[PARKED, n])
    ends = await asyncio.to_thread(end_offsets, settings, {(topic, n) for topic in (*LEARNED, PARKED) for n in numbers})
    return {
        n: Barrier(
            {topic: max(committed.get((topic, n)) or 0, begins[topic, n]) for topic in (*COMMITTED, PARKED)},
            {topic: ends[topic, n] for topic in (*LEARNED, PARKED)},
        )
        for n in numbers
    }


def _tell_of_deleted(number: int, committed: int | None, begin: int) -> None:
    """The first parked message that is not done is gone: it was there for longer than Kafka keeps it."""
    if committed is not None and committed < begin:
        _log.error("parked messages were deleted by Kafka", partition=number, from_offset=committed, to_offset=begin)
        metrics.counter(metrics.EGRESS_PARKED_LOST).labels().inc(begin - committed)


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
        async with turn:
            await _learn_parked(settings, partition, barrier)
        partition.recover(Now.read())
        done()
        _log.info("partition recovered", partition=partition.number, lines=len(partition.lines))

    await asyncio.gather(*(one(partition, barrier) for partition, barrier in partitions.values()))


async def _learn_parked(settings: KafkaSettings, partition: Partition, barrier: Barrier) -> None:
    """From the first parked message that was not done. There may be millions: their values are not kept."""
    start, end = barrier.starts[PARKED], barrier.ends[PARKED]
    records = read_partition(settings, PARKED, partition.number, start, end)
    while chunk := await asyncio.to_thread(
        lambda: [bare(Incoming.of(message)) for message in islice(records, PARKED_CHUNK)]
    ):
        now = Now.read()
        for record in chunk:
            partition.learn(record, now)


def _read(settings: KafkaSettings, topic: str, number: int, end: int) -> list[Incoming]:
    return [Incoming.of(message) for message in read_partition(settings, topic, number, BEGINNING, end)]
