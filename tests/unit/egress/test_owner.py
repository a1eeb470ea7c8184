"""The owner's order of things: first the transaction, with its fence, and only then the calls."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import pytest
from confluent_kafka import KafkaError, TopicPartition

from egress.lines.incoming import Incoming
from egress.lines.item import REPLIES
from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.partition import COMMITTED, Partition
from egress.lines.process.owner import Owner
from egress.lines.process.posting import Client
from egress.lines.work import Grant
from runtime.health import Health
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced
from runtime.settings import KafkaSettings
from schemas.record import encode
from tests.builders.lines import DID, START, message, plan, rules

METADATA = object()


class World:
    """Kafka and Chattigo, noting what is asked of them in which order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.offsets: list[tuple[str, int, int]] = []
        self.records: list[Record] = []
        self.refused = False
        self.owner = Owner(KafkaSettings(), rules(), cast("Client", None), Health(), "0")
        patched = cast("Any", self.owner)
        patched._transactions = patched._consumer = patched._poster = self
        self.partition = Partition(0, rules(), dict.fromkeys(COMMITTED, 0))
        self.partition.recover(START)
        self.partition.cycle(Now.read(), 0)  # the first one commits the offsets as they are
        patched._partitions = {0: self.partition}
        patched._pressure = self

    async def apply(self, partitions: object) -> None: ...

    def group_metadata(self) -> object:
        return METADATA

    def give_up(self) -> None:
        self.events.append("gave up")

    def __len__(self) -> int:
        return 0

    async def commit(
        self,
        records: Sequence[Record],
        offsets: Sequence[TopicPartition],
        group_metadata: object,
        *,
        marked: bool,
    ) -> None:
        assert marked == any(b"deadline_ms" in (record.value or b"") for record in records), (
            "a test point of plans alone"
        )
        assert group_metadata is METADATA
        self.events.append("commit")
        self.records, self.offsets = list(records), [(o.topic, o.partition, o.offset) for o in offsets]
        await asyncio.sleep(0.01)
        if self.refused:
            raise Fenced(KafkaError(KafkaError.ILLEGAL_GENERATION))
        self.events.append("committed")

    def start(self, grant: Grant, line: Line) -> None:
        self.events.append("call")

    def reply(self) -> None:
        self.partition.read(Incoming(REPLIES, 0, 0, b"k", encode(message("r1")), []), START)

    async def cycle(self) -> None:
        await cast("Any", self.owner)._cycle()


async def test_a_call_is_made_when_its_plan_and_its_offset_are_committed_and_not_before() -> None:
    world = World()
    world.reply()
    await world.cycle()
    assert world.events == ["commit", "committed", "call"]
    assert world.offsets == [(REPLIES, 0, 1)]
    assert [record.topic for record in world.records] == ["egress.journal", "lines.state"]


async def test_a_transaction_that_was_refused_makes_no_call() -> None:
    world = World()
    world.refused = True
    world.reply()
    with pytest.raises(Fenced):
        await world.cycle()
    assert world.events == ["commit", "gave up"], "and the worker joins its group no more"


async def test_a_transaction_without_new_offsets_carries_the_anchors_for_the_fence() -> None:
    world = World()
    line = world.partition.line(DID, START)
    line.open_plans["p"] = line.book.add(plan("p"))
    line.inherited["p"] = 0.0
    await world.cycle()
    told = [record.topic for record in world.records if record.topic != "lines.state"]
    assert len(told) == 2, "the doubt of a plan that another owner made"
    assert world.offsets == [(REPLIES, 0, 0)]
