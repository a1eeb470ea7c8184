"""What the ownership of lines rests on, each fact by itself with plain clients (docs/adr/0006).

Beside what `test_consumer.py` shows (siblings come with their anchor; ILLEGAL_GENERATION after a move), and
`test_transactions.py` and `test_reader.py` (offsets of an open transaction are not answered; a reader waits for it).
"""

from __future__ import annotations

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from runtime.kafka.offsets import OffsetsUnavailable, end_offsets, stable_committed
from runtime.kafka.producer import Producer
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced, TransactionalProducer
from runtime.settings import KafkaSettings
from tests.builders.egress import until
from tests.kafka.test_consumer import Owner, read, siblings
from tests.kafka.test_reader import Writer
from tests.kafka.test_transactions import member

MakeTopic = Callable[..., str]
Names = Callable[[str], str]
COMMITS = 30
DIES_IN_ITS_TRANSACTION = """
import asyncio, sys
from confluent_kafka import Consumer, TopicPartition
from runtime.kafka.record import Record
from runtime.kafka.transactions import TransactionalProducer
from runtime.settings import KafkaSettings

bootstrap, name, topic, timeout_s = sys.argv[1:]

async def main():
    group = Consumer({"bootstrap.servers": bootstrap, "group.id": topic})
    producer = TransactionalProducer(KafkaSettings(bootstrap=bootstrap), name, timeout_s=float(timeout_s))
    await producer.start()
    offsets = [TopicPartition(topic, 0, 7)]
    await producer.commit([Record(topic, b"plan", partition=0)], offsets, group.consumer_group_metadata())

asyncio.run(main())
"""


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


async def values(settings: KafkaSettings, topic: str, end: int | None = None) -> list[bytes | None]:
    def listed() -> list[bytes | None]:
        return [m.value() for m in read_partition(settings, topic, 0, BEGINNING, end, stall_s=20)]

    return await asyncio.to_thread(listed)


# -- (a) one anchor topic


@contextmanager
def subscriber(broker: str, group: str, instance: str, topics: list[str]) -> Iterator[Consumer]:
    client = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": group,
            "group.instance.id": instance,
            "partition.assignment.strategy": "range",
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 500,
            # The member that assigns may not know a topic yet that was made just now; it asks again after five minutes.
            "topic.metadata.refresh.interval.ms": 1000,
        }
    )
    client.subscribe(topics)
    with closing(client):
        yield client


def assigned(client: Consumer) -> set[tuple[str, int]]:
    client.poll(0.05)
    return {(part.topic, part.partition) for part in client.assignment()}


async def test_a_topic_that_only_the_upgraded_members_subscribe_to_is_split_from_its_siblings(
    broker: str, make_topic: MakeTopic
) -> None:
    anchor, added = make_topic("anchor", 4), make_topic("added", 4)
    with subscriber(broker, anchor, "old", [anchor]) as old, subscriber(broker, anchor, "new", [anchor, added]) as new:

        def shared() -> bool:
            of_old, of_new = assigned(old), assigned(new)
            return bool(of_old) and len(of_old) + len(of_new) == 8

        await until(shared, "both members have their partitions")
        of_anchor = {number for topic, number in assigned(new) if topic == anchor}
        of_added = {number for topic, number in assigned(new) if topic == added}
        assert len(of_anchor) == 2
        assert of_added == {0, 1, 2, 3}, "two of them belong to lines that the other member owns"


async def test_a_topic_that_comes_with_the_anchor_is_never_split_from_it(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topics = siblings(make_topic)
    added = [*topics, make_topic("added", 2)]
    first, second = Owner(settings, "a", topics), Owner(settings, "b", topics)
    await first.consumer.start()
    await second.consumer.start()
    await first.until_owned(1)
    await second.until_owned(1)
    await second.consumer.stop()
    upgraded = Owner(settings, "b", added)
    await upgraded.consumer.start()
    await upgraded.until_owned(1)
    producer = Producer(settings)
    await producer.start()
    await producer.send_all([Record(topic, b"x", partition=n) for topic in added for n in (0, 1)])
    mine, theirs = await read(upgraded, 3), await read(first, 2)
    assert upgraded.owned is not None
    assert first.owned is not None
    assert {(topic, number) for topic, number, _ in mine} == {(topic, upgraded.owned[0]) for topic in added}
    assert {(topic, number) for topic, number, _ in theirs} == {(topic, first.owned[0]) for topic in topics}
    assert upgraded.owned != first.owned
    for owner in (first, upgraded):
        await owner.consumer.stop()
    await producer.stop()


# -- (b) the recovery barrier


async def test_a_committed_end_misses_a_plan_whose_offsets_are_committed_and_the_barrier_waits_for_it(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names
) -> None:
    """What holds the committed end back here is a dead owner's open transaction in front of the plan."""
    source, journal = make_topic("source"), make_topic("journal")
    dead = Writer(settings.bootstrap, topic_names("dead"))
    dead.open(journal, b"never committed")
    group, producer = member(settings, source), TransactionalProducer(settings, topic_names("owner"))
    await producer.start()
    await producer.commit(
        [Record(journal, b"plan", partition=0)], [TopicPartition(source, 0, 1)], group.consumer_group_metadata()
    )
    assert await asyncio.to_thread(stable_committed, group, [(source, 0)]) == {(source, 0): 1}
    committed_end = end_offsets(settings, [(journal, 0)], committed=True)[journal, 0]
    barrier = end_offsets(settings, [(journal, 0)])[journal, 0]
    assert await values(settings, journal, committed_end) == [], "its message would be planned a second time"
    waiting = asyncio.create_task(values(settings, journal, barrier))
    later = threading.Timer(1.0, dead.client.abort_transaction, [10])
    began = time.monotonic()
    later.start()
    assert await waiting == [b"plan"]
    assert time.monotonic() - began >= 0.9, "it was waited for"
    later.join()
    await producer.stop()
    group.close()


async def test_right_after_each_commit_the_barrier_covers_its_plan(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names, record_property: Callable[[str, object], None]
) -> None:
    source, journal = make_topic("source"), make_topic("journal")
    group, producer, plain = (
        member(settings, source),
        TransactionalProducer(settings, topic_names("owner")),
        Producer(settings),
    )
    await producer.start()
    await plain.start()
    transactions, sends, missed = [], [], 0
    for number in range(1, COMMITS + 1):
        began = time.monotonic()
        record, offsets = Record(journal, b"%d" % number, partition=0), [TopicPartition(source, 0, number)]
        await producer.commit([record], offsets, group.consumer_group_metadata())
        transactions.append(time.monotonic() - began)
        assert await asyncio.to_thread(stable_committed, group, [(source, 0)]) == {(source, 0): number}
        committed_end = end_offsets(settings, [(journal, 0)], committed=True)[journal, 0]
        barrier = end_offsets(settings, [(journal, 0)])[journal, 0]
        # A record and a marker each: the plan's own offset is 2 * number - 2.
        missed += committed_end <= 2 * number - 2
        assert barrier > 2 * number - 2
        began = time.monotonic()
        await plain.send(Record(source, b"x", partition=0))
        sends.append(time.monotonic() - began)
    assert await values(settings, journal) == [b"%d" % number for number in range(1, COMMITS + 1)]
    ratio = statistics.median(transactions) / statistics.median(sends)
    record_property("committed_end_missed_the_plan", missed)
    record_property("transaction_to_send", round(ratio, 1))
    print(
        f"missed {missed} of {COMMITS}; transaction {statistics.median(transactions) * 1000:.1f} ms, ratio {ratio:.1f}"
    )
    await producer.stop()
    await plain.stop()
    group.close()


@pytest.mark.parametrize("reused", [False, True])
async def test_offsets_are_stable_at_the_transactions_time_out_or_at_once_when_the_id_is_reused(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names, reused: bool
) -> None:
    topic, name, timeout_s = make_topic("source"), topic_names("owner"), 6.0
    command = [sys.executable, "-c", DIES_IN_ITS_TRANSACTION, settings.bootstrap, name, topic, str(timeout_s)]
    died = await asyncio.to_thread(
        subprocess.run, command, env=os.environ | {"RELEVO_TEST_POINTS": "transaction_open=kill"}, check=False
    )
    began = time.monotonic()
    assert died.returncode == -signal.SIGKILL
    group = member(settings, topic)
    with pytest.raises(OffsetsUnavailable):
        await asyncio.to_thread(lambda: stable_committed(group, [(topic, 0)], timeout_s=0.3))
    heir = TransactionalProducer(settings, name if reused else topic_names("other"), timeout_s=timeout_s)
    await heir.start()
    assert await asyncio.to_thread(stable_committed, group, [(topic, 0)]) == {(topic, 0): None}
    took = time.monotonic() - began
    print(f"stable after {took:.1f} s, id {'reused' if reused else 'not reused'}, time-out {timeout_s:g} s")
    assert (took < timeout_s - 2) == reused
    assert await values(settings, topic) == [], "what it wrote was aborted"
    await heir.stop()
    group.close()


# -- (c) an old generation is refused


async def refused(producer: TransactionalProducer, target: str, source: str, metadata: object) -> str:
    """The broker's name of the error of a transaction with these offsets."""
    with pytest.raises(Fenced) as caught:
        await producer.commit([Record(target, b"late", partition=0)], [TopicPartition(source, 0, 9)], metadata)
    return caught.value.code


async def test_a_replaced_static_member_is_refused_by_its_instance_id(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names
) -> None:
    topics, target = siblings(make_topic), make_topic("target")
    producer = TransactionalProducer(settings, topic_names("old"))
    await producer.start()
    old, new = Owner(settings, "same", topics), Owner(settings, "same", topics)
    await old.consumer.start()
    await old.until_owned(2)
    await producer.commit([Record(target, b"mine", partition=0)], [TopicPartition(topics[0], 0, 0)], old.metadata)
    await new.consumer.start()
    await new.until_owned(2)
    assert await refused(producer, target, topics[0], old.metadata) == "FENCED_INSTANCE_ID"
    assert await values(settings, target) == [b"mine"]
    assert await new.consumer.committed([(topics[0], 0)]) == {(topics[0], 0): 0}
    for owner in (old, new):
        await owner.consumer.stop()
    await producer.stop()


async def test_a_member_whose_session_has_ended_is_unknown(
    settings: KafkaSettings, admin: AdminClient, make_topic: MakeTopic, topic_names: Names
) -> None:
    topics, target = siblings(make_topic), make_topic("target")
    producer = TransactionalProducer(settings, topic_names("old"))
    await producer.start()
    owner = Owner(settings, "a", topics)
    await owner.consumer.start()
    await owner.until_owned(2)
    await owner.consumer.stop()  # a static member keeps its place until its session ends
    await producer.commit([Record(target, b"mine", partition=0)], [TopicPartition(topics[0], 0, 0)], owner.metadata)

    def expelled() -> bool:
        [answer] = admin.describe_consumer_groups([topics[0]]).values()
        return not answer.result(10).members

    await until(expelled, "the session has ended", 20)
    assert await refused(producer, target, topics[0], owner.metadata) == "UNKNOWN_MEMBER_ID"
    assert await values(settings, target) == [b"mine"]
    await producer.stop()


async def test_an_older_producer_of_the_same_id_is_refused_whatever_the_group_says(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names
) -> None:
    topic, name = make_topic("target"), topic_names("same")
    group = member(settings, topic)
    old, new = TransactionalProducer(settings, name), TransactionalProducer(settings, name)
    await old.start()
    await new.start()
    assert await refused(old, topic, topic, group.consumer_group_metadata()) in ("_FENCED", "INVALID_PRODUCER_EPOCH")
    assert await asyncio.to_thread(stable_committed, group, [(topic, 0)]) == {(topic, 0): None}
    for producer in (old, new):
        await producer.stop()
    group.close()


# -- (d) outcomes need no fence


async def test_an_outcome_that_the_old_owner_writes_after_the_move_reaches_the_new_owner(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Names
) -> None:
    topics = siblings(make_topic)
    anchor, journal = topics
    plain, fenced = Producer(settings), TransactionalProducer(settings, topic_names("old"))
    await plain.start()
    await fenced.start()
    old, new = Owner(settings, "a", topics), Owner(settings, "b", topics)
    await old.consumer.start()
    await old.until_owned(2)
    before = old.metadata
    await new.consumer.start()
    await new.until_owned(1)
    assert new.owned is not None
    number = new.owned[0]
    barrier = end_offsets(settings, [(journal, number)])[journal, number]
    with pytest.raises(Fenced):
        await fenced.commit([Record(journal, b"plan", partition=number)], [TopicPartition(anchor, number, 1)], before)
    await plain.send(Record(journal, b"outcome", partition=number))
    [(topic, partition, value)] = await read(new, 1)
    assert (topic, partition, value) == (journal, number, b"outcome")
    assert end_offsets(settings, [(journal, number)])[journal, number] > barrier
    for owner in (old, new):
        await owner.consumer.stop()
    await plain.stop()
    await fenced.stop()
