"""The consumer drops what a rebalance has overtaken, and does not wait in silence for a group that refuses it."""

import asyncio
from types import SimpleNamespace
from typing import Any, NoReturn, cast

import pytest
from aiokafka.errors import GroupAuthorizationFailedError
from faust.types import TP as FaustPartition

from runtime.engine import EngineSettings, Exit
from runtime.engine import consumer as module
from runtime.engine.chunk import Chunk
from runtime.engine.consumer import ChunkConsumer
from tests.engine_apps.builders import TP, ARecord


class FakeAssignment:
    epoch = 4


class FakeThread:
    """Fetches two records; `meanwhile` is called while the fetch is under way."""

    def __init__(self) -> None:
        self.meanwhile: Any = lambda: None
        self.refusals: list[Exception] = []
        self.checks = 0

    async def getmany(self, partitions: set[FaustPartition], timeout: float) -> dict[FaustPartition, list[ARecord]]:
        self.meanwhile()
        return {FaustPartition(*TP): [ARecord(7), ARecord(8)]}

    async def seek_all(self, starts: object) -> None: ...

    def positions(self, partitions: object) -> dict[object, int]:
        return {TP: 9}

    async def check_group(self) -> None:
        self.checks += 1
        if self.refusals:
            raise self.refusals.pop()


class AConsumer(ChunkConsumer):
    """Without Faust around it."""

    def __init__(self) -> None:
        self.fake_thread = FakeThread()
        self._thread = cast(Any, self.fake_thread)
        self._assignment = cast(Any, FakeAssignment())
        self._engine_app = cast(Any, type("App", (), {"settings": EngineSettings()}))
        self._fetch_lock = asyncio.Lock()
        self._fetched_to = {TP: 7}
        self._looked_to = {}
        self.turns = 0

    @property
    def should_stop(self) -> bool:
        self.turns += 1
        return self.turns > 20

    async def sleep(self, seconds: float) -> None:  # type: ignore[override]
        await asyncio.sleep(0)

    async def fetch(self) -> list[Chunk]:
        return await self._fetch([TP])


async def test_a_fetch_becomes_chunks_that_follow_the_one_before() -> None:
    consumer = AConsumer()
    (chunk,) = await consumer.fetch()
    assert (chunk.first, chunk.end, chunk.previous_end, chunk.epoch) == (7, 9, 7, 4)
    (again,) = await consumer.fetch()
    assert again.previous_end == 9


async def test_a_fetch_that_a_rebalance_overtook_is_dropped() -> None:
    consumer = AConsumer()
    consumer.fake_thread.meanwhile = lambda: setattr(consumer._assignment, "epoch", 5)
    assert await consumer.fetch() == []
    assert consumer._fetched_to == {TP: 7}


async def test_positions_do_not_move_under_a_fetch() -> None:
    consumer = AConsumer()
    under_way = asyncio.Event()
    go_on = asyncio.Event()

    async def getmany(partitions: object, timeout: float) -> dict[FaustPartition, list[ARecord]]:
        under_way.set()
        await go_on.wait()
        return {}

    consumer.fake_thread.getmany = getmany  # type: ignore[method-assign]
    fetch = asyncio.create_task(consumer.fetch())
    await under_way.wait()
    seek = asyncio.create_task(consumer.seek_all({TP: 3}))
    await asyncio.sleep(0)
    assert consumer._fetched_to == {TP: 7}
    go_on.set()
    await asyncio.gather(fetch, seek)
    assert consumer._fetched_to == {TP: 3}


@pytest.mark.parametrize("stopping", [True, False])
async def test_a_fetch_that_is_cancelled_ends_quietly_only_where_all_stops(stopping: bool) -> None:
    """Faust takes a cancelled fetch in a rebalance for a crash, also where it is a stop that came in a rebalance."""
    consumer, under_way = AConsumer(), asyncio.Event()
    consumer.app = cast(Any, SimpleNamespace(should_stop=stopping))
    consumer.flow_active = True
    consumer._assignment = cast(Any, SimpleNamespace(wanting=lambda: [TP], epoch=4))

    async def getmany(partitions: object, timeout: float) -> NoReturn:
        under_way.set()
        await asyncio.Event().wait()
        raise AssertionError

    consumer.fake_thread.getmany = getmany  # type: ignore[method-assign]
    draining = asyncio.create_task(consumer._drain_messages(SimpleNamespace(should_stop=False)))
    await under_way.wait()
    draining.cancel()
    await asyncio.wait([draining])
    assert draining.cancelled() is not stopping


async def test_a_group_that_refuses_the_worker_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    def end_process(code: Exit, message: str, *details: object) -> NoReturn:
        ended.append(f"{code:d} {message % details}")
        raise SystemExit

    monkeypatch.setattr(module, "end_process", end_process)
    consumer = AConsumer()
    watch = vars(ChunkConsumer)["_watch_group"].fun
    await watch(consumer)
    assert consumer.fake_thread.checks > 1
    assert ended == []

    refused = AConsumer()
    refused.fake_thread.refusals = [GroupAuthorizationFailedError("a-group")]
    with pytest.raises(SystemExit):
        await watch(refused)
    assert ended == ["77 the group refuses this worker: GroupAuthorizationFailedError('a-group')"]
