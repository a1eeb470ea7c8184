"""`plain` is safe against crashes: it acknowledges a record when its event and then its state are in Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.tables.base import Collection
from faust.topics import Topic
from faust.transport.producer import ProducerBuffer

from bench import inputs
from bench.processors import plain
from runtime.kafka.record import Record

NOW = 1_700_000_000_000


class AnEvent:
    def __init__(self, record: Record, acked: list[bytes]) -> None:
        self.key, self.value, self.headers = record.key, record.value, record.headers
        self._acked = acked

    def ack(self) -> None:
        self._acked.append(self.key or b"")


class AStream:
    """Gives these records, as Faust would."""

    def __init__(self, records: list[Record]) -> None:
        self.acked: list[bytes] = []
        self._records = records

    def noack(self) -> AStream:
        return self

    async def events(self) -> AsyncIterator[AnEvent]:
        for record in self._records:
            yield AnEvent(record, self.acked)


class Word(asyncio.Future[None]):
    """What is awaited for Kafka's word."""

    message = SimpleNamespace(partition=0)


class Kafka:
    """Says when it has an event or a state."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.events: list[Word] = []
        self.states: list[Word] = []
        patch.setattr(Topic, "send", self._send)
        patch.setattr(Collection, "send_changelog", lambda *_, **__: self._asked(self.states))
        patch.setattr(Collection, "partition_for_key", lambda *_: 0)

    async def _send(self, **_: Any) -> Word:
        return self._asked(self.events)

    def _asked(self, where: list[Word]) -> Word:
        where.append(Word())
        return where[-1]


async def turns() -> None:
    """Let everything happen that can."""
    for _ in range(20):
        await asyncio.sleep(0)


def begun(stream: AStream, folder: Path, confirmed: bool) -> asyncio.Task[None]:
    app = plain.app("127.0.0.1:9", "in", "out", str(folder), confirmed)
    (agent,) = app.agents.values()
    return asyncio.create_task(agent.fun(stream))


@pytest.mark.parametrize("confirmed", [True, False])
async def test_a_record_is_acknowledged_when_kafka_has_its_event_and_then_its_state(
    confirmed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = inputs.of_records(10, 1, NOW).sources[0]
    stream, kafka = AStream([record, record]), Kafka(monkeypatch)
    task = begun(stream, tmp_path, confirmed)
    await turns()
    assert (len(kafka.events), len(kafka.states), stream.acked) == (1, 0, [])
    kafka.events[0].set_result(None)
    await turns()
    assert len(kafka.states) == 1
    assert stream.acked == ([] if confirmed else [record.key] * 2)
    kafka.states[0].set_result(None)
    await task
    assert stream.acked == [record.key] * 2
    assert len(kafka.events) == 1


async def test_faust_before_a_commit_does_not_wait_for_a_write_that_is_on_its_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken, never = asyncio.Event(), asyncio.Event()

    async def send(self: ProducerBuffer, message: Any) -> None:
        taken.set()
        await never.wait()

    monkeypatch.setattr(ProducerBuffer, "_send_pending", send)
    buffer = ProducerBuffer()
    buffer.app = plain.app("127.0.0.1:9", "in", "out", "unused", True)
    async with buffer:
        buffer.put(object())  # type: ignore[arg-type]
        await asyncio.wait_for(taken.wait(), 5)
        await asyncio.wait_for(buffer.flush(), 5)
        assert not never.is_set()
