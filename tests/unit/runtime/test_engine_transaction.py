"""The transaction thread groups works of one generation, keeps their order, and ends the process on any error."""

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, NoReturn

import pytest
from confluent_kafka import (
    TIMESTAMP_CREATE_TIME,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from runtime.engine import Exit
from runtime.engine import transaction as transaction_module
from runtime.engine.membership import Membership
from runtime.engine.transaction import Committed, TransactionsUnavailable, TransactionThread, Work
from runtime.kafka.offsets import end_offsets
from runtime.kafka.record import Record
from runtime.kafka.transactions import transactional_client
from runtime.settings import KafkaSettings
from sandbox.kafka import MockCluster
from tests.engine_apps.builders import TP

PLACES = ("value", "key", "partition", "callback", "on_delivery", "timestamp", "headers")


class FakeProducer:
    """Remembers what a transaction held. `gate` holds a commit back; `errors` are raised one after the other."""

    made: "FakeProducer"

    def __init__(self) -> None:
        type(self).made = self
        self.transactions: list[dict[str, Any]] = []
        self.gate = threading.Event()
        self.gate.set()
        self.errors: dict[str, list[BaseException | None]] = {}
        self.full = 0
        self.aborted = 0

    def init_transactions(self, timeout: float) -> None:
        self._maybe_fail("init")

    def begin_transaction(self) -> None:
        self._maybe_fail("begin")
        self.transactions.append({"records": [], "committed": False})

    def produce(self, topic: str, *given: Any) -> None:
        """By place, in confluent-kafka's order."""
        if self.full:
            self.full -= 1
            raise BufferError
        fields = dict(zip(PLACES, given, strict=True))
        assert (fields.pop("callback"), fields.pop("on_delivery")) == (None, None)
        self.transactions[-1]["records"].append((topic, fields))

    def poll(self, timeout: float) -> int:
        return 0

    def send_offsets_to_transaction(self, offsets: Sequence[TopicPartition], group: bytes, timeout: float) -> None:
        self._maybe_fail("offsets")
        self.transactions[-1].update(offsets=[(tp.topic, tp.partition, tp.offset) for tp in offsets], group=group)

    def commit_transaction(self, timeout: float) -> None:
        self.gate.wait(5)
        self._maybe_fail("commit")
        self.transactions[-1]["committed"] = True

    def abort_transaction(self, timeout: float) -> None:
        self.aborted += 1

    def _maybe_fail(self, call: str) -> None:
        errors = self.errors.get(call)
        error = errors.pop(0) if errors else None
        if error is not None:
            raise error


class Narrow(Producer):
    """Counts how often its queue was full."""

    refusals = 0

    def produce(self, *args: Any, **fields: Any) -> None:
        try:
            super().produce(*args, **fields)
        except BufferError:
            type(self).refusals += 1
            raise


class Thread:
    def __init__(self, producer: Any = FakeProducer, timeout_s: float = 1) -> None:
        self.committed: list[Committed] = []
        self.thread = TransactionThread(producer, timeout_s=timeout_s, works_max=3, on_commit=self.committed.append)

    def submit(self, offset: int, generation: int = 1, outputs: int = 1) -> asyncio.Future[None]:
        work = Work(
            tp=TP,
            membership=Membership("group", generation, "member", None),
            offset=offset,
            records=[Record("out", b"%d" % offset, b"key", [("h", b"1")])] * outputs,
            outputs=outputs,
            done=asyncio.get_running_loop().create_future(),
        )
        self.thread.submit(work)
        return work.done


class Ends(list[Exit]):
    """The codes with which the process would have ended, and what it would have said."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> Ends:
    ends = Ends()

    def end_process(code: Exit, message: str, *details: object) -> NoReturn:
        ends.append(code)
        ends.told.append(message % details)
        raise SystemExit

    monkeypatch.setattr(transaction_module, "end_process", end_process)
    return ends


@pytest.fixture
async def thread(ends: Ends) -> Thread:
    thread = Thread()
    await thread.thread.start()
    return thread


async def ended(thread: Thread) -> bool:
    return await thread.thread.stop(5)


async def test_a_work_is_committed_with_headers_offset_and_membership(thread: Thread) -> None:
    await asyncio.wait_for(thread.submit(8), 5)
    (transaction,) = FakeProducer.made.transactions
    fields = {"value": b"8", "key": b"key", "partition": -1, "timestamp": 0, "headers": [("h", b"1")]}
    assert transaction["records"] == [("out", fields)]
    assert transaction["offsets"] == [("source", 3, 8)]
    assert transaction["group"] == Membership("group", 1, "member", None).metadata()
    assert len(thread.committed) == 1
    assert await ended(thread)


async def test_works_that_wait_share_a_transaction_but_never_across_generations(thread: Thread) -> None:
    producer = FakeProducer.made
    producer.gate.clear()
    futures = [thread.submit(1)]
    async with asyncio.timeout(5):
        await asyncio.to_thread(lambda: [None for _ in iter(lambda: bool(producer.transactions), True)])
    futures += [thread.submit(2), thread.submit(3), thread.submit(4, generation=2), thread.submit(5, generation=2)]
    producer.gate.set()
    await asyncio.wait_for(asyncio.gather(*futures), 5)
    assert [len(one["records"]) for one in producer.transactions] == [1, 2, 2]
    assert [one["offsets"][0][2] for one in producer.transactions] == [1, 3, 5]
    assert await ended(thread)


async def test_a_full_queue_is_waited_out(thread: Thread) -> None:
    FakeProducer.made.full = 3
    await asyncio.wait_for(thread.submit(1, outputs=2), 5)
    assert len(FakeProducer.made.transactions[0]["records"]) == 2
    assert await ended(thread)


async def test_every_field_of_a_record_lands_where_it_belongs(ends: Ends) -> None:
    record = Record("out", b"value", b"key", [("h", b"1"), ("i", b"2")], partition=2, timestamp_ms=1_700_000_000_123)
    with MockCluster() as cluster:
        thread = Thread(lambda: transactional_client(KafkaSettings(bootstrap=cluster.bootstrap), "writer", 20))
        await thread.thread.start()
        thread.thread._producer.begin_transaction()
        await asyncio.to_thread(thread.thread._produce, [record])
        assert await asyncio.to_thread(thread.thread._producer.flush, 10) == 0
        found = await asyncio.to_thread(first_of, cluster.bootstrap, TopicPartition("out", 2, 0))
        assert await ended(thread)
    assert (found.value(), found.key(), found.headers()) == (b"value", b"key", [("h", b"1"), ("i", b"2")])
    assert found.timestamp() == (TIMESTAMP_CREATE_TIME, 1_700_000_000_123)
    assert ends == []


def first_of(bootstrap: str, place: TopicPartition) -> Message:
    """The record at a place, as another program reads it."""
    options = {"bootstrap.servers": bootstrap, "group.id": "reader", "isolation.level": "read_uncommitted"}
    consumer = Consumer(options)
    try:
        consumer.assign([place])
        found = consumer.poll(10)
        assert found is not None
        assert found.error() is None
        return found
    finally:
        consumer.close()


async def test_a_full_queue_of_a_real_producer_is_waited_out(ends: Ends) -> None:
    with MockCluster() as cluster:
        AdminClient({"bootstrap.servers": cluster.bootstrap}).list_topics(TP.topic, timeout=10)  # makes it be there
        options = {
            "bootstrap.servers": cluster.bootstrap,
            "transactional.id": "writer",
            "queue.buffering.max.messages": 10,
            "linger.ms": 20,
        }
        thread = Thread(lambda: Narrow(options), timeout_s=20)
        await thread.thread.start()
        await asyncio.wait_for(thread.submit(7, outputs=200), 20)
        assert await ended(thread)
        assert Narrow.refusals > 0
        settings = KafkaSettings(bootstrap=cluster.bootstrap)
        written = await asyncio.to_thread(lambda: sum(end_offsets(settings, [("out", n) for n in range(4)]).values()))
        assert written >= 200
    assert ends == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_queue_that_stays_full_ends_the_process(ends: Ends) -> None:
    thread = Thread(timeout_s=0.05)
    await thread.thread.start()
    FakeProducer.made.full = 1_000_000
    thread.submit(1)
    await asyncio.to_thread(thread.thread._thread.join, 5)  # type: ignore[union-attr]
    assert ends == [Exit.TRANSACTION]
    assert FakeProducer.made.aborted == 1


async def test_a_retriable_error_is_tried_again_on_the_same_transaction(thread: Thread) -> None:
    retriable = KafkaException(KafkaError(KafkaError.COORDINATOR_LOAD_IN_PROGRESS, "busy", False, True, False))
    FakeProducer.made.errors = {"commit": [retriable], "offsets": [retriable]}
    await asyncio.wait_for(thread.submit(1), 5)
    assert len(FakeProducer.made.transactions) == 1
    assert await ended(thread)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("abortable", [True, False])
async def test_a_refused_transaction_ends_the_process(thread: Thread, ends: Ends, abortable: bool) -> None:
    refusal = KafkaException(KafkaError(KafkaError.ILLEGAL_GENERATION, "fenced", False, False, abortable))
    FakeProducer.made.errors = {"offsets": [refusal]}
    done = thread.submit(1)
    await asyncio.to_thread(thread.thread._thread.join, 5)  # type: ignore[union-attr]
    assert ends == [Exit.TRANSACTION]
    assert FakeProducer.made.aborted == int(abortable)
    assert not done.done()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_refusal_names_its_cause_and_not_what_came_after_it(thread: Thread, ends: Ends) -> None:
    """A record was refused while offsets were on their way: librdkafka says of the offsets only that they were late."""
    late = KafkaException(KafkaError(KafkaError._STATE, "erroneous state", False, False, True))
    cause = KafkaException(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED, "not allowed", False, False, True))
    FakeProducer.made.errors = {"offsets": [late], "begin": [None, cause]}
    thread.submit(1)
    await asyncio.to_thread(thread.thread._thread.join, 5)  # type: ignore[union-attr]
    assert ends == [Exit.TRANSACTION]
    assert ends.told == ["transaction refused: TOPIC_AUTHORIZATION_FAILED: not allowed"]


async def test_an_unreachable_coordinator_fails_the_start(ends: Ends) -> None:
    class Unreachable(FakeProducer):
        def init_transactions(self, timeout: float) -> None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "no answer"))

    with pytest.raises(TransactionsUnavailable):
        await Thread(Unreachable).thread.start()


class Stuck(FakeProducer):
    """Comes back from a call only when it is let go, like librdkafka that waits for a coordinator."""

    made: "Stuck"

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()

    def send_offsets_to_transaction(self, offsets: Sequence[TopicPartition], group: bytes, timeout: float) -> None:
        self.let_go.wait(30)
        super().send_offsets_to_transaction(offsets, group, timeout)


class Ended(Exception):
    """The process would have ended."""


async def test_a_call_that_never_returns_ends_the_process_and_tells_where_it_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[dict[str, object]] = []

    def end_process(code: Exit, message: str, *details: object) -> NoReturn:
        told.append({"code": code, "message": message % details})
        raise Ended

    monkeypatch.setattr(transaction_module, "LOOK_S", 0.01)
    monkeypatch.setattr(transaction_module, "end_process", end_process)
    monkeypatch.setattr(transaction_module.stacks, "tell", lambda why, **fields: told.append({"why": why} | fields))
    thread = Thread(Stuck, timeout_s=0.5)
    await thread.thread.start()
    done = thread.submit(1)
    watching = thread.thread._watching
    assert watching is not None
    with pytest.raises(Ended):
        await asyncio.wait_for(watching, 10)
    name = "send_offsets_to_transaction"
    assert told == [
        {"why": "kafka_call", "call": name},
        {"code": Exit.TRANSACTION, "message": f"{name} did not return, though it had 1 s"},
    ]
    assert not done.done()
    Stuck.made.let_go.set()
    await asyncio.wait_for(done, 5)
    assert await ended(thread)


async def test_what_librdkafka_says_is_asked_for_after_each_transaction(ends: Ends) -> None:
    """Its log waits in a queue until somebody polls; a fatal error there does not undo what was committed."""

    class Talks(FakeProducer):
        polls = 0

        def poll(self, timeout: float) -> int:
            type(self).polls += 1
            raise KafkaException(KafkaError(KafkaError._FATAL, "it is over"))

    thread = Thread(Talks)
    await thread.thread.start()
    await asyncio.wait_for(thread.submit(1), 5)
    assert Talks.polls == 1
    assert ends == []
    assert await ended(thread)
