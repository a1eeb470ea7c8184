"""Records and offsets leave together or not at all, and only for who owns the partitions in its generation."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.kafka.offsets import OffsetsUnavailable, stable_committed
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced, TransactionalProducer, TransactionFailed
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker

MakeTopic = Callable[..., str]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


@pytest.fixture
async def producer(settings: KafkaSettings, topic_names: Callable[[str], str]) -> AsyncIterator[TransactionalProducer]:
    producer = TransactionalProducer(settings, topic_names("writer"))
    await producer.start()
    yield producer
    await producer.stop()


def member(settings: KafkaSettings, group: str) -> Consumer:
    """A client of a group that is no member: its metadata has no generation, so Kafka fences nothing."""
    return Consumer({"bootstrap.servers": settings.bootstrap, "group.id": group, "isolation.level": "read_committed"})


async def values(settings: KafkaSettings, topic: str, partition: int = 0) -> list[bytes | None]:
    return await asyncio.to_thread(lambda: [m.value() for m in read_partition(settings, topic, partition, stall_s=20)])


async def test_records_and_offsets_are_committed_together(
    settings: KafkaSettings, producer: TransactionalProducer, make_topic: MakeTopic
) -> None:
    source, target = make_topic("source", 2), make_topic("target", 2)
    group = member(settings, source)
    records = [
        Record(target, b"a", b"key", (("id", b"1"),), 0),
        Record(target, b"b", partition=1),
        Record(target, None, b"gone", partition=1),
    ]
    offsets = [TopicPartition(source, 0, 5), TopicPartition(source, 1, 7)]
    await producer.commit(records, offsets, group.consumer_group_metadata())
    assert await values(settings, target, 0) == [b"a"]
    assert await values(settings, target, 1) == [b"b", None]
    assert stable_committed(group, [(source, 0), (source, 1)]) == {(source, 0): 5, (source, 1): 7}
    group.close()


async def test_transactions_keep_their_order_and_may_be_large(
    settings: KafkaSettings, producer: TransactionalProducer, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    waiting = [producer.commit([Record(topic, f"{n}".encode(), partition=0)], [], None) for n in range(20)]
    await asyncio.gather(*waiting)
    await producer.commit([Record(topic, b"x" * 1000, partition=0)] * 5000, [], None)
    found = await values(settings, topic)
    assert found[:20] == [f"{n}".encode() for n in range(20)]
    assert len(found) == 5020


async def test_offsets_without_a_generation_are_refused(producer: TransactionalProducer) -> None:
    with pytest.raises(ValueError, match="group"):
        await producer.commit([], [TopicPartition("topic", 0, 1)], None)


async def test_a_refused_record_aborts_all_and_the_producer_goes_on(
    settings: KafkaSettings, producer: TransactionalProducer, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    topic = make_topic("target", cleanup_policy="compact")
    group = member(settings, topic)
    without_key = [Record(topic, b"fine", b"key", partition=0), Record(topic, b"no key", partition=0)]
    with pytest.raises(TransactionFailed) as caught:
        await producer.commit(without_key, [TopicPartition(topic, 0, 1)], group.consumer_group_metadata())
    assert not isinstance(caught.value, Fenced)
    assert not caught.value.indefinite
    assert producer.fatal is None
    assert stable_committed(group, [(topic, 0)]) == {(topic, 0): None}
    await producer.commit([Record(topic, b"next", b"key", partition=0)], [], None)
    assert await values(settings, topic) == [b"next"]
    group.close()


async def test_a_record_beyond_the_limit_aborts_all(
    settings: KafkaSettings, producer: TransactionalProducer, make_topic: MakeTopic
) -> None:
    topic = make_topic()
    with pytest.raises(TransactionFailed) as caught:
        await producer.commit([Record(topic, b"small"), Record(topic, b"x" * (5 * 1024 * 1024))], [], None)
    assert caught.value.code == "MSG_SIZE_TOO_LARGE"
    assert producer.fatal is None
    assert await values(settings, topic) == []


async def test_a_second_producer_of_the_id_fences_the_first(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topic = make_topic()
    first, second = TransactionalProducer(settings, topic), TransactionalProducer(settings, topic)
    await first.start()
    await first.commit([Record(topic, b"first", partition=0)], [], None)
    await second.start()
    with pytest.raises(Fenced):
        await first.commit([Record(topic, b"late", partition=0)], [], None)
    assert first.fatal is not None
    await second.commit([Record(topic, b"second", partition=0)], [], None)
    assert await values(settings, topic) == [b"first", b"second"]
    await first.stop()
    await second.stop()


async def test_offsets_in_an_open_transaction_are_not_answered(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    from tests.kafka.test_reader import Writer

    topic = make_topic()
    group = member(settings, topic)
    writer = Writer(settings.bootstrap, topic_names("open"))
    writer.open(topic, b"open")
    writer.client.send_offsets_to_transaction([TopicPartition(topic, 0, 3)], group.consumer_group_metadata(), 10)
    with pytest.raises(OffsetsUnavailable):
        await asyncio.to_thread(lambda: stable_committed(group, [(topic, 0)], timeout_s=1))
    answer = asyncio.create_task(asyncio.to_thread(lambda: stable_committed(group, [(topic, 0)])))
    writer.client.commit_transaction(10)
    assert await answer == {(topic, 0): 3}
    group.close()


def once_coordinated(group: Consumer) -> dict[tuple[str, int], int | None]:
    """What the group committed, as soon as a broker that has just begun coordinates it."""
    end = time.monotonic() + 30
    while True:
        try:
            return stable_committed(group, [("topic", 0)], timeout_s=2)
        except OffsetsUnavailable:
            if time.monotonic() > end:
                raise


async def test_a_killed_broker_is_an_error_within_the_time_out_and_producers_go_on(tmp_path: Path) -> None:
    """A new one; and one that had nothing to do meanwhile, which must not wait for a coordinator that is gone."""
    async with Broker(tmp_path / "kafka") as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic("topic", 1, 1)])["topic"].result(30)
        producer = TransactionalProducer(settings, "writer", timeout_s=4)
        await producer.start()
        await producer.commit([Record("topic", b"before", partition=0)], [], None)
        idle, group = TransactionalProducer(settings, "idle", timeout_s=10), member(settings, "group")
        await asyncio.to_thread(once_coordinated, group)
        metadata = group.consumer_group_metadata()
        await idle.start()
        await idle.commit([Record("topic", b"idle", partition=0)], [TopicPartition("topic", 0, 1)], metadata)
        # A lone broker that is killed before the end of a transaction is complete may never complete it.
        assert await asyncio.to_thread(once_coordinated, group) == {("topic", 0): 1}
        await asyncio.to_thread(broker.kill)
        with pytest.raises(TransactionFailed) as caught:
            async with asyncio.timeout(20):
                await producer.commit([Record("topic", b"lost", partition=0)], [], None)
        assert not isinstance(caught.value, Fenced)
        stopped = asyncio.create_task(producer.stop())
        await asyncio.to_thread(broker.start)
        await stopped
        second = TransactionalProducer(settings, "writer", timeout_s=10)
        await second.start()
        await second.commit([Record("topic", b"after", partition=0)], [], None)
        assert await asyncio.to_thread(once_coordinated, group) == {("topic", 0): 1}
        await idle.commit([Record("topic", b"idle again", partition=0)], [TopicPartition("topic", 0, 2)], metadata)
        found = await values(settings, "topic")
        assert found[:2] == [b"before", b"idle"]
        assert found[-2:] == [b"after", b"idle again"]
        await second.stop()
        await idle.stop()
        group.close()
