"""Records and consumed offsets in one transaction, fenced by the group's generation: all of it or nothing.

One confluent producer in one thread; commits run one after the other. Promises: when `commit` returns, records and
offsets are committed; when it raises, either nothing is (the transaction was aborted, at most three seconds were
spent on it), or `fatal` is set and what became of it is unknown until a new producer with the same id has started.
A call that librdkafka does not come back from is such a case (`runtime.kafka.calls`): its thread is left behind.
Leaves to the owner: to end the process on any error whose memory ran ahead of Kafka.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from confluent_kafka import KafkaError, KafkaException, TopicPartition
from confluent_kafka import Producer as Client

from runtime import metrics, points, stacks
from runtime.kafka import config, mock
from runtime.kafka.calls import LOOK_S, Call, Calls, Overdue
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings

_log = logging.getLogger(__name__)

ABORT_S = 3.0
INIT_S = 60.0
RETRY_S = 0.02

# The member is no longer the owner in the generation it acts for, or another producer has taken the id.
_FENCING = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
        KafkaError.TRANSACTION_COORDINATOR_FENCED,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.FENCED_INSTANCE_ID,
        KafkaError.FENCED_MEMBER_EPOCH,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.REBALANCE_IN_PROGRESS,
    }
)


class TransactionFailed(Exception):
    """Nothing was committed, unless `indefinite`: then it is not known. `code` is Kafka's name of the error."""

    def __init__(self, error: KafkaError, indefinite: bool = False) -> None:
        super().__init__(f"{error.name()}: {error.str()}" + (" (outcome unknown)" if indefinite else ""))
        self.code = error.name()
        self.indefinite = indefinite


class Fenced(TransactionFailed):
    """Someone else owns the partitions or the transactional id now; nothing was committed. Never try again."""


def transactional_client(settings: KafkaSettings, transactional_id: str, timeout_s: float) -> Client:
    """librdkafka's transactional producer. Only on librdkafka's mock cluster transactions are pretended."""
    if mock.is_mock(settings):
        return mock.PretendedTransactions(settings, timeout_s)
    return Client(config.transactional(settings, transactional_id, timeout_s))


class TransactionalProducer:
    """`fatal` tells why no further transaction can succeed (end the process), else None."""

    def __init__(self, settings: KafkaSettings, transactional_id: str, *, timeout_s: float = 10) -> None:
        """`transactional_id` is stable over restarts and unique among live processes."""
        self._new_client = partial(transactional_client, settings, transactional_id, timeout_s)
        self._timeout_s = timeout_s
        self._label = settings.client_id
        self._client: Client | None = None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kafka-transactions")
        self._stale = False
        self._calls = Calls()
        self._left_behind = False
        self.fatal: str | None = None

    async def start(self, timeout_s: float = INIT_S) -> None:
        """Fences every older producer of this id and ends what it left open. Raises TransactionFailed."""
        await self._run(lambda: self._init(timeout_s))

    async def commit(
        self,
        records: Sequence[Record],
        offsets: Sequence[TopicPartition],
        group_metadata: object | None,
        *,
        marked: bool = True,
    ) -> None:
        """One transaction. `offsets`: the next to read; `group_metadata`: of the generation that delivered them.
        One that is `marked` passes the test point `transaction_open`, if it has records.

        Raises Fenced or TransactionFailed. A cancelled call does not stop the transaction.
        """
        if offsets and group_metadata is None:
            raise ValueError("offsets need the metadata of the group and generation that delivered them")
        await self._run(lambda: self._transact(records, offsets, group_metadata, marked))

    async def stop(self) -> None:
        """Waits for the commit that runs, unless that does not end."""
        await asyncio.to_thread(self._thread.shutdown, wait=not self._left_behind)
        self._client = None

    async def _run(self, work: Callable[[], None]) -> None:
        under_way = asyncio.get_running_loop().run_in_executor(self._thread, work)
        overdue = Overdue(self._calls)
        try:
            while not (await asyncio.wait({under_way}, timeout=LOOK_S))[0]:
                if (late := overdue.look()) is not None:
                    raise self._never_returns(late)
            under_way.result()
        except BaseException:
            under_way.cancel()
            raise

    def _never_returns(self, late: Call) -> TransactionFailed:
        error = KafkaError(KafkaError._TIMED_OUT, f"{late.name} did not return, though it had {late.seconds:.0f} s")
        if not self._left_behind:
            stacks.tell("kafka_call", call=late.name)
        self._left_behind = True
        self.fatal = f"{error.name()}: {error.str()}"
        return self._failure(error, indefinite=True)

    def _init(self, timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        self._client = self._new_client()
        try:
            self._retried("init_transactions", self._live.init_transactions, deadline)
        except KafkaException as failed:
            error: KafkaError = failed.args[0]
            self.fatal = str(error)
            raise self._failure(error, indefinite=False) from failed
        self._stale = False

    @property
    def _live(self) -> Client:
        if self._client is None:
            raise RuntimeError("the transactional producer is not started, or stopped")
        return self._client

    def _transact(
        self, records: Sequence[Record], offsets: Sequence[TopicPartition], metadata: object, marked: bool
    ) -> None:
        if self._stale:
            self._init(self._timeout_s)
        client = self._live
        deadline = time.monotonic() + self._timeout_s
        committing = False
        try:
            with self._calls.within("begin_transaction", self._timeout_s):
                client.begin_transaction()
            for record in records:
                _produce(client, record, deadline)
            if offsets:
                send = partial(client.send_offsets_to_transaction, list(offsets), metadata)
                self._retried("send_offsets_to_transaction", send, deadline)
            if records and marked:
                points.reach("transaction_open")
            committing = True
            self._retried("commit_transaction", client.commit_transaction, deadline)
        except KafkaException as failed:
            raise self._give_up(failed.args[0], committing) from failed
        finally:
            _serve(client)

    def _retried(self, name: str, call: Callable[[float], None], deadline: float) -> None:
        """Calls again while the error says that the same call may be repeated, as librdkafka prescribes."""
        while True:
            if self._left_behind:  # a call came back after all, when its transaction was given up
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{name} comes too late"))
            left = max(deadline - time.monotonic(), 0.1)
            try:
                with self._calls.within(name, left):
                    return call(left)
            except KafkaException as failed:
                error: KafkaError = failed.args[0]
                if error.txn_requires_abort() or error.fatal() or not error.retriable() or time.monotonic() > deadline:
                    raise
            time.sleep(RETRY_S)

    def _give_up(self, error: KafkaError, committing: bool) -> TransactionFailed:
        # A commit that was asked for and neither refused nor confirmed may stand.
        indefinite = committing and not (error.txn_requires_abort() or error.fatal())
        if error.fatal() or indefinite:
            self.fatal = f"{error.name()}: {error.str()}"
        else:
            self._abort()
            # After records that the broker refused, librdkafka's sequence numbers fail the next transaction too.
            self._stale = error.code() not in _FENCING
        return self._failure(error, indefinite)

    def _abort(self) -> None:
        try:
            self._retried("abort_transaction", self._live.abort_transaction, time.monotonic() + ABORT_S)
        except KafkaException as failed:
            # Not aborted by us: the broker does it at the transaction's time-out, but this producer is done.
            self.fatal = f"abort failed: {failed.args[0]}"

    def _failure(self, error: KafkaError, indefinite: bool) -> TransactionFailed:
        metrics.counter(metrics.KAFKA_TRANSACTION_ERRORS).labels(client=self._label, code=error.name()).inc()
        kind = Fenced if error.code() in _FENCING else TransactionFailed
        return kind(error, indefinite)


def _serve(client: Client) -> None:
    """Log lines and callbacks. A fatal error that is raised here would hide what became of the transaction; the call
    that met it has raised it, or the next one will."""
    try:
        client.poll(0)
    except KafkaException as failed:
        _log.warning("the transactional producer cannot go on: %s", failed.args[0])


def _produce(client: Client, record: Record, deadline: float) -> None:
    topic, value, key, headers, partition, timestamp = record
    while True:
        try:
            client.produce(topic, value, key, partition=partition, timestamp=timestamp, headers=list(headers) or None)
        except BufferError:
            if time.monotonic() > deadline:
                raise KafkaException(KafkaError(KafkaError._QUEUE_FULL, txn_requires_abort=True)) from None
            client.poll(RETRY_S)
        else:
            return
