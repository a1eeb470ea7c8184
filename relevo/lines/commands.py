"""Orders to lines' owners, as they stand on `lines.commands`. Leaves to egress what an order does."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.headers import Headers
from schemas.line_command import LineCommand
from schemas.record import encode

_COMMANDS = topics.LINES_COMMANDS


def order_record(settings: KafkaSettings, order: LineCommand, tenant: str, kind: str) -> Record:
    """The order's record; `kind` is its type in the headers."""
    headers = Headers(id=order.id, type=kind, tenant=tenant, at_ms=order.at_ms).to_kafka()
    place = keys.partition(order.did, _COMMANDS.count(topics.PROFILES[settings.profile]))
    return Record(_COMMANDS.name, encode(order), order.did.encode(), headers, place)


def write(settings: KafkaSettings, records: Sequence[Record]) -> None:
    """Returns when all in-sync replicas have them; DeliveryError when that is not known. Blocks."""

    async def send() -> None:
        producer = Producer(settings)
        await producer.start()
        try:
            await producer.send_all(records)
        finally:
            await producer.stop()

    asyncio.run(send())
