"""Supplies: what partitions ask to read again by offset, brought to them on the side: chunks, messages to retry, parked
ones, plans for late receipts, segments whose horizon is over.

What cannot be read now is tried again; what Kafka keeps no longer is said so. A partition that was let go meanwhile
gets nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple, TypeVar

from confluent_kafka import KafkaException

from egress.lines.campaigns import ending, recipients
from egress.lines.campaigns.campaign import Campaign
from egress.lines.incoming import Incoming
from egress.lines.item import Item
from egress.lines.line import Line
from egress.lines.memory import journal
from egress.lines.memory.segments import Segment
from egress.lines.now import Now
from egress.lines.parking import parked
from egress.lines.parking.parked import Wanted
from egress.lines.partition import CHUNK_DECODER, JOURNAL, MESSAGE_DECODER, Partition
from egress.lines.process.fetching import Fetch, Fetcher
from egress.lines.queues.admission import PARKED
from egress.lines.results import settling
from egress.lines.results.attempts import in_lane
from runtime import logs, metrics
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed
from schemas import topics
from schemas.campaign import Chunk, digest_of
from schemas.journal import PlannedMessage, PlanRef, SegmentRef
from schemas.journal import Segment as SegmentRecord
from schemas.parked import Kind
from schemas.record import Decoder, RecordError

CHUNKS = topics.CAMPAIGNS_CHUNKS.name
_RETRY_S = 1.0
T = TypeVar("T")
_log = logs.get(__name__)


class WantedChunk(NamedTuple):
    """A chunk of a campaign and where it stands."""

    campaign: Campaign
    number: int
    offset: int


class Supplies:
    """Fetches under way; `arrived` is called when one came."""

    def __init__(self, fetcher: Fetcher, arrived: Callable[[], None]) -> None:
        self._fetcher, self._arrived = fetcher, arrived
        self._under_way: dict[asyncio.Task[None], int] = {}
        self._recalling: set[int] = set()
        self._reading: set[tuple[int, tuple[Kind, ...]]] = set()
        self._failure: BaseException | None = None

    def fetch(self, partition: Partition, now: Now) -> None:
        """Starts what the partition asks for."""
        for line, fetch in partition.fetches():
            self._spawn(partition, self._messages(partition, line, fetch))
        self._fetch_parked(partition, ("reply", "urgent"), now)
        self._fetch_parked(partition, ("bulk",), now)
        lines = partition.lines.values()
        chunks = [WantedChunk(*wanted) for line in lines for wanted in line.campaigns.wanted(now.wall_ms)]
        if chunks:
            self._spawn(partition, self._chunks(partition, chunks))
        recalls = list(partition.recalls())
        if recalls and partition.number not in self._recalling:
            self._recalling.add(partition.number)
            self._spawn(partition, self._recall(partition, recalls))
        over = partition.over()
        if over:
            self._spawn(partition, self._expire(partition, over))

    def _fetch_parked(self, partition: Partition, kinds: tuple[Kind, ...], now: Now) -> None:
        """What all lines have room for is one reading: their records stand between each other. One at a time."""
        place = partition.number, kinds
        if place not in self._reading and (wanted := parked.wanted(partition, now, kinds)):
            self._reading.add(place)
            self._spawn(partition, self._parked(partition, kinds, wanted))

    def check(self) -> None:
        """Raises what a fetch ended by: a defect, or a record that is not what its plan says."""
        if self._failure is not None:
            raise self._failure

    def cancel(self, partitions: set[int]) -> None:
        """The partitions are let go."""
        for task, number in self._under_way.items():
            if number in partitions:
                task.cancel()

    def _spawn(self, partition: Partition, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="fetch")
        self._under_way[task] = partition.number
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        del self._under_way[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._failure = error
        self._arrived()

    async def _value(self, topic: str, partition: int, offset: int) -> bytes | None:
        return await self._patiently(lambda: self._fetcher.value(topic, partition, offset), topic, partition, offset)

    async def _patiently(self, read: Callable[[], Awaitable[T]], topic: str, partition: int, offset: int) -> T:
        while True:
            try:
                return await read()
            except (ReadFailed, OffsetsUnavailable, KafkaException):
                _log.exception("a record could not be read again yet", topic=topic, partition=partition, offset=offset)
                await asyncio.sleep(_RETRY_S)

    async def _parked(self, partition: Partition, kinds: tuple[Kind, ...], wanted: list[Wanted]) -> None:
        number, offsets = partition.number, [offset for one in wanted for offset in one.offsets]
        read = partial(self._fetcher.records, PARKED, number, offsets)
        try:
            found = await self._patiently(read, PARKED, number, min(offsets))
        finally:
            self._reading.discard((number, kinds))
        for one in wanted:
            parked.arrived(partition, one, found, Now.read())

    async def _records(self, partition: Partition, offsets: list[int]) -> dict[int, Incoming]:
        read = partial(self._fetcher.records, JOURNAL, partition.number, offsets)
        return await self._patiently(read, JOURNAL, partition.number, offsets[0])

    async def _recall(self, partition: Partition, recalls: list[tuple[Line, list[PlanRef]]]) -> None:
        """Plans that receipts ask for, of all lines in one reading."""
        try:
            refs = [ref for _, wanted in recalls for ref in wanted]
            found = await self._records(partition, [offset for ref in refs for offset in (ref.plan, ref.outcome)])
        finally:
            self._recalling.discard(partition.number)
        for line, wanted in recalls:
            journal.recalled(line, wanted, found)
        metrics.counter(metrics.EGRESS_RECALLED).labels().inc(len(refs))

    async def _expire(self, partition: Partition, over: list[tuple[Line, SegmentRef]]) -> None:
        """Segments whose horizon is over are read for the last time: their plans get tombstones."""
        for line, ref in over:
            found = await self._records(partition, [ref.offset])
            record = journal.decoded(found[ref.offset]) if ref.offset in found else None
            if isinstance(record, SegmentRecord):
                partition.checkpoints.expired(line, Segment.read(record, ref.offset))
            else:
                line.book.index.drop(ref.number)

    async def _chunks(self, partition: Partition, chunks: list[WantedChunk]) -> None:
        """Chunks of all lines in one reading."""
        offsets = [chunk.offset for chunk in chunks]
        read = partial(self._fetcher.records, CHUNKS, partition.number, offsets)
        found = await self._patiently(read, CHUNKS, partition.number, offsets[0])
        for campaign, index, offset in chunks:
            value = found[offset].value if offset in found else None
            chunk = self._read(CHUNK_DECODER, CHUNKS, partition.number, offset, value)
            self._take(partition, campaign, index, offset, chunk)

    def _take(self, partition: Partition, campaign: Campaign, index: int, offset: int, chunk: Chunk | None) -> None:
        if not campaign.live or index not in campaign.asked:
            return  # it was cancelled meanwhile
        if chunk is None or not ending.is_whole(chunk, campaign, index, digest_of(chunk.recipients)):
            _log.error("a campaign's chunk is gone", campaign=campaign.name, chunk=index, offset=offset)
            ending.unreadable(campaign, index)
        else:
            campaign.chunks[index] = chunk

    async def _decoded_chunk(self, partition: Partition, offset: int) -> Chunk | None:
        chunk: Chunk | None = await self._decoded(CHUNK_DECODER, CHUNKS, partition.number, offset)
        return chunk

    async def _decoded(self, decoder: Decoder, topic: str, partition: int, offset: int) -> Any:
        """The record at an offset; None when it is gone or cannot be read: ending for it would hold everybody up."""
        return self._read(decoder, topic, partition, offset, await self._value(topic, partition, offset))

    @staticmethod
    def _read(decoder: Decoder, topic: str, partition: int, offset: int, value: bytes | None) -> Any:
        try:
            return decoder.decode(value) if value is not None else None
        except RecordError as error:
            _log.error("unreadable record", topic=topic, partition=partition, offset=offset, problem=str(error))
            return None

    async def _messages(self, partition: Partition, line: Line, fetch: Fetch) -> None:
        try:
            reply = in_lane(fetch.entry.plan)
            items = [await self._item(partition, line, message, reply) for message in fetch.messages]
        finally:
            line.coming.discard(fetch.entry.plan.plan_id)
        missing = [m for m, item in zip(fetch.messages, items, strict=True) if item is None]
        now = Now.read()
        settling.revive(line, fetch, [item for item in items if item is not None], now)
        settling.vanished(line, fetch, missing, partition.work)

    async def _item(self, partition: Partition, line: Line, planned: PlannedMessage, reply: bool) -> Item | None:
        now = Now.read()
        named = recipients.chunk_of(planned.source)
        if named is None:
            message = await self._decoded(MESSAGE_DECODER, planned.source, partition.number, planned.position)
            place = (planned.source, planned.position)
            return Item(message, *place, now.s, reply=reply) if message is not None else None
        campaign, offset = line.campaigns.get(named[0]), partition.chunk_offset(line, planned.source)
        chunk = partition.chunks.get(planned.source) if campaign is not None else None
        if chunk is None and offset is not None:
            chunk = await self._decoded_chunk(partition, offset)
        if chunk is None or campaign is None or planned.position >= len(chunk.recipients):
            return None
        partition.chunks = {planned.source: chunk}
        return recipients.item_of(campaign, chunk, planned.position, chunk.recipients[planned.position], now.s)
