"""A member whose owner is slow polls on with everything paused, whatever is resumed meanwhile."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from runtime.kafka import consumer as consumers
from runtime.kafka.consumer import GroupConsumer, Membership
from runtime.settings import KafkaSettings

HERE = TopicPartition("t", 0)


class Record:
    def error(self) -> None:
        return None


class Client:
    """Has a record at hand for whoever fetches while the partition is not paused."""

    def __init__(self, polls: int) -> None:
        self.paused, self.polls = False, polls
        self.enough: Any = None

    def assignment(self) -> list[TopicPartition]:
        return [HERE]

    def pause(self, partitions: list[TopicPartition]) -> None:
        self.paused = self.paused or bool(partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self.paused = self.paused and not partitions

    def consume(self, count: int, wait_s: float) -> list[Message]:
        self.polls -= 1
        if self.polls <= 0:
            self.enough()
        return [] if self.paused else [cast("Message", Record())]


async def test_a_partition_resumed_while_the_owner_is_slow_stays_paused_until_there_is_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "PATIENCE_S", 0.001)
    monkeypatch.setattr(consumers, "POLL_S", 0.001)

    async def nothing(numbers: list[int]) -> Any:
        return []

    member = GroupConsumer(
        KafkaSettings(), Membership(group="g", topic="t", instance="i"), on_assign=nothing, on_revoke=nothing
    )
    member._loop = asyncio.get_running_loop()
    member._room = consumers.threading.Semaphore(0)
    client = Client(polls=5)
    client.enough = member._room.release
    member._client = cast("Consumer", client)
    orders = [asyncio.create_task(order([("t", 0)])) for order in (member.pause, member.resume)]
    await asyncio.sleep(0)
    assert await asyncio.to_thread(member._wait_for_room)
    await asyncio.gather(*orders)
    assert not client.paused, "with room it goes on"
