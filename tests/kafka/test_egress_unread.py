"""Inputs that Kafka's retention removed before they were read: said aloud, and the line goes on with what is left."""

from __future__ import annotations

import asyncio

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from runtime.kafka.offsets import end_offsets
from tests.builders.egress import SmallChattigo, World, until


async def test_unread_inputs_that_are_gone_are_told_and_hold_nobody_up(broker: str, admin: AdminClient) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56940000001") as world:
        worker = await world.worker()
        await world.replies(("e1", "5691"))

        async def recorded() -> bool:
            return len(await world.outcomes("accepted")) == 1

        await until(recorded, "the first reply is accepted")
        assert await worker.stop() == 0
        await world.replies(("e2", "5691"), ("e3", "5691"))
        place = ("outbound.replies", world.partition)
        end = (await asyncio.to_thread(end_offsets, world.kafka, [place]))[place]
        for answer in admin.delete_records([TopicPartition(*place, end)]).values():
            await asyncio.to_thread(answer.result, 10)
        worker = await world.worker()
        await world.replies(("e4", "5691"))
        await until(lambda: len(chattigo.accepted) == 2, "what is left goes out")
        assert [call.body["text"]["body"] for call in chattigo.accepted] == ["e1", "e4"]
        [told] = [line for line in worker.log.decode().splitlines() if "no longer kept in Kafka" in line]
        assert told.endswith(f"offsets=2 partition={world.partition} topic=outbound.replies")
