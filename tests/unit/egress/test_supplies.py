"""What is read again by offset reaches its campaign; what cannot be read is said, and ends nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import cast

import pytest

from egress.lines.incoming import Incoming
from egress.lines.partition import COMMITTED, Partition
from egress.lines.process.fetching import Fetcher
from egress.lines.process.supplies import CHUNKS, Supplies
from egress.lines.queues.admission import PARKED
from runtime.clock import now_ms
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient
from schemas.parked import Parked
from schemas.record import decode, encode
from schemas.session import Template
from tests.builders.lines import DID, START, WALL, message, rules

WHOLE = Chunk(campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691"), Recipient("5692")], digest="")
CUT = Chunk(campaign="c", did=DID, index=0, first=0, recipients=[Recipient("5691")], digest="")
FORGED = Chunk(campaign="c", did=DID, index=0, first=0, recipients=WHOLE.recipients, digest="another's")
OTHER = Chunk(campaign="d", did=DID, index=0, first=0, recipients=WHOLE.recipients, digest="")
TEMPLATE = Template(name="promo", language="es")


class Shelf:
    """Kafka, with one record."""

    def __init__(self, value: bytes | None) -> None:
        self.record = value
        self.asked: list[list[int]] = []

    async def value(self, topic: str, partition: int, offset: int) -> bytes | None:
        await asyncio.sleep(0)
        return self.record

    async def records(self, topic: str, partition: int, offsets: Sequence[int]) -> dict[int, Incoming]:
        """All but the last; of chunks the one that there is."""
        await asyncio.sleep(0)
        self.asked.append(list(offsets))
        if topic == CHUNKS:
            held = {} if self.record is None else dict.fromkeys(offsets, self.record)
            return {offset: Incoming(topic, partition, offset, b"k", value, []) for offset, value in held.items()}
        return {
            offset: Incoming(topic, partition, offset, b"k", encode(message(f"r{offset}")), note(f"r{offset}"))
            for offset in offsets[:-1]
        }


def note(name: str) -> list[tuple[str, bytes]]:
    parked = Parked(did=DID, kind="reply", source=f"outbound.replies-0-{name[1:]}", why="backlog", at_ms=now_ms())
    return parked.headers([])


def running() -> Partition:
    partition = Partition(0, rules(), dict.fromkeys(COMMITTED, 0))
    partition.recover(START)
    line = partition.line(DID, START)
    line.campaigns.apply(Definition(campaign="c", tenant="acme", did=DID, template=TEMPLATE, created_ms=1))
    refs = [ChunkRef(7, 2)]
    line.campaigns.apply(Contents(campaign="c", did=DID, total=2, chunks=refs, digest="", committed_ms=1))
    return partition


async def supply(partition: Partition, shelf: Shelf) -> None:
    arrived = asyncio.Event()
    supplies = Supplies(cast("Fetcher", shelf), arrived.set)
    supplies.fetch(partition, START)
    async with asyncio.timeout(5):
        await arrived.wait()
    supplies.check()


async def test_a_chunk_reaches_its_campaign() -> None:
    partition = running()
    await supply(partition, Shelf(encode(WHOLE)))
    assert next(partition.lines[DID].campaigns.able(WALL), None) is not None


@pytest.mark.parametrize("value", [None, b"{poison", encode(CUT), encode(OTHER), encode(FORGED)])
async def test_a_chunk_that_is_gone_or_unreadable_or_not_whole_pauses_its_campaign_until_a_person_resumes_it(
    value: bytes | None,
) -> None:
    partition, shelf = running(), Shelf(value)
    await supply(partition, shelf)
    work, _ = partition.cycle(START, 10)
    [record] = [record for record in work.records() if record.topic == "campaigns"]
    assert decode(record.value or b"", Progress).state == "paused"
    campaign = partition.lines[DID].campaigns.get("c")
    assert campaign is not None
    campaign.state = "running"
    shelf.record = encode(WHOLE)
    await supply(partition, shelf)
    assert next(partition.lines[DID].campaigns.able(WALL), None) is campaign


async def test_chunks_of_all_lines_of_a_partition_are_fetched_in_one_run() -> None:
    partition, shelf = running(), Shelf(encode(WHOLE))
    other = partition.line("56900000002", START).campaigns
    other.apply(Definition(campaign="c", tenant="acme", did=DID, template=TEMPLATE, created_ms=1))
    other.apply(Contents(campaign="c", did=DID, total=2, chunks=[ChunkRef(9, 2)], digest="", committed_ms=1))
    await supply(partition, shelf)
    assert shelf.asked == [[7, 9]]
    assert all(next(line.campaigns.able(WALL), None) is not None for line in partition.lines.values())


async def test_parked_messages_are_fetched_in_one_run_and_the_missing_ones_hold_nobody_up() -> None:
    partition, shelf = Partition(0, rules(), dict.fromkeys(COMMITTED, 10)), Shelf(None)
    for offset in (3, 5, 6):
        partition.learn(Incoming(PARKED, 0, offset, f"r{offset}".encode(), None, note(f"r{offset}")), START)
    partition.recover(START)
    await supply(partition, shelf)
    assert shelf.asked == [[3, 5, 6]]
    work, granted = partition.cycle(START, 10)
    assert granted == 1, "one at a time to each person"
    assert [m.id for m in work.grants[0].plan.messages] == ["r3"]
    assert partition.waiting() == (1, 0)
    assert work.offsets[PARKED, 0] == 5


async def test_what_several_lines_want_of_their_bulk_is_one_reading_and_replies_wait_for_none_of_it() -> None:
    partition, shelf = Partition(0, rules(), dict.fromkeys(COMMITTED, 10)), Shelf(None)
    for offset, did in ((3, DID), (4, "56900000002"), (5, DID)):
        own = Parked(did=did, kind="bulk", source=f"outbound.templates-0-{offset}", why="backlog", at_ms=now_ms())
        partition.learn(Incoming(PARKED, 0, offset, f"t{offset}".encode(), None, own.headers([])), START)
    for offset in (6, 7):
        partition.learn(Incoming(PARKED, 0, offset, f"r{offset}".encode(), None, note(f"r{offset}")), START)
    partition.recover(START)
    arrived = asyncio.Event()
    supplies = Supplies(cast("Fetcher", shelf), arrived.set)
    supplies.fetch(partition, START)
    own = Parked(did=DID, kind="bulk", source="outbound.templates-0-8", why="backlog", at_ms=now_ms())
    partition.read(Incoming(PARKED, 0, 8, b"t8", None, own.headers([])), START)
    supplies.fetch(partition, START)
    while partition.lines[DID].parkings["bulk"].coming:
        arrived.clear()
        await arrived.wait()
    assert sorted(shelf.asked) == [[3, 5, 4], [6, 7]], "one at a time"
    supplies.fetch(partition, START)
    while partition.lines[DID].parkings["bulk"].coming:
        arrived.clear()
        await arrived.wait()
    assert shelf.asked[-1] == [8]
    supplies.check()
