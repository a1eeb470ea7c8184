"""The follower is caught up when everything of its start was applied, never earlier, and says when it fails."""

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka import Message, Producer

from runtime.kafka.follower import Follower, FollowerFailed
from runtime.settings import KafkaSettings
from tests.kafka.test_reader import Writer

MakeTopic = Callable[..., str]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


class Model:
    """A read model: the last value of each key."""

    def __init__(self) -> None:
        self.state: dict[bytes | None, bytes | None] = {}
        self.changed = asyncio.Event()

    def apply(self, batch: list[Message]) -> None:
        self.state |= {message.key(): message.value() for message in batch}
        self.changed.set()

    async def until(self, key: bytes, value: bytes | None) -> None:
        async with asyncio.timeout(20):
            while self.state.get(key, b"none yet") != value:
                self.changed.clear()
                await self.changed.wait()


def write(broker: str, topic: str, pairs: list[tuple[bytes, bytes | None]], partition: int = 0) -> None:
    producer = Producer({"bootstrap.servers": broker})
    for key, value in pairs:
        producer.produce(topic, value, key, partition=partition)
    assert producer.flush(10) == 0


async def test_an_empty_topic_is_caught_up_at_once_and_followed(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topic, model = make_topic(partitions=3, cleanup_policy="compact"), Model()
    follower = Follower(settings, topic, model.apply)
    assert not follower.caught_up_now
    await follower.start()
    await follower.caught_up(10)
    assert follower.caught_up_now
    write(settings.bootstrap, topic, [(b"a", b"1")], partition=2)
    await model.until(b"a", b"1")
    write(settings.bootstrap, topic, [(b"a", None)], partition=2)
    await model.until(b"a", None)
    await follower.stop()


async def test_caught_up_means_that_everything_of_the_start_was_applied(
    settings: KafkaSettings, make_topic: MakeTopic
) -> None:
    topic, model = make_topic(partitions=2, cleanup_policy="compact"), Model()
    for partition in (0, 1):
        pairs: list[tuple[bytes, bytes | None]] = [
            (f"{partition}-{n % 50}".encode(), str(n).encode()) for n in range(5000)
        ]
        write(settings.bootstrap, topic, pairs, partition)

    async def slow(batch: list[Message]) -> None:
        await asyncio.sleep(0)
        model.apply(batch)

    follower = Follower(settings, topic, slow)
    await follower.start()
    await follower.caught_up(30)
    assert len(model.state) == 100
    assert set(model.state.values()) == {str(n).encode() for n in range(4950, 5000)}
    await follower.stop()


async def test_aborted_and_open_transactions_are_not_applied(
    settings: KafkaSettings, make_topic: MakeTopic, topic_names: Callable[[str], str]
) -> None:
    topic, model = make_topic(cleanup_policy="compact"), Model()
    writer = Writer(settings.bootstrap, topic_names("writer"))
    writer.commit(topic, b"committed")
    writer.abort(topic, b"aborted")
    writer.open(topic, b"open")
    follower = Follower(settings, topic, model.apply)
    await follower.start()
    await model.until(b"committed", b"committed")
    with pytest.raises(TimeoutError, match=topic):
        await follower.caught_up(1)
    assert not follower.caught_up_now
    writer.client.abort_transaction(10)
    await follower.caught_up(20)
    assert model.state == {b"committed": b"committed"}
    await follower.stop()


async def test_only_the_partitions_that_are_asked_for(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topic, model = make_topic(partitions=2), Model()
    write(settings.bootstrap, topic, [(b"other", b"1")], 0)
    write(settings.bootstrap, topic, [(b"mine", b"1")], 1)
    follower = Follower(settings, topic, model.apply, partitions=[1])
    await follower.start()
    await follower.caught_up(10)
    assert model.state == {b"mine": b"1"}
    await follower.stop()


async def test_a_model_that_fails_ends_it_and_everybody_learns(settings: KafkaSettings, make_topic: MakeTopic) -> None:
    topic = make_topic()
    write(settings.bootstrap, topic, [(b"a", b"1")])
    told: list[BaseException] = []

    def fail(_: list[Message]) -> None:
        raise ValueError("cannot read it")

    follower = Follower(settings, topic, fail, on_failure=told.append)
    await follower.start()
    with pytest.raises(FollowerFailed) as caught:
        await follower.caught_up(10)
    assert isinstance(caught.value.__cause__, ValueError)
    assert [str(failed) for failed in told] == ["cannot read it"]
    assert not follower.caught_up_now
    await follower.stop()


async def test_a_missing_topic_is_an_error_at_start(settings: KafkaSettings, topic_names: Callable[[str], str]) -> None:
    follower = Follower(settings, topic_names("missing"), lambda batch: None)
    with pytest.raises(FollowerFailed, match="missing"):
        await follower.start()
