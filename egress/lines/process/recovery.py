"""Recovery: what a new owner of a partition reads before it grants anything.

The order matters. First the group's stable offsets (an open transaction on them is waited for), then the ends of the
learnt topics as a reader of uncommitted records sees them: a transaction's marker may land later on the journal than
on the offsets, so the committed records are read until the position is past that end. Of the journal that begins at the
group's committed offset of it: checkpoints (`memory.checkpoint`) name what still matters of the older part.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from itertools import islice
from typing import NamedTuple

from confluent_kafka import TopicPartition

from egress.lines.incoming import Incoming
from egress.lines.memory.journal import Rebuilding
from egress.lines.now import Now
from egress.lines.pace.stance import STATE
from egress.lines.parking.parked import bare
from egress.lines.partition import COMMANDS, COMMITTED, JOURNAL, LEARNED, Partition
from egress.lines.queues.admission import PARKED
from runtime import logs, metrics, points
from runtime.kafka.consumer import GroupConsumer
from runtime.kafka.offsets import Partition as Place
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.kafka.pick import pick
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
        offsets.pop(STATE, None)  # what comes later is this owner's own
        return [TopicPartition(topic, number, offset) for topic, offset in offsets.items()]


async def barriers(settings: KafkaSettings, consumer: GroupConsumer, numbers: list[int]) -> dict[int, Barrier]:
    """The barrier of each partition."""
    offsets = (*COMMITTED, JOURNAL, PARKED)
    committed = await consumer.committed([(topic, n) for topic in offsets for n in numbers])
    every = {(topic, n) for topic in (*offsets, *LEARNED) for n in numbers}
    begins = await asyncio.to_thread(begin_offsets, settings, every)
    ends = await asyncio.to_thread(end_offsets, settings, {(topic, n) for topic in (*LEARNED, PARKED) for n in numbers})
    _report(unread(committed, begins))
    return {
        n: Barrier(
            {topic: max(committed.get((topic, n)) or 0, begins[topic, n]) for topic in offsets},
            {topic: ends[topic, n] for topic in (*LEARNED, PARKED)},
        )
        for n in numbers
    }


def unread(committed: Mapping[Place, int | None], begins: Mapping[Place, int]) -> dict[Place, int]:
    """How many offsets of a topic Kafka removed before they were read: between what is committed and what is kept."""
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
                if topic == JOURNAL:
                    await _journal(settings, partition, barrier.starts[JOURNAL], end)
                else:
                    records = await asyncio.to_thread(_read, settings, topic, partition.number, BEGINNING, end)
                    _learn(partition, topic, records)
            points.reach("in_recovery")
        async with turn:
            await _learn_parked(settings, partition, barrier)
        partition.recover(Now.read())
        done()
        _log.info("partition recovered", partition=partition.number, lines=len(partition.lines))

    await asyncio.gather(*(one(partition, barrier) for partition, barrier in partitions.values()))


def _learn(partition: Partition, topic: str, records: list[Incoming]) -> None:
    now = Now.read()
    for record in records:
        partition.learn(record, now)
    metrics.counter(metrics.EGRESS_RECOVERED).labels(topic=topic).inc(len(records))


async def _journal(settings: KafkaSettings, partition: Partition, start: int, end: int) -> None:
    tail = await asyncio.to_thread(_read, settings, JOURNAL, partition.number, start, end)
    rebuilding = Rebuilding(tail, start)
    found = await asyncio.to_thread(pick, settings, JOURNAL, partition.number, rebuilding.offsets())
    older = {offset: Incoming.of(message) for offset, message in found.items()}
    rebuilding.apply(partition, older, Now.read())
    partition.checkpoints.passed(end - 1)
    metrics.counter(metrics.EGRESS_RECOVERED).labels(topic=JOURNAL).inc(len(tail) + len(older))
    _log.info("journal read", partition=partition.number, records=len(tail), older=len(older), start=start, end=end)


def _read(settings: KafkaSettings, topic: str, number: int, start: int, end: int) -> list[Incoming]:
    return [Incoming.of(message) for message in read_partition(settings, topic, number, start, end)]


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
