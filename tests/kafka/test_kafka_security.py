"""The settings for TLS and login work against a genuine broker that asks for both, and only then."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka import AIOKafkaConsumer

from runtime.kafka import config, topics
from runtime.kafka.producer import DeliveryError, Producer, Record
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from schemas.topics import TENANTS
from tests.builders.secured import secured_broker

LOGIN = (
    "org.apache.kafka.common.security.plain.PlainLoginModule required "
    'username="broker" password="inner" user_broker="inner" user_relevo="secret";'
)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaSettings]:
    folder = tmp_path_factory.mktemp("secured")
    with secured_broker(folder, "relevo", "secret", LOGIN) as settings:
        yield settings


async def test_both_libraries_get_in(secured: KafkaSettings) -> None:
    await asyncio.to_thread(topics.apply, secured, [TENANTS])
    producer = Producer(secured)
    await producer.start()
    assert (await producer.send(Record("tenants", b"value", b"key"))).offset == 0
    await producer.stop()
    found = await asyncio.to_thread(lambda: list(read_partition(secured, "tenants", 0)))
    assert [message.value() for message in found] == [b"value"]
    consumer = AIOKafkaConsumer("tenants", auto_offset_reset="earliest", **config.aiokafka(secured))
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 20)
        assert record.value == b"value"
    finally:
        await consumer.stop()


@pytest.mark.parametrize("wrong", [{"sasl_password": "guess"}, {"ssl_ca_file": None}])
async def test_nobody_else_does(secured: KafkaSettings, wrong: dict[str, str | None]) -> None:
    fields = secured.model_dump() | wrong
    producer = Producer(KafkaSettings(**fields), message_timeout_ms=2000)
    await producer.start()
    with pytest.raises(DeliveryError):
        await asyncio.wait_for(producer.send(Record("tenants", b"value", b"key")), 20)
    assert producer.errors.keys() & {"_AUTHENTICATION", "_SSL"}
    await producer.stop()
