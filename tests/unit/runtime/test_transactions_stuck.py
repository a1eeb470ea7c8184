"""A transactional producer whose call into librdkafka never comes back: its owner hears of it and can end."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from confluent_kafka import TopicPartition

from runtime.kafka import transactions
from runtime.kafka.transactions import TransactionalProducer, TransactionFailed
from runtime.settings import KafkaSettings

OFFSETS = [TopicPartition("source", 0, 5)]


class Stuck:
    """A client that hangs in `send_offsets_to_transaction` until it is let go."""

    def __init__(self) -> None:
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.committed = 0

    def init_transactions(self, timeout: float) -> None: ...

    def begin_transaction(self) -> None:
        self.begun.set()

    def poll(self, timeout: float) -> int:
        return 0

    def send_offsets_to_transaction(self, *_: object) -> None:
        self.let_go.wait(30)

    def commit_transaction(self, timeout: float) -> None:
        self.committed += 1

    def abort_transaction(self, timeout: float) -> None: ...


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    client = Stuck()
    monkeypatch.setattr(transactions, "transactional_client", lambda *_: client)
    yield client
    client.let_go.set()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    told: list[str] = []
    monkeypatch.setattr(transactions.stacks, "tell", lambda why, call: told.append(f"{why} {call}"))
    return told


async def test_a_commit_that_never_returns_fails_with_its_outcome_unknown_and_is_not_made_later(
    client: Stuck, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transactions, "LOOK_S", 0.01)
    producer = TransactionalProducer(KafkaSettings(), "writer", timeout_s=0.5)
    await producer.start()
    second = asyncio.create_task(behind(producer, client))
    with pytest.raises(TransactionFailed, match="outcome unknown") as caught:
        async with asyncio.timeout(15):
            await producer.commit([], OFFSETS, b"metadata")
    assert caught.value.indefinite
    assert producer.fatal is not None
    assert "send_offsets_to_transaction did not return" in producer.fatal
    with pytest.raises(TransactionFailed):
        await asyncio.wait_for(second, 15)
    assert told == ["kafka_call send_offsets_to_transaction"]
    await asyncio.wait_for(producer.stop(), 5)
    client.let_go.set()
    await asyncio.to_thread(lambda: [thread.join(5) for thread in producer._thread._threads])
    assert client.committed == 0


async def behind(producer: TransactionalProducer, client: Stuck) -> None:
    """One more that waits for its turn."""
    await asyncio.to_thread(client.begun.wait, 10)
    await producer.commit([], OFFSETS, b"metadata")


async def test_a_call_that_was_given_up_does_not_stop_its_transaction(client: Stuck, told: list[str]) -> None:
    producer = TransactionalProducer(KafkaSettings(), "writer", timeout_s=5)
    await producer.start()
    commit = asyncio.create_task(producer.commit([], OFFSETS, b"metadata"))
    assert await asyncio.to_thread(client.begun.wait, 10)
    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit
    client.let_go.set()
    await producer.stop()
    assert client.committed == 1
    assert told == []
