"""Transactions: one transactional producer in one thread, which writes effects and source offsets together.

Works are taken in the order in which they were submitted and grouped while a transaction is under way; a
transaction never spans generations, and carries the membership in which its chunks were delivered. Every work
carries an offset of its source partition, even one that only repeats the last: that is what the broker checks.

Promises: a work's future resolves after its transaction was committed. Any error ends the process (`fatal`),
after an attempt to abort; nothing here is retried on another transaction, because memory has moved on already. So
does a call that does not return in its time (`runtime.kafka.calls`): what became of the transaction is unknown then.
"""

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from runtime import points, stacks
from runtime.engine.chunk import Partition
from runtime.engine.fatal import Exit, end_process, log
from runtime.engine.membership import Membership
from runtime.kafka.calls import LOOK_S, Calls, Overdue
from runtime.kafka.record import Record

INIT_S = 30.0
ABORT_S = 3.0
RETRY_S = 0.1
FULL_S = 0.02


class TransactionsUnavailable(RuntimeError):
    """The producer could not be registered with Kafka's transaction coordinator."""


@dataclass(slots=True, eq=False)
class Work:
    """Effects of some records of `tp`, with the offset that is committed with them."""

    tp: Partition
    membership: Membership
    offset: int
    records: Sequence[Record]
    outputs: int
    done: asyncio.Future[None]


@dataclass(frozen=True, slots=True)
class Committed:
    """One transaction that was committed."""

    works: Sequence[Work]
    seconds: float


class TransactionThread:
    """The only writer of a worker. `new_producer` makes its transactional producer, whose time-out is `timeout_s`."""

    def __init__(
        self,
        new_producer: Callable[[], Producer],
        *,
        timeout_s: float,
        works_max: int,
        on_commit: Callable[[Committed], None],
    ) -> None:
        self._new_producer = new_producer
        self._works_max = works_max
        self._on_commit = on_commit
        self._queue: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._held: Work | None = None
        self._thread: threading.Thread | None = None
        self._ended = asyncio.Event()
        self._patience_s = 2 * timeout_s
        self._calls = Calls()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Register with the coordinator, which fences an earlier process of the same transactional id."""
        self._loop = asyncio.get_running_loop()
        self._producer = await self._loop.run_in_executor(None, self._register)
        self._thread = threading.Thread(target=self._run, name="transactions", daemon=True)
        self._thread.start()
        self._watching = self._loop.create_task(self._watch(), name="transaction calls")

    def _register(self) -> Producer:
        producer = self._new_producer()
        try:
            producer.init_transactions(INIT_S)
        except KafkaException as error:
            raise TransactionsUnavailable(str(error)) from error
        return producer

    def submit(self, work: Work) -> None:
        """Queue a work. Works of one partition are committed in this order."""
        self._queue.put(work)

    async def stop(self, deadline_s: float) -> bool:
        """End the thread once all works are committed. False if that took longer than the deadline."""
        if self._thread is None:
            return True
        self._queue.put(None)
        try:
            await asyncio.wait_for(self._ended.wait(), deadline_s)
        except TimeoutError:
            return False
        if self._watching is not None:
            self._watching.cancel()
        return True

    # In the thread.

    def _run(self) -> None:
        try:
            while works := self._take():
                started = time.monotonic()
                self._commit(works)
                self._serve()
                self._report(Committed(works, time.monotonic() - started))
            self._tell(self._ended.set)
        except KafkaException as error:
            self._refused(error)
        except Exception as error:  # noqa: BLE001 - a dead thread would leave a worker that does nothing
            end_process(Exit.INTERNAL, "the transaction thread failed: %r", error)

    def _take(self) -> list[Work]:
        """The next works of one generation, at least one; none when the thread is to end."""
        first = self._held or self._queue.get()
        self._held = None
        works: list[Work] = []
        while first is not None:
            works.append(first)
            if len(works) == self._works_max or self._queue.empty():
                break
            first = self._queue.get_nowait()
            if first is None:
                self._queue.put(None)
            elif first.membership.generation != works[0].membership.generation:
                self._held, first = first, None
        return works

    def _commit(self, works: Sequence[Work]) -> None:
        with self._calls.within("begin_transaction", self._patience_s):
            self._producer.begin_transaction()
        for work in works:
            self._produce(work.records)
        points.reach("chunk_produced")
        offsets = {work.tp: work.offset for work in works}
        positions = [TopicPartition(tp.topic, tp.partition, offset) for tp, offset in offsets.items()]
        metadata = works[0].membership.metadata()
        send = partial(self._producer.send_offsets_to_transaction, positions, metadata)
        self._patiently("send_offsets_to_transaction", send)
        self._patiently("commit_transaction", self._producer.commit_transaction)
        points.reach("chunk_committed")

    def _produce(self, records: Iterable[Record]) -> None:
        """Waits while the producer's queue is full; raises once nothing of it has left for longer than Kafka waits."""
        # By place, for names cost librdkafka's wrapper a microsecond a record; the two None are callbacks.
        produce = self._producer.produce
        for topic, value, key, headers, partition, timestamp_ms in records:
            given = headers if isinstance(headers, list) else list(headers)
            end = 0.0
            while True:
                try:
                    produce(topic, value, key, partition, None, None, timestamp_ms, given or None)
                    break
                except BufferError:
                    end = end or time.monotonic() + self._patience_s
                self._wait_for_room(end)

    def _wait_for_room(self, end: float) -> None:
        if time.monotonic() > end:
            raise KafkaException(KafkaError(KafkaError._QUEUE_FULL, "the queue stays full", False, False, True))
        self._producer.poll(FULL_S)

    def _serve(self) -> None:
        """What librdkafka has to say comes into the log. A fatal error is the next transaction's to meet."""
        try:
            self._producer.poll(0)
        except KafkaException as error:
            log.warning("the transactional producer cannot go on: %s", error.args[0])

    def _patiently(self, name: str, call: Callable[[float], object]) -> None:
        """librdkafka resumes a call that failed with a retriable error when it is made again."""
        end = time.monotonic() + self._patience_s
        while True:
            left = max(end - time.monotonic(), 0.1)
            try:
                with self._calls.within(name, left):
                    call(left)
                return
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > end:
                    raise
                log.warning("transaction delayed: %s", error.args[0].str())
                time.sleep(RETRY_S)

    def _refused(self, refusal: KafkaException) -> None:
        error = self._cause(refusal.args[0])
        try:
            if error.txn_requires_abort():
                with self._calls.within("abort_transaction", ABORT_S):
                    self._producer.abort_transaction(ABORT_S)
        except KafkaException as second:
            log.error("the abort failed as well: %s", second)
        end_process(Exit.TRANSACTION, "transaction refused: %s: %s", error.name(), error.str())

    def _cause(self, error: KafkaError) -> KafkaError:
        """A call that comes after the one that failed hears only that it comes too late. The next transaction, which
        cannot begin before this one is aborted, is refused with the reason."""
        if error.code() != KafkaError._STATE or not error.txn_requires_abort():
            return error
        try:
            with self._calls.within("begin_transaction", ABORT_S):
                self._producer.begin_transaction()
        except KafkaException as refusal:
            cause: KafkaError = refusal.args[0]
            return cause if cause.txn_requires_abort() else error
        return error

    def _report(self, committed: Committed) -> None:
        self._tell(lambda: self._resolve(committed))

    def _tell(self, callback: Callable[[], object]) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(callback)

    # On the loop.

    async def _watch(self) -> None:
        overdue = Overdue(self._calls)
        while True:
            await asyncio.sleep(LOOK_S)
            if (late := overdue.look()) is not None:
                self._serve()
                stacks.tell("kafka_call", call=late.name)
                end_process(Exit.TRANSACTION, "%s did not return, though it had %.0f s", late.name, late.seconds)

    def _resolve(self, committed: Committed) -> None:
        for work in committed.works:
            if not work.done.done():
                work.done.set_result(None)
        self._on_commit(committed)
