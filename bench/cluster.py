"""The Kafka of a benchmark: genuine, of its own, on the cores that are not measured."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition

from bench import cpu
from runtime.kafka import config
from runtime.kafka.fetch import passing
from runtime.kafka.reader import begin_offsets, end_offsets, read_partition
from runtime.kafka.record import Record
from runtime.kafka.topics import apply
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import topics
from schemas.topics import Cleanup

PARTITIONS = topics.LAPTOP.partitions
_TIMEOUT_S = 30.0
_READERS = 8
_PATIENT = {"broker.session.timeout.ms": 30_000}  # on a busy machine a broker must not lose its partitions to itself


class Found(NamedTuple):
    """A committed record."""

    key: bytes
    value: bytes | None
    headers: dict[str, bytes]
    timestamp_ms: int


class Cluster:
    """`with Cluster(cores) as cluster:` runs a broker on these cores, which starts on all of them; with a `bootstrap`
    address it uses that one."""

    def __init__(self, cores: cpu.Cores, bootstrap: str = "") -> None:
        self._cores = cores
        self._broker = None if bootstrap else Broker(heap="768m", properties=_PATIENT, lasting=True)
        self.kafka = KafkaSettings(bootstrap=bootstrap or "127.0.0.1:9")
        self._topics: list[topics.Topic] = []

    def __enter__(self) -> Self:
        if self._broker is not None:
            self._broker.__enter__()
            if self._broker.pid is not None:
                cpu.pin(self._broker.pid, self._cores)
            self.kafka = KafkaSettings(bootstrap=self._broker.bootstrap)
        return self

    @cached_property
    def _producer(self) -> Producer:
        return Producer(config.producer(self.kafka, {"linger.ms": 5, "delivery.report.only.error": True}))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._broker is not None:
            self._broker.close()

    def create(self, agents: Sequence[str]) -> None:
        """Create the catalogue's topics and those that were asked for, as far as they are missing."""
        apply(self.kafka, [*topics.catalogue(tuple(agents)).values(), *self._topics])

    def topic(self, name: str, cleanup: Cleanup = "delete") -> str:
        """Ask for a topic of the benchmark's own, with as many partitions as the conversations have."""
        own = topics.Topic(
            name=name,
            purpose="a benchmark's",
            partitioned_by="conversation",
            key="did|contact",
            value=None,
            cleanup=cleanup,
            retention_ms=-1,
            producers=(),
            consumers=(),
        )
        self._topics.append(own)
        return name

    def feed(self, records: Iterable[Record], topic: str = "") -> None:
        """Write records, in order, to where they belong or all to one topic; returns when Kafka has them."""
        producer = self._producer
        for record in records:
            while not _taken(producer, record, topic or record.topic):
                producer.poll(0.05)
        if left := producer.flush(_TIMEOUT_S):
            raise TimeoutError(f"{left} records of the input were not confirmed within {_TIMEOUT_S:g} s")

    def progress(self, group: str, topic: str) -> Progress:
        """Watches how far a group has come on a topic."""
        return Progress(self.kafka, group, topic)

    def read(self, *names: str) -> dict[str, list[Found]]:
        """Every committed record of these topics, partition by partition; several are read side by side."""
        places = [(name, number) for name in names for number in range(PARTITIONS)]
        begins, ends = begin_offsets(self.kafka, places), end_offsets(self.kafka, places)

        def one(place: tuple[str, int]) -> list[Found]:
            return [_found(message) for message in read_partition(self.kafka, *place, begins[place], ends[place])]

        found: dict[str, list[Found]] = {name: [] for name in names}
        with ThreadPoolExecutor(_READERS) as readers:
            for (name, _), records in zip(places, readers.map(one, places), strict=True):
                found[name] += records
        return found


def _found(message: Message) -> Found:
    key, value, headers = message.key(), message.value(), dict(message.headers() or ())
    return Found(
        key=key if isinstance(key, bytes) else b"",
        value=value if isinstance(value, bytes) else None,
        headers={name: content for name, content in headers.items() if isinstance(content, bytes)},
        timestamp_ms=message.timestamp()[1],
    )


def _taken(producer: Producer, record: Record, topic: str) -> bool:
    try:
        producer.produce(
            topic, record.value, record.key, partition=record.partition, headers=list(record.headers) or None
        )
    except BufferError:
        return False
    return True


class Progress:
    """How many records of a topic a group has not committed yet. Joins nothing."""

    def __init__(self, kafka: KafkaSettings, group: str, topic: str) -> None:
        # read_uncommitted, or the question would wait for the transaction that is open.
        self._client = Consumer(config.consumer(kafka, group, "read_uncommitted"))
        self._topic = topic

    def left(self) -> int:
        """Right now. The topic's records must not be in transactions: their markers would be counted, too."""
        deadline = time.monotonic() + _TIMEOUT_S
        while True:
            try:
                return self._left([TopicPartition(self._topic, number) for number in range(PARTITIONS)])
            except KafkaException as error:
                if not passing(error.args[0]) or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def _left(self, partitions: list[TopicPartition]) -> int:
        ends = sum(self._client.get_watermark_offsets(tp, timeout=_TIMEOUT_S)[1] for tp in partitions)
        return ends - sum(max(tp.offset, 0) for tp in self._client.committed(partitions, timeout=_TIMEOUT_S))

    def close(self) -> None:
        self._client.close()
