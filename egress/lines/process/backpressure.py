"""Backpressure: the last resort. Inputs are paused only before the recovery, or when transactions fall behind.

What waits for its turn pauses nothing: beyond what memory holds it is parked. But what comes before the recovery is
kept in memory, and so is what was parked until its transaction is written: both have a bound.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from confluent_kafka import KafkaException

from egress.lines.item import REPLIES
from egress.lines.partition import TEMPLATES, Partition
from runtime import logs, metrics
from runtime.kafka.offsets import Partition as TopicPartition

EARLY_MAX = 2000
UNWRITTEN_MAX = 5000
_log = logs.get(__name__)


class Pausable(Protocol):
    """What can stop fetching from partitions (`runtime.kafka.consumer.GroupConsumer`)."""

    async def pause(self, partitions: Iterable[TopicPartition]) -> None: ...
    async def resume(self, partitions: Iterable[TopicPartition]) -> None: ...


class Backpressure:
    """Which inputs are paused now."""

    def __init__(self, consumer: Pausable) -> None:
        self._consumer = consumer
        self._paused: set[TopicPartition] = set()

    async def apply(self, partitions: Iterable[Partition]) -> None:
        """Pauses what is too full and resumes what is empty enough."""
        owned = list(partitions)
        replies, bulk = (sum(kind) for kind in zip(*(p.waiting() for p in owned), strict=True)) if owned else (0, 0)
        waits = metrics.gauge(metrics.EGRESS_WAITING)
        waits.labels(message_class="reply").set(replies)
        waits.labels(message_class="bulk").set(bulk)
        pause = _full(owned, 1.0) - self._paused
        resume = self._paused - _full(owned, 0.5) - pause
        self._paused = (self._paused | pause) - resume
        try:
            if pause:
                await self._consumer.pause(pause)
            if resume:
                await self._consumer.resume(resume)
        except KafkaException as error:
            # The assignment changed in between: the next look finds out what is to be paused now.
            _log.info("inputs could not be paused or resumed", problem=str(error))
            self._paused = (self._paused - pause) | resume

    def forget(self) -> None:
        """The assignment is over, and with it what was paused."""
        self._paused.clear()


def _full(owned: list[Partition], part: float) -> set[TopicPartition]:
    full = [
        partition.number
        for partition in owned
        if (not partition.recovered and partition.early >= EARLY_MAX * part)
        or partition.unwritten >= UNWRITTEN_MAX * part
    ]
    return {(topic, number) for number in full for topic in (REPLIES, TEMPLATES)}
