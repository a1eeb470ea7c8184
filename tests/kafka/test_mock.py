"""librdkafka's mock cluster behind the profile `mock`: what is pretended there, and that nobody else gets it."""

import logging
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from runtime.kafka import config, mock, topics
from runtime.kafka.mock import Member, NotTheMock, PretendedTransactions
from runtime.kafka.offsets import stable_committed
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced, TransactionalProducer, TransactionFailed, transactional_client
from runtime.settings import KafkaSettings
from sandbox.kafka import MockCluster
from schemas.topics import TENANTS, TOKENS

PLACE = TopicPartition(TOKENS.name, 1, 7)


@pytest.fixture
def cluster() -> Iterator[MockCluster]:
    with MockCluster() as cluster:
        yield cluster


@pytest.fixture
def settings(cluster: MockCluster) -> KafkaSettings:
    return KafkaSettings(bootstrap=cluster.bootstrap, profile="mock")


@pytest.fixture
def member(settings: KafkaSettings) -> Iterator[Consumer]:
    """The only member of the group, which owns the topic's partitions."""
    mock.touch(settings, [TOKENS])
    consumer = Consumer(config.consumer(settings, "group", overrides={"group.instance.id": "slot-0"}))
    owned: list[TopicPartition] = []
    consumer.subscribe([PLACE.topic], on_assign=lambda _, partitions: owned.extend(partitions))
    for _ in range(300):
        if owned:
            break
        consumer.poll(0.1)
    assert owned, "the member was given no partitions"
    yield consumer
    consumer.close()


def offset(settings: KafkaSettings) -> int | None:
    client = Consumer(config.consumer(settings, "group"))
    try:
        return stable_committed(client, [(PLACE.topic, PLACE.partition)], timeout_s=5)[PLACE.topic, PLACE.partition]
    finally:
        client.close()


def test_topics_are_there_once_they_were_checked(settings: KafkaSettings) -> None:
    assert topics.check(settings, [TENANTS, TOKENS]) == []
    assert topics.apply(settings, [TENANTS, TOKENS]) == []
    topics.require(settings, [TENANTS, TOKENS])
    found = Consumer(config.consumer(settings, "group")).list_topics(timeout=5).topics
    assert {name: len(topic.partitions) for name, topic in found.items()} == {TENANTS.name: 4, TOKENS.name: 4}


async def test_records_are_there_and_offsets_committed_for_the_member(
    settings: KafkaSettings, member: Consumer, caplog: pytest.LogCaptureFixture
) -> None:
    producer = TransactionalProducer(settings, "writer")
    with caplog.at_level(logging.WARNING):
        await producer.start()
    assert "nothing is exactly once here" in caplog.text
    records = [Record(PLACE.topic, b"one", b"key", (("h", b"1"),), 2), Record(PLACE.topic, b"two", partition=2)]
    await producer.commit(records, [PLACE], member.consumer_group_metadata())
    assert [message.value() for message in read_partition(settings, PLACE.topic, 2)] == [b"one", b"two"]
    assert offset(settings) == PLACE.offset
    await producer.commit([Record(PLACE.topic, b"three", partition=2)], [], None)
    assert offset(settings) == PLACE.offset
    await producer.stop()


async def test_a_member_of_another_generation_is_fenced(settings: KafkaSettings, member: Consumer) -> None:
    now = Member.of(member.consumer_group_metadata())
    old = bytes(member.consumer_group_metadata()).replace(
        now.generation.to_bytes(4, "little"), (now.generation - 1).to_bytes(4, "little"), 1
    )
    assert Member.of(old) == now._replace(generation=now.generation - 1)
    producer = TransactionalProducer(settings, "writer")
    await producer.start()
    with pytest.raises(Fenced, match="ILLEGAL_GENERATION"):
        await producer.commit([], [PLACE], old)
    assert offset(settings) is None
    await producer.stop()


async def test_records_that_are_not_delivered_fail_the_commit(cluster: MockCluster, settings: KafkaSettings) -> None:
    producer = TransactionalProducer(settings, "writer", timeout_s=1)
    await producer.start()
    cluster.stop()
    with pytest.raises(TransactionFailed) as caught:
        await producer.commit([Record(PLACE.topic, b"value", partition=0)], [], None)
    assert caught.value.indefinite
    assert producer.fatal
    await producer.stop()


def test_a_cluster_that_is_gone_takes_no_offsets(cluster: MockCluster) -> None:
    bootstrap = cluster.bootstrap
    cluster.stop()
    with pytest.raises(KafkaException, match="_TRANSPORT"):
        mock.commit_offsets(bootstrap, Member("group", 1, "member"), [PLACE], 1)


def test_another_profile_gets_no_pretended_transactions(cluster: MockCluster) -> None:
    settings = KafkaSettings(bootstrap=cluster.bootstrap)
    assert not isinstance(transactional_client(settings, "writer", 5), PretendedTransactions)
    with pytest.raises(NotTheMock, match="RELEVO_KAFKA_PROFILE is laptop"):
        PretendedTransactions(settings, 5)
    with pytest.raises(NotTheMock):
        mock.touch(settings, [TENANTS])


def test_a_genuine_cluster_refuses_the_profile(broker: str) -> None:
    settings = KafkaSettings(bootstrap=broker, profile="mock")
    with pytest.raises(NotTheMock, match="not librdkafka's mock"):
        topics.require(settings, [TENANTS])
    with pytest.raises(NotTheMock, match="not librdkafka's mock"):
        transactional_client(settings, "writer", 5)
