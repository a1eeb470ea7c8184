"""The assignment: the partitions that are ours, from the group's word to open lanes and back.

Each assignment is an epoch of its own. Taking over reads offsets and changelog in a thread (`recovery`), moves
the fetch position, and opens lanes; giving back closes them first. A partition that we hold in two successive
generations keeps its table in memory, if the committed offset is still the one we left it at: nobody else can
have written between, and `close` has waited for everything of ours. Any other is read from the changelog.
"""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Collection, Mapping

from runtime import points
from runtime.engine.chunk import Chunk, Partition
from runtime.engine.fatal import Exit, end_process, log
from runtime.engine.handler import Housekeeper
from runtime.engine.lane import Lane
from runtime.engine.membership import Membership
from runtime.engine.observer import EngineObserver
from runtime.engine.recovery import Recovery, RecoveryAbandoned, Restored
from runtime.engine.settings import CHUNKS_BEGUN_SHARE
from runtime.engine.table import Table, TableView

LaneMaker = Callable[[Partition, int, Membership, TableView], Lane]
Seek = Callable[[Mapping[Partition, int]], Awaitable[None]]


class Assignment:
    """Lanes by partition. Used on the event loop only."""

    def __init__(
        self,
        *,
        table: Table,
        recovery: Recovery,
        make_lane: LaneMaker,
        observer: EngineObserver,
        drain_s: float,
        begun_share: float = CHUNKS_BEGUN_SHARE,
    ) -> None:
        self.epoch = 0
        self.lanes: dict[Partition, Lane] = {}
        self.ready = asyncio.Event()  # lanes of the present assignment are open
        self._table = table
        self._recovery = recovery
        self._make_lane = make_lane
        self._observer = observer
        self._drain_s = drain_s
        self._begun_share = begun_share
        self._generation: int | None = None  # in which the tables in memory were whole
        self._left: dict[Partition, int] = {}  # committed offsets when lanes were closed
        self._abandoned = threading.Event()
        self._taking_over: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._finished = False

    @property
    def steps(self) -> int:
        """Moves while partitions are given back, awaited and taken over, as long as anything does."""
        return self.epoch + self._recovery.steps

    @property
    def waits_for(self) -> str:
        """What stands between us and our partitions; empty when nothing does."""
        if self.ready.is_set():
            return ""
        taking_over = self._taking_over is not None and not self._taking_over.done()
        return "partitions are being recovered" if taking_over else "the group does not give out partitions"

    def wanting(self) -> set[Partition]:
        """Partitions to fetch from now."""
        return {tp for tp, lane in self.lanes.items() if lane.wants}

    def made_room(self) -> None:
        """A lane wants chunks again."""
        self._room.set()

    async def wait_for_room(self, seconds: float) -> None:
        """Until a lane may want chunks, or the time is over."""
        self._room.clear()
        try:
            await asyncio.wait_for(self._room.wait(), seconds)
        except TimeoutError:
            return

    def deliver(self, chunk: Chunk) -> None:
        """A chunk that came through Faust. One of an earlier epoch is dropped: it will be fetched again."""
        if chunk.epoch == self.epoch:
            self._observer.chunk_received(chunk.tp.topic, chunk.tp.partition, len(chunk))
            self.lanes[chunk.tp].offer(chunk)

    def keep_house(self, housekeeper: Housekeeper) -> None:
        """Let every lane call `housekeeper` between two chunks."""
        for lane in self.lanes.values():
            lane.keep_house(housekeeper)

    async def finish(self, within_s: float | None = None) -> None:
        """As `release`, and take over nothing any more. A stop may have less time than a rebalance (`within_s`):
        what is cut off then is delivered again."""
        self._finished = True
        await self._release(self._drain_s if within_s is None else min(self._drain_s, within_s))

    async def release(self) -> None:
        """Give all partitions back: nothing of this assignment is under way when it returns."""
        await self._release(self._drain_s)

    async def _release(self, drain_s: float) -> None:
        self.epoch += 1
        self.ready.clear()
        self._abandoned.set()
        lanes, self.lanes = list(self.lanes.values()), {}
        await asyncio.gather(*(lane.close(drain_s, self._begun_share) for lane in lanes))
        self._left = {lane.tp: lane.committed for lane in lanes}
        if self._taking_over is not None:
            await asyncio.wait({self._taking_over})
            self._taking_over = None
        if lanes:
            self._observer.released(len(lanes))
            points.reach("partitions_released")

    def take_over(self, partitions: Collection[Partition], membership: Membership, seek: Seek) -> None:
        """Begin to own `partitions`. Returns at once; `ready` is set when their lanes are open."""
        if self._finished:
            return
        self.epoch += 1
        self._abandoned = threading.Event()
        self._taking_over = asyncio.get_running_loop().create_task(
            self._take_over(sorted(partitions), membership, seek), name="take over"
        )

    async def _take_over(self, partitions: list[Partition], membership: Membership, seek: Seek) -> None:
        try:
            restored = await self._restore(partitions, membership.generation)
            await seek(restored.starts)
        except RecoveryAbandoned:
            log.info("recovery abandoned: partitions are assigned anew")
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the worker must not go on without its table
            if self._abandoned.is_set():
                log.warning("recovery abandoned: %r", error)
                return
            log.error("recovery failed", exc_info=error)
            end_process(Exit.RECOVERY, "recovery failed: %r", error)
        if not self._abandoned.is_set():
            points.reach("partitions_restored")
            self._open(restored.starts, membership)

    async def _restore(self, partitions: list[Partition], generation: int) -> Restored:
        started = time.monotonic()
        warm = self._warm(partitions, generation)
        self._table.keep([tp.partition for tp in warm])
        self._generation = None
        restored = Restored(starts={})
        if partitions:
            restored = await asyncio.to_thread(self._recovery.restore, partitions, warm, self._abandoned)
        for number, data in restored.tables.items():
            self._table.put(number, data)
        self._generation = generation
        self._tell(restored, len(partitions), time.monotonic() - started)
        return restored

    def _warm(self, partitions: list[Partition], generation: int) -> dict[Partition, int]:
        if self._generation is None or generation != self._generation + 1:
            return {}
        return {tp: self._left[tp] for tp in partitions if tp in self._left}

    def _tell(self, restored: Restored, partitions: int, seconds: float) -> None:
        for tp, offsets in restored.lost.items():
            log.error("%s-%d: retention removed %d offsets that were not handled", *tp, offsets)
            self._observer.lost_to_retention(tp.topic, tp.partition, offsets)
        self._observer.waited_for_offsets(restored.waited_s)
        self._observer.recovered(partitions, restored.records, seconds)
        log.info("recovered %d partitions, %d changelog records, in %.2f s", partitions, restored.records, seconds)

    def _open(self, starts: Mapping[Partition, int], membership: Membership) -> None:
        self.lanes = {
            tp: self._make_lane(tp, start, membership, self._table.view(tp.partition)) for tp, start in starts.items()
        }
        self.ready.set()
        self._room.set()
