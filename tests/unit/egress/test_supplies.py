"""What is read again by offset reaches its campaign; what cannot be read is said, and ends nobody."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from egress.lines.fetching import Fetcher
from egress.lines.partition import COMMITTED, Partition
from egress.lines.supplies import Supplies
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.record import decode, encode
from schemas.session import Template
from tests.builders.lines import DID, START, WALL, rules

WHOLE = Chunk(campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691"), Recipient("5692")], digest="")
CUT = Chunk(campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691")], digest="")
OTHER = Chunk(campaign="d", did=DID, index=0, first=0, recipients=WHOLE.recipients, digest="")


class Shelf:
    """Kafka, with one record."""

    def __init__(self, value: bytes | None) -> None:
        self.record = value

    async def value(self, topic: str, partition: int, offset: int) -> bytes | None:
        await asyncio.sleep(0)
        return self.record


def running() -> Partition:
    partition = Partition(0, rules(), dict.fromkeys(COMMITTED, 0))
    partition.recover(START)
    line = partition.line(DID, START)
    template = Template(name="promo", language="es")
    line.campaigns.apply(Definition(campaign="c", tenant="acme", did=DID, template=template, created_ms=1))
    refs = [ChunkRef(7, 2)]
    line.campaigns.apply(Contents(campaign="c", did=DID, total=2, chunks=refs, digest="", committed_ms=1))
    return partition


async def supply(partition: Partition, shelf: Shelf) -> None:
    arrived = asyncio.Event()
    supplies = Supplies(cast("Fetcher", shelf), arrived.set)
    supplies.order(partition, START)
    async with asyncio.timeout(5):
        await arrived.wait()
    supplies.check()


async def test_a_chunk_reaches_its_campaign() -> None:
    partition = running()
    await supply(partition, Shelf(encode(WHOLE)))
    assert partition.lines[DID].campaigns.ready(WALL) is not None


@pytest.mark.parametrize("value", [None, b"{poison", encode(CUT), encode(OTHER)])
async def test_a_chunk_that_is_gone_or_unreadable_or_not_whole_pauses_its_campaign_until_a_person_resumes_it(
    value: bytes | None,
) -> None:
    partition, shelf = running(), Shelf(value)
    await supply(partition, shelf)
    work, _ = partition.cycle(START, 10)
    [record] = work.records()
    assert decode(record.value or b"", Progress).state == "paused"
    campaign = partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    campaign.state = "running"
    shelf.record = encode(WHOLE)
    await supply(partition, shelf)
    assert partition.lines[DID].campaigns.ready(WALL) is campaign
