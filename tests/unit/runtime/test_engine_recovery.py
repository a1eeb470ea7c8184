"""Recovery asks in the right order and as the right kind of reader, and would rather fail than have half a table."""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from confluent_kafka import KafkaError, TopicPartition

from runtime.engine import recovery as module
from runtime.engine.chunk import Partition
from runtime.engine.recovery import Recovery, RecoveryAbandoned, RecoveryFailed, Restored
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.settings import KafkaSettings

A, B = Partition("source", 0), Partition("source", 1)


class AMessage:
    def __init__(self, partition: int, offset: int, key: bytes = b"", ended: bool = False) -> None:
        self._fields = (partition, offset, key, KafkaError(KafkaError._PARTITION_EOF) if ended else None)

    def partition(self) -> int:
        return self._fields[0]

    def offset(self) -> int:
        return self._fields[1]

    def key(self) -> bytes:
        return self._fields[2]

    def value(self) -> bytes:
        return b"value"

    def error(self) -> KafkaError | None:
        return self._fields[3]


class Kafka:
    """Each changelog partition has a committed record and, behind it, `open_records` of an open transaction."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.committed: dict[Partition, int | None] = {A: 7, B: 9}
        self.unstable = 0
        self.beginning = 0
        self.open_records = 0

    def stable_committed(self, client: "Client", source: object, *, timeout_s: float) -> Mapping[Partition, int | None]:
        self.asked.append(f"offsets, {client.isolation}")
        if self.unstable:
            self.unstable -= 1
            raise OffsetsUnavailable("a transaction is open")
        return self.committed

    def begin_offsets(self, settings: object, source: Iterable[Partition]) -> dict[Partition, int]:
        return dict.fromkeys(source, self.beginning)

    def end_offsets(
        self, settings: object, partitions: Iterable[tuple[str, int]], *, committed: bool = False
    ) -> dict[tuple[str, int], int]:
        self.asked.append("stable end" if committed else "end with open transactions")
        return dict.fromkeys(partitions, 1 if committed else 1 + self.open_records)


class Client:
    kafka: Kafka

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.isolation = config["isolation.level"]
        self.messages: list[AMessage] = []

    def list_topics(self, topic: str, timeout: float) -> None: ...

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.kafka.asked.append(f"changelog {[one.partition for one in partitions]}, {self.isolation}")
        for one in partitions:
            self.messages.append(AMessage(one.partition, 0, b"key"))
            # A read_committed reader comes to no end before the transaction does.
            if not self.kafka.open_records:
                self.messages.append(AMessage(one.partition, 1, ended=True))

    def consume(self, count: int, seconds: float) -> list[AMessage]:
        found, self.messages = self.messages, []
        return found

    def close(self) -> None: ...


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Kafka:
    kafka = Kafka()
    monkeypatch.setattr(Client, "kafka", kafka, raising=False)
    monkeypatch.setattr(module, "Consumer", Client)
    for name in ("stable_committed", "begin_offsets", "end_offsets"):
        monkeypatch.setattr(module, name, getattr(kafka, name))
    monkeypatch.setattr(module, "PAUSE_S", 0.001)
    return kafka


def restore(warm: Mapping[Partition, int] | None = None, abandoned: bool = False, stable_s: float = 5) -> Restored:
    given_up = threading.Event()
    if abandoned:
        given_up.set()
    recovery = Recovery(KafkaSettings(), "group", "changelog", stable_s=stable_s, stall_s=0.05)
    return recovery.restore([A, B], warm or {}, given_up)


def test_offsets_come_first_then_the_end_then_the_changelog_and_nothing_undecided_counts(kafka: Kafka) -> None:
    restored = restore()
    assert kafka.asked == [
        "offsets, read_committed",
        "end with open transactions",
        "changelog [0, 1], read_committed",
    ]
    assert restored.starts == {A: 7, B: 9}
    assert restored.tables == {0: {b"key": b"value"}, 1: {b"key": b"value"}}


def test_a_table_in_memory_counts_only_at_the_offset_that_was_left(kafka: Kafka) -> None:
    assert restore(warm={A: 7, B: 8}).tables.keys() == {1}


def test_a_transaction_that_stays_open_on_the_changelog_fails_the_recovery(kafka: Kafka) -> None:
    kafka.open_records = 1
    with pytest.raises(RecoveryFailed, match="does not move"):
        restore()


def test_offsets_are_waited_for_until_they_are_stable(kafka: Kafka) -> None:
    kafka.unstable = 2
    assert restore().starts == {A: 7, B: 9}
    assert kafka.asked[:4] == ["offsets, read_committed"] * 3 + ["end with open transactions"]
    kafka.unstable = 1_000_000
    with pytest.raises(OffsetsUnavailable):
        restore(stable_s=0.02)


def test_a_rebalance_ends_it(kafka: Kafka) -> None:
    with pytest.raises(RecoveryAbandoned):
        restore(abandoned=True)


def test_what_retention_removed_is_told_and_skipped(kafka: Kafka) -> None:
    kafka.beginning = 8
    restored = restore()
    assert restored.starts == {A: 8, B: 9}
    assert restored.lost == {A: 1}


def test_a_group_that_has_committed_nothing_reads_from_the_beginning(kafka: Kafka) -> None:
    kafka.committed, kafka.beginning = {A: None, B: None}, 3
    restored = restore()
    assert restored.starts == {A: 3, B: 3}
    assert restored.lost == {}
