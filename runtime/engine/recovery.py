"""Recovery: where to read on, and what the table held, from Kafka alone.

The order is the point. First the committed source offsets, stable: a transaction that is still open may yet move
them, and the broker says so only to a client that asks read_committed (aiokafka cannot). Then the end of the
changelog as a read_uncommitted client sees it. Then the changelog, read_committed, until the position has passed
that end; the last record before it may be a control record, which is never delivered, so the end of the partition
is taken from the client's end-of-partition event. Now offsets and table belong together.

Everything here blocks and runs in a thread of its own, with confluent-kafka clients that never join the group.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from runtime.engine.chunk import Partition
from runtime.engine.fatal import log
from runtime.kafka import config
from runtime.kafka.fetch import passing
from runtime.kafka.offsets import OffsetsUnavailable, begin_offsets, end_offsets, stable_committed
from runtime.settings import KafkaSettings

STABLE_TRY_S = 2.0
PAUSE_S = 0.2
READ_RECORDS = 5000
READ_S = 0.2
METADATA_S = 10.0


class RecoveryFailed(RuntimeError):
    """Offsets stayed unstable, or the changelog could not be read to its end."""


class RecoveryAbandoned(Exception):
    """A rebalance came before the recovery ended."""


@dataclass(slots=True)
class Restored:
    """Where to read each source partition from, and the tables that were read, by partition number."""

    starts: dict[Partition, int]
    tables: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    records: int = 0
    waited_s: float = 0.0
    lost: dict[Partition, int] = field(default_factory=dict)


class Recovery:
    """Reads for one group, which its clients never join."""

    def __init__(
        self, settings: KafkaSettings, group: str, changelog: str | None, *, stable_s: float, stall_s: float
    ) -> None:
        self.steps = 0  # moves as long as anything does; every wait is bounded by itself
        self._settings = settings
        self._changelog = changelog
        self._stable_s = stable_s
        self._stall_s = stall_s
        overrides = {"enable.partition.eof": True, "queued.max.messages.kbytes": 64 * 1024}
        self._reading = config.consumer(settings, group, overrides=overrides)

    def restore(
        self, source: Sequence[Partition], warm: Mapping[Partition, int], abandoned: threading.Event
    ) -> Restored:
        """Offsets of all `source` partitions, and the tables of those that are not `warm`: in memory, exact as of
        an offset that is still the committed one. Raises RecoveryFailed, RecoveryAbandoned, OffsetsUnavailable."""
        consumer = Consumer(self._reading)
        try:
            restored = self._offsets(consumer, source, abandoned)
            cold = [tp.partition for tp in source if warm.get(tp) != restored.starts[tp]]
            restored.tables = {number: {} for number in cold}
            if self._changelog is not None:
                self._read_changelog(consumer, self._changelog, restored, abandoned)
        finally:
            consumer.close()
        return restored

    def _offsets(self, consumer: Consumer, source: Sequence[Partition], abandoned: threading.Event) -> Restored:
        self.steps += 1
        started = time.monotonic()
        committed = self._stable_offsets(consumer, source, abandoned)
        restored = Restored(starts={}, waited_s=time.monotonic() - started)
        beginnings = begin_offsets(self._settings, source)
        for tp in source:
            offset, beginning = committed[tp], beginnings[tp]
            if offset is not None and offset < beginning:
                restored.lost[tp] = beginning - offset
            restored.starts[tp] = beginning if offset is None else max(offset, beginning)
        return restored

    def _stable_offsets(
        self, consumer: Consumer, source: Sequence[Partition], abandoned: threading.Event
    ) -> dict[tuple[str, int], int | None]:
        end = time.monotonic() + self._stable_s
        while True:
            _give_up_if(abandoned)
            self.steps += 1
            try:
                return stable_committed(consumer, source, timeout_s=STABLE_TRY_S)
            except OffsetsUnavailable as unavailable:
                if time.monotonic() > end:
                    raise
                log.info("waiting for stable offsets: %s", unavailable)
                abandoned.wait(PAUSE_S)

    def _read_changelog(
        self, consumer: Consumer, changelog: str, restored: Restored, abandoned: threading.Event
    ) -> None:
        ends = end_offsets(self._settings, [(changelog, number) for number in restored.tables])
        reading = ChangelogReading({number: end for (_, number), end in ends.items()})
        consumer.list_topics(changelog, METADATA_S)  # else the first fetch waits for a timer of a second
        consumer.assign([TopicPartition(changelog, number, OFFSET_BEGINNING) for number in reading.pending])
        moved = time.monotonic()
        while reading.pending:
            _give_up_if(abandoned)
            self.steps += 1
            if reading.take(consumer.consume(READ_RECORDS, READ_S)):
                moved = time.monotonic()
            elif time.monotonic() - moved > self._stall_s:
                raise RecoveryFailed(f"the changelog does not move: {reading.pending}")
        restored.tables, restored.records = reading.tables, reading.records


class ChangelogReading:
    """What was read of the changelog so far, and which partitions have not passed their end yet."""

    def __init__(self, ends: Mapping[int, int]) -> None:
        self.tables: dict[int, dict[bytes, bytes]] = {number: {} for number in ends}
        self.pending = {number: end for number, end in ends.items() if end > 0}
        self.records = 0

    def take(self, messages: Sequence[Message]) -> bool:
        """Apply messages and end-of-partition events. True if anything came."""
        for message in messages:
            error = message.error()
            if error is None:
                self._apply(message)
                self._passed(message, 1)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._passed(message, 0)
            elif not passing(error):
                raise RecoveryFailed(f"changelog: {error.str()}")
        return bool(messages)

    def _apply(self, message: Message) -> None:
        number, key, value = message.partition(), message.key(), message.value()
        if number is None or key is None:
            raise RecoveryFailed("a changelog record has no key")
        self.records += 1
        if value is None:
            self.tables[number].pop(key, None)
        else:
            self.tables[number][key] = value

    def _passed(self, message: Message, records: int) -> None:
        number, offset = message.partition(), message.offset()
        if number in self.pending and offset is not None and offset + records >= self.pending[number]:
            del self.pending[number]


def _give_up_if(abandoned: threading.Event) -> None:
    if abandoned.is_set():
        raise RecoveryAbandoned
