"""The reader yields every committed record up to the end, whatever the last records of the partition are."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from runtime.kafka import offsets, reader
from runtime.kafka.reader import BEGINNING, ReadFailed, end_offsets, read_partition
from runtime.settings import KafkaSettings

MakeTopic = Callable[..., str]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


class Writer:
    """A transactional writer of values to partition 0."""

    def __init__(self, broker: str, name: str) -> None:
        self.client = Producer({"bootstrap.servers": broker, "transactional.id": name, "log_level": 0})
        self.client.init_transactions(30)

    def open(self, topic: str, *values: bytes) -> None:
        self.client.begin_transaction()
        for value in values:
            self.client.produce(topic, value, value, partition=0)
        assert self.client.flush(10) == 0

    def commit(self, topic: str, *values: bytes) -> None:
        self.open(topic, *values)
        self.client.commit_transaction(10)

    def abort(self, topic: str, *values: bytes) -> None:
        self.open(topic, *values)
        self.client.abort_transaction(10)


@pytest.fixture
def writer(broker: str, topic_names: Callable[[str], str]) -> Iterator[Writer]:
    writer = Writer(broker, topic_names("writer"))
    yield writer
    writer.client.close()


def values(settings: KafkaSettings, topic: str, start: int = BEGINNING, end: int | None = None) -> list[bytes | None]:
    return [message.value() for message in read_partition(settings, topic, 0, start, end, stall_s=20)]


def five(settings: KafkaSettings, topic: str) -> str:
    """The topic, with five records."""
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    for n in range(5):
        producer.produce(topic, str(n), partition=0)
    assert producer.flush(10) == 0
    return topic


def test_an_empty_partition_is_read_at_once(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    assert values(settings, make_topic()) == []


def test_the_end_may_be_a_control_record(settings: KafkaSettings, make_topic: MakeTopic, writer: Writer) -> None:
    topic = make_topic()
    writer.commit(topic, b"one", b"two")
    # The commit returns before its marker is in the partition: reading waits for it, whichever end it saw.
    assert values(settings, topic) == [b"one", b"two"]
    assert end_offsets(settings, [(topic, 0)]) == {(topic, 0): 3}
    assert values(settings, topic) == [b"one", b"two"]


def test_aborted_records_are_never_seen_also_at_the_end(
    settings: KafkaSettings, make_topic: MakeTopic, writer: Writer
) -> None:
    topic = make_topic()
    writer.abort(topic, b"never")
    assert values(settings, topic) == []
    writer.commit(topic, b"seen")
    writer.abort(topic, b"never", b"never")
    assert values(settings, topic) == [b"seen"]
    raw = read_partition(settings, topic, 0, isolation="read_uncommitted")
    assert [message.value() for message in raw] == [b"never", b"seen", b"never", b"never"]


@pytest.mark.parametrize("ending", ["commit", "abort"])
def test_an_open_transaction_below_the_end_is_waited_for(
    settings: KafkaSettings, make_topic: MakeTopic, writer: Writer, ending: str
) -> None:
    topic = make_topic()
    writer.commit(topic, b"before")
    writer.open(topic, b"open")
    assert end_offsets(settings, [(topic, 0)], committed=True) == {(topic, 0): 2}
    reader = read_partition(settings, topic, 0)
    assert next(reader).value() == b"before"
    end = writer.client.commit_transaction if ending == "commit" else writer.client.abort_transaction
    later = threading.Timer(0.5, end, [10])
    later.start()
    rest = [message.value() for message in reader]
    later.join()
    assert rest == ([b"open"] if ending == "commit" else [])


def test_a_transaction_that_stays_open_is_an_error_after_the_stall(
    settings: KafkaSettings, make_topic: MakeTopic, writer: Writer
) -> None:
    topic = make_topic()
    writer.open(topic, b"open")
    with pytest.raises(ReadFailed, match="nothing moved"):
        list(read_partition(settings, topic, 0, stall_s=1))
    writer.client.abort_transaction(10)


def test_start_and_end_bound_what_is_read(settings: KafkaSettings, make_topic: MakeTopic, writer: Writer) -> None:
    topic = make_topic()
    writer.commit(topic, *(str(n).encode() for n in range(10)))
    assert values(settings, topic, start=3, end=6) == [b"3", b"4", b"5"]
    assert values(settings, topic, start=9) == [b"9"]
    assert values(settings, topic, start=10) == []
    assert values(settings, topic, start=400) == []
    assert values(settings, topic, end=0) == []


def test_a_start_that_is_no_longer_kept_is_an_error(
    settings: KafkaSettings, admin: AdminClient, make_topic: MakeTopic
) -> None:
    topic = five(settings, make_topic())
    for answer in admin.delete_records([TopicPartition(topic, 0, 3)]).values():
        answer.result(10)
    assert offsets.begin_offsets(settings, [(topic, 0)]) == {(topic, 0): 3}
    assert values(settings, topic) == [b"3", b"4"]
    with pytest.raises(ReadFailed):
        values(settings, topic, start=1)


@pytest.mark.parametrize(("left", "read"), [(3, [b"3", b"4"]), (5, [])])
def test_the_beginning_may_move_on_after_it_was_asked_for(
    settings: KafkaSettings,
    admin: AdminClient,
    make_topic: MakeTopic,
    monkeypatch: pytest.MonkeyPatch,
    left: int,
    read: list[bytes],
) -> None:
    topic = five(settings, make_topic())
    asked = reader.begin_offsets

    def then_moved(*arguments: Any) -> dict[offsets.Partition, int]:
        found = asked(*arguments)
        for answer in admin.delete_records([TopicPartition(topic, 0, left)]).values():
            answer.result(10)
        return found

    monkeypatch.setattr(reader, "begin_offsets", then_moved)
    assert values(settings, topic) == read


def test_the_beginning_is_found_in_no_more_time_than_an_offset(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    """A client that looks for the beginning itself waits for half a second first."""
    topic = make_topic()
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    producer.produce(topic, "0", partition=0)
    assert producer.flush(10) == 0
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert values(settings, topic) == [b"0"]
        took.append(time.monotonic() - began)
    assert min(took) < 0.4


def test_a_missing_topic_is_an_error(settings: KafkaSettings, topic_names: Callable[[str], str]) -> None:
    with pytest.raises(offsets.OffsetsUnavailable):
        list(read_partition(settings, topic_names("missing"), 0))
