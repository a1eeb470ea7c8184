"""A lane: one partition of the source while it is ours, from assignment to release.

Promises: chunks are accepted only if each follows the one before (any hole, repetition or swap ends the process);
only so many are open at once (below); effects enter the transaction queue in the order in which they were
submitted, each with the offset behind the leading run of done records; after `close` nothing can be submitted.
A rebalance makes new lanes, so nothing of an old assignment can leak into a new one.

A chunk handler is at most `window` chunks ahead of Kafka. An event handler may have `records_open` records that are not
done, however few of them came in a chunk: where little happens every chunk is one event, and one that hangs must not
hold up the next. Records that are done behind one that is not cost an offset each: there may be `SPAN` times as many.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple, NoReturn

from runtime.engine.chunk import Chunk, Partition
from runtime.engine.effects import Effects
from runtime.engine.fatal import Exit, end_process, log
from runtime.engine.handler import ChunkHandler, EventHandler, Housekeeper, LaneClosed
from runtime.engine.leading import LeadingRun
from runtime.engine.membership import Membership
from runtime.engine.settings import CHUNKS_BEGUN_SHARE
from runtime.engine.table import TableView
from runtime.engine.transaction import Work
from runtime.kafka.record import Record

SPAN = 10


class _Begun(NamedTuple):
    """What is kept of a chunk until its end is committed; its records are the handler's."""

    end: int
    records: int
    fetched_s: float
    written_ms: int


class Lane:
    """`start` is the offset to read from; `submit_work` queues a transaction; `room` is called when chunks may be
    fetched again."""

    def __init__(
        self,
        tp: Partition,
        start: int,
        *,
        membership: Membership,
        table: TableView,
        changelog: str | None,
        handler: ChunkHandler | EventHandler,
        submit_work: Callable[[Work], None],
        room: Callable[[], None],
        window: int,
        waiting_max: int,
        message_max: int,
        records_open: int = 2000,
    ) -> None:
        self.tp = tp
        self.table = table
        self.expected = start
        self.committed = start
        self.done = 0  # records whose effects are committed, in whatever order: what moves when `committed` cannot
        self._membership = membership
        self._changelog = changelog
        self._handler = handler
        self._submit_work = submit_work
        self._room = room
        self._window = window
        self._records_open = records_open
        self._waiting_max = waiting_max
        self._message_max = message_max
        self._run = LeadingRun(start)
        self._waiting: deque[Chunk] = deque()
        self._pending = 0  # works whose transaction has not ended
        self._uncommitted: deque[_Begun] = deque()  # begun chunks until their end is committed
        self._undone = 0  # begun records whose effects were not submitted
        self._span = 0  # begun records of chunks whose end is not committed
        self._changed = asyncio.Event()
        self._housekeeping: deque[Housekeeper] = deque()
        self._closing = False
        self._closed = False
        self._task = asyncio.get_running_loop().create_task(self._flow(), name=f"lane {tp}")

    @property
    def wants(self) -> bool:
        """Whether more chunks may be fetched."""
        return not self._closing and len(self._waiting) < self._waiting_max

    @property
    def open_chunks(self) -> int:
        """Chunks that were accepted and whose end is not committed."""
        return len(self._waiting) + len(self._uncommitted)

    @property
    def oldest_s(self) -> float | None:
        """When (monotonic) the oldest chunk that is not committed was fetched."""
        if self._uncommitted:
            return self._uncommitted[0].fetched_s
        return self._waiting[0].fetched_s if self._waiting else None

    @property
    def oldest_ms(self) -> int:
        """When (since 1970) the first record of that chunk was written; 0 when there is none."""
        if self._uncommitted:
            return self._uncommitted[0].written_ms
        return self._waiting[0].records[0].timestamp if self._waiting else 0

    def offer(self, chunk: Chunk) -> None:
        """The next chunk, as it came through Faust."""
        if chunk.previous_end != self.expected or chunk.first < self.expected:
            end_process(Exit.CHAIN, "%r does not follow %d", chunk, self.expected)
        self.expected = chunk.end
        self._waiting.append(chunk)
        self._changed.set()

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> asyncio.Future[None]:
        """See `EventLane.submit`."""
        if self._closed:
            raise LaneClosed(f"{self.tp.topic}-{self.tp.partition}")
        effects.check(self._message_max)
        finished = 0
        for offset in done:
            self._run.finish(offset)
            finished += 1
        return self._queue(effects, finished)

    def keep_house(self, housekeeper: Housekeeper) -> None:
        """Call `housekeeper` between chunks and submit what it returns."""
        if not self._closing:
            self._housekeeping.append(housekeeper)
            self._changed.set()

    async def close(self, drain_s: float, begun_share: float = CHUNKS_BEGUN_SHARE) -> None:
        """Stop beginning chunks, let begun ones finish, and wait for the transactions. Begun ones have `begun_share`
        of `drain_s`, then they are cut off; ends the process if transactions do not end within `drain_s`."""
        end = time.monotonic() + drain_s
        self._closing = True
        self._waiting.clear()
        self._changed.set()
        begun_s = drain_s * begun_share
        await self._finish_begun(begun_s, (drain_s - begun_s) / 2)
        self._closed = True
        while self._pending:
            if time.monotonic() > end:
                end_process(Exit.DRAIN, "%d works of %s are not committed", self._pending, self.tp)
            await self._wait(0.05)

    async def _finish_begun(self, seconds: float, cancel_s: float) -> None:
        """Whatever has not submitted its effects by then is cut off: the next owner gets its records."""
        begun = {self._task}
        if isinstance(self._handler, EventHandler):
            begun.add(asyncio.get_running_loop().create_task(self._release(self._handler)))
        _, late = await asyncio.wait(begun, timeout=seconds)
        for task in late:
            log.warning("%s: begun records are left to the next owner", self.tp)
            task.cancel()
        if late and (await asyncio.wait(late, timeout=cancel_s))[1]:
            end_process(Exit.DRAIN, "the handler of %s does not let itself be cancelled", self.tp)

    async def _release(self, handler: EventHandler) -> None:
        try:
            await handler.release(self)
        except Exception as error:  # noqa: BLE001 - ends the process
            self._failed(error)

    async def _flow(self) -> None:
        try:
            while not self._closing:
                self._do_housekeeping()
                if self._waiting and self._may_begin():
                    await self._begin(self._waiting.popleft())
                else:
                    await self._wait(None)
        except Exception as error:  # noqa: BLE001 - ends the process
            self._failed(error)

    def _may_begin(self) -> bool:
        if isinstance(self._handler, EventHandler):
            return self._undone < self._records_open and self._span < self._records_open * SPAN
        return len(self._uncommitted) < self._window

    def _failed(self, error: Exception) -> NoReturn:
        log.error("the handler of %s raised", self.tp, exc_info=error)
        end_process(Exit.HANDLER, "the handler of %s raised %r", self.tp, error)

    async def _begin(self, chunk: Chunk) -> None:
        self._room()
        self._run.open([record.offset for record in chunk.records])
        self._uncommitted.append(_Begun(chunk.end, len(chunk), chunk.fetched_s, chunk.records[0].timestamp))
        self._undone += len(chunk)
        self._span += len(chunk)
        if isinstance(self._handler, EventHandler):
            self._handler.receive(chunk, self)
            return
        effects = await self._handler(chunk, self.table)
        effects.check(self._message_max)
        self._run.finish_span(chunk.first)
        self._queue(effects, len(chunk))

    def _do_housekeeping(self) -> None:
        while self._housekeeping:
            effects = self._housekeeping.popleft()(self.table)
            if effects is not None and (effects.outputs or effects.writes):
                effects.check(self._message_max)
                self._queue(effects)

    async def _wait(self, seconds: float | None) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return

    def _queue(self, effects: Effects, finished: int = 0) -> asyncio.Future[None]:
        if effects.writes and self._changelog is None:
            raise TypeError("effects write to a table, but the engine has no changelog")
        self.table.apply(effects.writes)
        work = Work(
            tp=self.tp,
            membership=self._membership,
            offset=self._run.committable,
            records=[*effects.outputs, *self._changes(effects)],
            outputs=len(effects.outputs),
            done=asyncio.get_running_loop().create_future(),
        )
        self._pending += 1
        self._undone -= finished
        work.done.add_done_callback(lambda _: self._ended(work.offset, finished))
        self._submit_work(work)
        return work.done

    def _changes(self, effects: Effects) -> Iterable[Record]:
        number, topic = self.tp.partition, self._changelog
        if topic is None:
            return ()
        return (Record(topic, value, key, (), number) for key, value in effects.writes.items())

    def _ended(self, offset: int, finished: int) -> None:
        self._pending -= 1
        self.done += finished
        self.committed = max(self.committed, offset)
        while self._uncommitted and self._uncommitted[0].end <= offset:
            self._span -= self._uncommitted.popleft().records
        self._changed.set()
