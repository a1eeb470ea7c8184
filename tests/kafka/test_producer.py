"""The producer acknowledges only what the broker has, says at once when it is full, and never hangs."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.kafka.producer import Backpressure, Delivered, DeliveryError, Producer, Record
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas.keys import murmur2


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


async def read(settings: KafkaSettings, topic: str, partition: int = 0) -> list[bytes | None]:
    return await asyncio.to_thread(lambda: [m.value() for m in read_partition(settings, topic, partition)])


async def test_a_record_is_there_when_its_future_is_done(
    settings: KafkaSettings, make_topic: Callable[..., str]
) -> None:
    topic = make_topic()
    producer = Producer(settings)
    await producer.start()
    record = Record(topic, b"value", b"key", (("id", b"1"), ("id", b"2")), 0, 1_700_000_000_000)
    delivered = await producer.send(record)
    assert delivered == (topic, 0, 0)
    found = await asyncio.to_thread(lambda: list(read_partition(settings, topic, 0)))
    assert [(m.key(), m.value(), m.headers(), m.timestamp()[1]) for m in found] == [
        (b"key", b"value", [("id", b"1"), ("id", b"2")], 1_700_000_000_000)
    ]
    await producer.stop()


async def test_keys_land_where_the_schemas_say(settings: KafkaSettings, make_topic: Callable[..., str]) -> None:
    topic = make_topic(partitions=4)
    producer = Producer(settings)
    await producer.start()
    for n in range(20):
        key = f"5691234{n}|57".encode()
        delivered = await producer.send(Record(topic, b"", key))
        assert delivered.partition == (murmur2(key) & 0x7FFFFFFF) % 4
    await producer.stop()


async def test_records_keep_the_order_of_send(settings: KafkaSettings, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    producer = Producer(settings)
    await producer.start()
    sent = [producer.send(Record(topic, str(n).encode())) for n in range(3000)]
    offsets = [delivered.offset for delivered in await asyncio.gather(*sent)]
    assert offsets == list(range(3000))
    assert await read(settings, topic) == [str(n).encode() for n in range(3000)]
    await producer.stop()


async def test_a_group_is_done_when_all_of_it_is(settings: KafkaSettings, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    producer = Producer(settings, queue_buffering_max_messages=10)
    await producer.start()
    await producer.send_all([])
    await producer.send_all(Record(topic, str(n).encode()) for n in range(500))
    # Read at once: all of it was confirmed.
    assert await read(settings, topic) == [str(n).encode() for n in range(500)]
    await producer.stop()


async def test_a_record_beyond_the_limit_fails_alone(settings: KafkaSettings, make_topic: Callable[..., str]) -> None:
    topic = make_topic()
    producer = Producer(settings)
    await producer.start()
    too_large = producer.send(Record(topic, b"x" * (5 * 1024 * 1024)))
    fine = producer.send(Record(topic, b"fine"))
    with pytest.raises(DeliveryError) as caught:
        await too_large
    assert caught.value.code == "MSG_SIZE_TOO_LARGE"
    assert not caught.value.retriable
    assert (await fine).offset == 0
    with pytest.raises(DeliveryError):
        await producer.send_all([Record(topic, b"ok"), Record(topic, b"x" * (5 * 1024 * 1024))])
    await producer.stop()


async def test_a_missing_topic_is_an_error_within_the_time_out(
    settings: KafkaSettings, topic_names: Callable[[str], str]
) -> None:
    producer = Producer(settings, message_timeout_ms=3000)
    await producer.start()
    with pytest.raises(DeliveryError):
        async with asyncio.timeout(20):
            await producer.send(Record(topic_names("missing"), b"value"))
    await producer.stop()


async def test_sending_after_the_stop_is_refused(settings: KafkaSettings) -> None:
    producer = Producer(settings)
    with pytest.raises(RuntimeError):
        producer.send(Record("topic", b"value"))
    await producer.start()
    await producer.stop()
    await producer.stop()
    with pytest.raises(RuntimeError):
        producer.send(Record("topic", b"value"))


@pytest.fixture
def mortal(tmp_path: Path) -> Broker:
    return Broker(tmp_path / "kafka")


def create(bootstrap: str, topic: str) -> None:
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)


async def test_a_killed_broker_fails_what_it_did_not_confirm_and_serves_again_later(mortal: Broker) -> None:
    async with mortal as broker:
        await asyncio.to_thread(create, broker.bootstrap, "topic")
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        producer = Producer(settings, message_timeout_ms=2500)
        await producer.start()
        await producer.send(Record("topic", b"before"))
        await asyncio.to_thread(broker.kill)
        started = time.monotonic()
        lost = [producer.send(Record("topic", b"lost")) for _ in range(50)]
        results = await asyncio.wait_for(asyncio.gather(*lost, return_exceptions=True), 15)
        assert time.monotonic() - started < 6
        assert all(isinstance(result, DeliveryError) and result.retriable for result in results)
        assert producer.errors.total() > 0
        await asyncio.to_thread(broker.start)
        await _send_until_taken(producer, Record("topic", b"after"))
        await producer.stop()
        values = await read(settings, "topic")
        assert values[0] == b"before"
        assert values[-1] == b"after"


async def _send_until_taken(producer: Producer, record: Record) -> None:
    async with asyncio.timeout(60):
        while True:
            try:
                await producer.send(record)
            except DeliveryError:
                continue
            else:
                return


async def test_a_full_queue_is_said_at_once_and_stop_keeps_its_deadline(mortal: Broker) -> None:
    async with mortal as broker:
        await asyncio.to_thread(create, broker.bootstrap, "topic")
        producer = Producer(KafkaSettings(bootstrap=broker.bootstrap), queue_buffering_max_messages=100)
        await producer.start()
        await producer.send(Record("topic", b"first"))
        broker.pause()
        waiting: list[asyncio.Future[Delivered]] = []
        with pytest.raises(Backpressure):
            waiting += (producer.send(Record("topic", b"waits")) for _ in range(101))
        assert 99 <= len(waiting) <= 100
        group = asyncio.ensure_future(producer.send_all([Record("topic", b"waits for room")]))
        started = time.monotonic()
        await producer.stop(deadline_s=0.5)
        assert time.monotonic() - started < 5
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert {type(result) for result in results} == {DeliveryError}
        with pytest.raises(RuntimeError):
            await group
        broker.resume()
