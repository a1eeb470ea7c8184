"""Faust's consumer, made to deliver chunks: group membership and fetching stay aiokafka's, in Faust's thread.

What is ours: the loop that fetches (only for lanes that want chunks, nothing before recovery), the epoch and the
lock that keep a fetch begun before a rebalance from being delivered after it, and that Faust never commits and
never seeks. What stays Faust's: the rebalance callbacks, flow control, and the way from here through the
conductor and a stream to the agent.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

import aiokafka
import uvloop
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage, Message
from mode.services import Service

from runtime import stacks
from runtime.engine import fetched
from runtime.engine.chunk import Chunk, Partition, SourceRecord, cut
from runtime.engine.fatal import Exit, end_process, log
from runtime.engine.membership import Membership

if TYPE_CHECKING:
    from runtime.engine.app import EngineApp

FETCH_S = 0.1  # a lane that gets room again waits at most so long for the fetch under way
IDLE_S = 0.5
GROUP_S = 1.0  # so often the group's coordinator is asked whether it refuses us


class ChunkConsumer(driver.Consumer):
    """One a worker."""

    _thread: "ChunkConsumerThread"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._engine_app = cast("EngineApp", self.app)
        self._assignment = self._engine_app.assignment
        self._fetch_lock = asyncio.Lock()
        self._fetched_to: dict[Partition, int] = {}  # ends of the chunks that were cut last
        self._looked_to: dict[Partition, int] = {}  # fetch positions then: past what is never delivered, too

    def _new_consumer_thread(self) -> "ChunkConsumerThread":
        thread_loop = uvloop.new_event_loop()
        stacks.watch(f"the consumer of {self.app.conf.id}", thread_loop)
        return ChunkConsumerThread(self, loop=self.loop, thread_loop=thread_loop, beacon=self.beacon)

    @Service.task
    async def _watch_group(self) -> None:
        """aiokafka stops joining and heartbeating when the group refuses us, and says so only to those who ask."""
        while not self.should_stop:
            await self.sleep(GROUP_S)
            try:
                await self._thread.check_group()
            except KafkaError as error:
                if not self.should_stop:
                    end_process(Exit.GROUP, "the group refuses this worker: %r", error)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Faust's fetcher runs this until it is stopped."""
        try:
            while not (self.should_stop or fetcher.should_stop):
                wanting = self._assignment.wanting()
                if not wanting or not self.flow_active:
                    await self._assignment.wait_for_room(IDLE_S)
                    continue
                for chunk in await self._fetch(wanting):
                    await self.callback(_message(chunk, self.app.consumer_generation_id))
        except self.consumer_stopped_errors:
            if not self.app.should_stop:
                raise
            log.info("the consumer was stopped")
        except asyncio.CancelledError:
            # Faust's fetcher, cancelled in a rebalance, means to be started again, and says so by a crash of the whole.
            if not self.app.should_stop:
                raise
            log.info("the fetcher was stopped")

    async def _fetch(self, wanting: Collection[Partition]) -> list[Chunk]:
        async with self._fetch_lock:
            epoch = self._assignment.epoch
            fetched = await self._thread.getmany({TP(*tp) for tp in wanting}, FETCH_S)
            if epoch != self._assignment.epoch:
                return []
            chunks = [chunk for tp, records in fetched.items() for chunk in self._cut(Partition(*tp), records)]
            self._looked_to.update(self._thread.positions(wanting))
            return chunks

    def _cut(self, tp: Partition, records: list[SourceRecord]) -> Iterable[Chunk]:
        limit = self._engine_app.settings.chunk_max
        previous_end, self._fetched_to[tp] = self._fetched_to[tp], records[-1].offset + 1
        return cut(
            tp,
            records,
            limit,
            previous_end=previous_end,
            epoch=self._assignment.epoch,
            fetched_s=time.monotonic(),
        )

    async def seek_all(self, starts: Mapping[Partition, int]) -> None:
        """Move the fetch positions. Raises aiokafka's IllegalStateError if a partition is no longer ours."""
        async with self._fetch_lock:
            await self._thread.seek_all(starts)
            self._fetched_to = dict(starts)
            self._looked_to = dict(starts)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Finish what was begun, then let go. The rebalance waits for it."""
        await self._assignment.release()
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Begin to take over; the rebalance does not wait for the recovery."""
        await super().on_partitions_assigned(assigned, generation_id)
        if self.should_stop:
            return
        source = self._engine_app.source_topic
        partitions = [Partition(*tp) for tp in assigned if tp.topic == source]
        self._assignment.take_over(partitions, self._thread.membership, self.seek_all)

    def looked_to(self, tp: Partition, delivered: int) -> int | None:
        """How far a partition was looked through, if all that was found came to its lane (which is at `delivered`);
        None if something is on its way. What is never delivered (markers, aborted records) lies between the two."""
        if self._fetched_to.get(tp) != delivered:
            return None
        return self._looked_to.get(tp)

    # Offsets travel in transactions and positions are ours, so these parts of Faust have nothing to do.

    async def perform_seek(self) -> None:
        """Faust would go back to offsets that it read itself."""

    async def commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """Faust would commit without fence."""
        return False

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:
        """As `commit`."""
        return False

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Faust would report its own missing commits as a stall; health looks at the lanes."""


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """aiokafka's consumer in a thread of its own."""

    consumer: ChunkConsumer
    membership: Membership  # of the present assignment

    def _create_worker_consumer(self, transport: Any) -> Any:
        app = cast("EngineApp", self.app)
        settings = app.settings
        return aiokafka.AIOKafkaConsumer(
            **app.connection,
            group_id=app.conf.id,
            group_instance_id=app.instance,
            partition_assignment_strategy=[RangePartitionAssignor],
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=settings.poll_records,
            max_partition_fetch_bytes=settings.fetch_bytes,
            fetch_max_wait_ms=int(settings.fetch_wait_s * 1000),
            max_poll_interval_ms=2_147_483_647,  # progress is watched by the lanes, not by polling
            session_timeout_ms=int(settings.session_s * 1000),
            heartbeat_interval_ms=int(settings.heartbeat_s * 1000),
            rebalance_timeout_ms=int(settings.rebalance_s * 1000),
            request_timeout_ms=int(max(settings.session_s, settings.rebalance_s) * 1000) + 5000,
        )

    async def _fetch_records(self, consumer: Any, *args: Any, **kwargs: Any) -> Any:
        """As Faust does, but the records are ours."""
        fetched.prepare(consumer._fetcher)
        return await super()._fetch_records(consumer, *args, **kwargs)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """In the consumer's thread, where the coordinator cannot move on meanwhile."""
        app = cast("EngineApp", self.app)
        member_id = self._ensure_consumer()._coordinator.member_id
        self.membership = Membership(app.conf.id, generation_id, member_id, app.instance)
        await super().on_partitions_assigned(assigned, generation_id)

    async def check_group(self) -> None:
        """Raises aiokafka's KafkaError if the worker cannot be a member any more."""
        await self.call_thread(self._check_group)

    async def _check_group(self) -> None:
        if self._consumer is not None and not self._consumer._closed:
            self._consumer._coordinator.check_errors()

    async def seek_all(self, starts: Mapping[Partition, int]) -> None:
        await self.call_thread(self._seek_all, starts)

    async def _seek_all(self, starts: Mapping[Partition, int]) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in starts.items():
            consumer.seek(aiokafka.TopicPartition(*tp), offset)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        """Fetch positions. They move in `getmany` alone, so between two calls they may be read from another thread."""
        assignment = self._ensure_consumer()._subscription.subscription.assignment
        states = {tp: assignment.state_value(aiokafka.TopicPartition(*tp)) for tp in partitions}
        return {tp: int(state.position) for tp, state in states.items() if state and state.has_valid_position}


def _message(chunk: Chunk, generation: int) -> Message:
    """As Faust wants it; its streams drop messages of another generation than the present one without a word."""
    last = chunk.records[-1]
    tp = TP(*chunk.tp)
    value: Any = chunk
    return ConsumerMessage(
        tp.topic,
        tp.partition,
        last.offset,
        last.timestamp / 1000,
        0,
        [],
        None,
        value,
        None,
        0,
        0,
        tp,
        generation_id=generation,
    )
