"""Backpressure: inputs are paused when too much waits in memory, a line or a worker, and resumed at half of it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from confluent_kafka import KafkaException

from egress.lines.line import REPLIES
from egress.lines.partition import TEMPLATES, Partition
from runtime import logs, metrics
from runtime.kafka.offsets import Partition as TopicPartition
from runtime.settings import EgressSettings

EARLY_MAX = 2000
_log = logs.get(__name__)


class Pausable(Protocol):
    """What can stop fetching from partitions (`runtime.kafka.consumer.GroupConsumer`)."""

    async def pause(self, partitions: Iterable[TopicPartition]) -> None: ...
    async def resume(self, partitions: Iterable[TopicPartition]) -> None: ...


class Backpressure:
    """Which inputs are paused now."""

    def __init__(self, settings: EgressSettings, consumer: Pausable) -> None:
        self._settings, self._consumer = settings, consumer
        self._paused: set[TopicPartition] = set()

    async def apply(self, partitions: Iterable[Partition]) -> None:
        """Pauses what is too full and resumes what is empty enough."""
        owned = list(partitions)
        replies, bulk = (
            (sum(waiting) for waiting in zip(*(p.waiting() for p in owned), strict=True)) if owned else (0, 0)
        )
        waits = metrics.gauge(metrics.EGRESS_WAITING)
        waits.labels(message_class="reply").set(replies)
        waits.labels(message_class="bulk").set(bulk)
        pause = self._full(owned, replies + bulk, 1.0) - self._paused
        keep = self._full(owned, replies + bulk, 0.5)
        resume = self._paused - keep - pause
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

    def _full(self, owned: list[Partition], total: int, part: float) -> set[TopicPartition]:
        crowd = total >= self._settings.worker_memory * part
        full = set()
        for partition in owned:
            topics = {REPLIES, TEMPLATES} if crowd else partition.crowded(self._settings.line_memory * part)
            if not partition.recovered and partition.early >= EARLY_MAX * part:
                topics = {REPLIES, TEMPLATES}
            full |= {(topic, partition.number) for topic in topics}
        return full

    def forget(self) -> None:
        """The assignment is over, and with it what was paused."""
        self._paused.clear()
