"""A group's member owns what its anchor says, siblings too; what it lets go it can no longer commit."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.kafka.consumer import Batch, ConsumerFailed, GroupConsumer, Membership
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced, TransactionalProducer
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker

MakeTopic = Callable[..., str]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


class Owner:
    """Owns partitions of the anchor, and the same numbers of the siblings; remembers what happened."""

    def __init__(self, settings: KafkaSettings, instance: str, topics: Sequence[str], **options: Any) -> None:
        membership = Membership(
            group=topics[0], topic=topics[0], instance=instance, session_s=6, rebalance_s=10, callback_s=5, **options
        )
        self.topics = topics
        self.consumer = GroupConsumer(settings, membership, on_assign=self.assign, on_revoke=self.revoke)
        self.events: list[tuple[str, list[int]]] = []
        self.changed = asyncio.Event()
        self.metadata: object = None
        self.on_revoke: Callable[[], Awaitable[None]] | None = None

    @property
    def owned(self) -> list[int] | None:
        """None before the first assignment and after a revocation."""
        return self.events[-1][1] if self.events and self.events[-1][0] == "assign" else None

    async def assign(self, numbers: list[int]) -> list[TopicPartition]:
        self.metadata = self.consumer.group_metadata()
        answer = await self.consumer.positions((topic, number) for topic in self.topics for number in numbers)
        self._note("assign", numbers)
        return answer

    async def revoke(self, numbers: list[int]) -> None:
        if self.on_revoke is not None:
            await self.on_revoke()
        self._note("revoke", numbers)

    def _note(self, event: str, numbers: list[int]) -> None:
        self.events.append((event, numbers))
        self.changed.set()

    async def until_owned(self, count: int, deadline_s: float = 40) -> None:
        async with asyncio.timeout(deadline_s):
            while self.owned is None or len(self.owned) != count:
                self.changed.clear()
                await self.changed.wait()


def write(broker: str, topic: str, count: int, partition: int) -> None:
    producer = Producer({"bootstrap.servers": broker})
    for n in range(count):
        producer.produce(topic, str(n), partition=partition)
    assert producer.flush(10) == 0


async def read(owner: Owner, count: int) -> list[tuple[str, int, bytes]]:
    found: list[tuple[str, int, bytes]] = []
    async with asyncio.timeout(30):
        while len(found) < count:
            batch = await owner.consumer.next()
            assert batch is not None
            found += [(m.topic() or "", m.partition() or 0, m.value() or b"") for m in batch.messages]
    return found


def siblings(make_topic: MakeTopic) -> list[str]:
    return [make_topic("anchor", 2), make_topic("sibling", 2)]


async def test_siblings_come_with_the_anchor_in_order(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    for topic in topics:
        for partition in (0, 1):
            write(settings.bootstrap, topic, 700, partition)
    owner = Owner(settings, "a", topics)
    await owner.consumer.start()
    found = await read(owner, 2800)
    for topic in topics:
        for partition in (0, 1):
            mine = [value for t, p, value in found if (t, p) == (topic, partition)]
            assert mine == [str(n).encode() for n in range(700)]
    assert owner.events == [("assign", [0, 1])]
    await owner.consumer.stop()
    assert owner.events[-1] == ("revoke", [0, 1])
    assert await owner.consumer.next() is None


async def test_a_siblings_offsets_commit_in_the_generation_and_are_refused_after_it_moved(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    topics, target = siblings(make_topic), make_topic("target")
    write(settings.bootstrap, topics[1], 3, 0)
    producer = TransactionalProducer(settings, topic_names("writer"))
    await producer.start()
    first, second = Owner(settings, "a", topics), Owner(settings, "b", topics)
    await first.consumer.start()
    batch = await first.consumer.next(30)
    assert batch is not None
    offsets = [TopicPartition(topics[1], 0, 2), TopicPartition(topics[0], 1, 0)]
    await producer.commit([Record(target, b"mine")], offsets, batch.group_metadata)
    assert await first.consumer.committed([(topics[1], 0)]) == {(topics[1], 0): 2}
    await second.consumer.start()
    await second.until_owned(1)
    await first.until_owned(1)
    for partition in (0, 1):  # the moved one, and the kept one under the generation that is over
        with pytest.raises(Fenced) as caught:
            await producer.commit(
                [Record(target, b"late")], [TopicPartition(topics[1], partition, 3)], batch.group_metadata
            )
        assert caught.value.code == "ILLEGAL_GENERATION"
    assert producer.fatal is None
    await producer.commit([], [TopicPartition(topics[1], 0, 3)], first.metadata)
    assert await second.consumer.committed([(topics[1], 0)]) == {(topics[1], 0): 3}
    for owner in (first, second):
        await owner.consumer.stop()
    await producer.stop()


async def test_offsets_in_an_open_transaction_end_the_membership_with_the_reason(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    topics = siblings(make_topic)
    writer = Producer({"bootstrap.servers": settings.bootstrap, "transactional.id": topic_names("writer")})
    writer.init_transactions(20)
    first = Owner(settings, "a", topics)
    await first.consumer.start()
    await first.until_owned(2)
    writer.begin_transaction()
    writer.send_offsets_to_transaction([TopicPartition(topics[1], 0, 1)], first.metadata, 20)
    await first.consumer.stop()
    second = Owner(settings, "a", topics)
    await second.consumer.start()
    with pytest.raises(ConsumerFailed, match=r"assigned.*committed offsets.*a transaction on them may be open"):
        await second.consumer.next(30)
    async with asyncio.timeout(5):  # nothing that was asked of Kafka holds the end up
        await second.consumer.stop()
    writer.abort_transaction(20)


async def test_the_owner_finishes_before_it_lets_go(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    topics = siblings(make_topic)
    write(settings.bootstrap, topics[0], 5, 0)
    write(settings.bootstrap, topics[0], 5, 1)
    producer = TransactionalProducer(settings, topic_names("writer"))
    await producer.start()
    first, second = Owner(settings, "a", topics), Owner(settings, "b", topics)
    await first.consumer.start()
    await read(first, 10)

    async def finish() -> None:
        offsets = [TopicPartition(topics[0], number, 5) for number in (0, 1)]
        await producer.commit([], offsets, first.metadata)

    first.on_revoke = finish
    await second.consumer.start()
    await second.until_owned(1)
    assert second.owned is not None
    mine = (topics[0], second.owned[0])
    assert await second.consumer.committed([mine]) == {mine: 5}
    assert await second.consumer.next(1) is None
    first.on_revoke = None
    for owner in (first, second):
        await owner.consumer.stop()
    await producer.stop()


async def test_nothing_of_an_older_generation_is_handed_out(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    for partition in (0, 1):
        write(settings.bootstrap, topics[0], 400, partition)
    first, second = Owner(settings, "a", topics, batch=50, batches=2), Owner(settings, "b", topics)
    await first.consumer.start()
    await first.until_owned(2)
    await second.consumer.start()
    await first.until_owned(1)
    found: list[Batch] = []
    async with asyncio.timeout(30):
        while sum(len(batch.messages) for batch in found) < 400:
            batch = await first.consumer.next()
            assert batch is not None
            found.append(batch)
    assert {batch.group_metadata for batch in found} == {first.metadata}
    assert [m.offset() for batch in found for m in batch.messages] == list(range(400))
    for owner in (first, second):
        await owner.consumer.stop()


async def test_a_slow_owner_stays_a_member_and_loses_nothing(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    write(settings.bootstrap, topics[0], 300, 0)
    owner = Owner(settings, "a", topics, batch=10, batches=1)
    await owner.consumer.start()
    await owner.until_owned(2)
    first = await owner.consumer.next(20)
    assert first is not None
    # Longer than the rebalance time-out of 10 s, after which Kafka expels who does not poll.
    await asyncio.sleep(12)
    rest = await read(owner, 300 - len(first.messages))
    assert [int(value) for _, _, value in rest] == list(range(len(first.messages), 300))
    assert owner.events == [("assign", [0, 1])]
    await owner.consumer.stop()


async def test_pause_and_resume_and_seek(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    owner = Owner(settings, "a", topics)
    await owner.consumer.start()
    await owner.until_owned(2)
    await owner.consumer.pause([(topics[0], 0)])
    write(settings.bootstrap, topics[0], 3, 0)
    write(settings.bootstrap, topics[0], 2, 1)
    assert {partition for _, partition, _ in await read(owner, 2)} == {1}
    assert await owner.consumer.next(1) is None
    await owner.consumer.resume([(topics[0], 0)])
    assert [value for _, _, value in await read(owner, 3)] == [b"0", b"1", b"2"]
    await owner.consumer.seek((topics[0], 0), 1)
    assert [value for _, _, value in await read(owner, 2)] == [b"1", b"2"]
    await owner.consumer.stop()


async def test_an_owner_that_cannot_take_its_partitions_ends_the_membership(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic = make_topic()

    async def fail(numbers: list[int]) -> list[TopicPartition]:
        raise ValueError("cannot recover")

    async def nothing(numbers: list[int]) -> None:
        pass

    membership = Membership(group=topic, topic=topic, instance="a")
    consumer = GroupConsumer(settings, membership, on_assign=fail, on_revoke=nothing)
    await consumer.start()
    with pytest.raises(ConsumerFailed, match="cannot recover"):
        await consumer.next(30)
    await consumer.stop()


async def test_a_replaced_static_member_ends(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    old, new = Owner(settings, "same", topics), Owner(settings, "same", topics)
    await old.consumer.start()
    await old.until_owned(2)
    await new.consumer.start()
    await new.until_owned(2)
    with pytest.raises(ConsumerFailed):
        await old.consumer.next(30)
    await old.consumer.stop()
    await new.consumer.stop()


async def test_a_member_that_gave_up_lets_go_and_takes_nothing_to_its_grave(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topics = siblings(make_topic)
    first, second = Owner(settings, "a", topics), Owner(settings, "b", topics)
    await first.consumer.start()
    await first.until_owned(2)

    async def at_its_end() -> None:
        first.consumer.give_up()

    first.on_revoke = at_its_end
    await second.consumer.start()
    await second.until_owned(2)
    assert second.events == [("assign", [0, 1])], "all of it, and in one rebalance"
    assert first.events == [("assign", [0, 1]), ("revoke", [0, 1])]
    assert await first.consumer.next() is None
    await asyncio.gather(first.consumer.stop(), second.consumer.stop())


async def test_offsets_outside_a_transaction(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topics = siblings(make_topic)
    owner = Owner(settings, "a", topics)
    with pytest.raises(ConsumerFailed):
        owner.consumer.group_metadata()
    await owner.consumer.start()
    await owner.until_owned(2)
    assert [part.offset for part in await owner.consumer.positions([(topics[0], 1)])] == [OFFSET_BEGINNING]
    await owner.consumer.commit([TopicPartition(topics[0], 1, 4)])
    assert await owner.consumer.committed([(topics[0], 0), (topics[0], 1)]) == {(topics[0], 0): None, (topics[0], 1): 4}
    await owner.consumer.stop()
    with pytest.raises(ConsumerFailed):
        await owner.consumer.commit([TopicPartition(topics[0], 1, 5)])


async def test_a_member_outlives_a_restart_of_the_broker(tmp_path: Path) -> None:
    async with Broker(tmp_path / "kafka") as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        admin = AdminClient({"bootstrap.servers": broker.bootstrap})
        admin.create_topics([NewTopic("anchor", 2, 1)])["anchor"].result(30)
        owner = Owner(settings, "a", ["anchor"])
        await owner.consumer.start()
        write(broker.bootstrap, "anchor", 3, 0)
        await read(owner, 3)
        await asyncio.to_thread(broker.restart)
        await asyncio.to_thread(write, broker.bootstrap, "anchor", 2, 1)
        found: set[tuple[int, bytes]] = set()
        async with asyncio.timeout(60):
            while (1, b"1") not in found:
                batch = await owner.consumer.next()
                assert batch is not None
                found |= {(m.partition() or 0, m.value() or b"") for m in batch.messages}
        assert {(1, b"0"), (1, b"1")} <= found
        await owner.consumer.stop()
