"""The shells: progress that health can trust, lines that appear late, and topics that are not there."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from processors import hosting
from processors.agents import service as agents_service
from processors.conversations import service as conversations_service
from processors.conversations.draft import Tally
from processors.conversations.service import Newcomers, count
from processors.waiting import Waiting
from runtime import metrics
from runtime.clock import now_ms
from runtime.engine import Engine, Part, Progress, TopicsMismatch
from runtime.health import Health, clock
from runtime.service import CannotStart, Service
from tests.builders.conversations import posted
from tests.builders.webhooks import flat


class FakeEngine:
    """An engine whose partitions are what the test says."""

    app_id, source = "relevo-test", "inbound.conversations"

    def __init__(self, *found: Progress, error: Exception | None = None) -> None:
        self.found = list(found)
        self.error = error
        self.ready = True
        self.waits = ""
        self.starts = asyncio.Event()
        self.starts.set()
        self.stopped = 0.0

    def progress(self) -> list[Progress]:
        return self.found

    def parts(self) -> list[Part]:
        return [Part("group", 1, self.waits)]

    async def start(self) -> None:
        await self.starts.wait()
        if self.error:
            raise self.error

    async def stop(self, deadline_s: float) -> None:
        self.stopped = deadline_s


def service() -> Any:
    return SimpleNamespace(
        health=Health(stall_s=60), stopping=asyncio.Event(), settings=SimpleNamespace(stop_s=20.0), code=0
    )


async def hosted(engine: FakeEngine) -> Any:
    made = service()
    task = asyncio.create_task(hosting.host(cast(Service, made), cast(Engine, engine)))
    await settled()
    return made, task


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def progress(reached: int, end: int | None, chunks: int = 0) -> Progress:
    return Progress(partition=0, committed=10, end=end, open_chunks=chunks, oldest_s=0.0, keys=3, reached=reached)


@pytest.mark.parametrize(
    ("found", "fails"),
    [
        (progress(10, 10), False),
        (progress(10, None), False),
        (progress(13, 13), False),
        (progress(13, 12), False),
        (progress(10, 11), True),
        (progress(10, 13, chunks=1), True),
    ],
)
async def test_a_partition_that_stands_fails_liveness_but_markers_at_its_end_do_not(
    found: Progress, fails: bool
) -> None:
    made, task = await hosted(FakeEngine(found))
    name = "inbound.conversations-0"
    reported = made.health.progress._partitions[name]
    assert reported.idle is not fails
    labels = {"group": "relevo-test", "topic": "inbound.conversations", "partition": "0"}
    assert (metrics.PROCESS.value(metrics.KAFKA_CONSUMER_LAG, **labels) > 0) is fails
    made.stopping.set()
    await task


async def test_a_stop_gives_the_engine_most_of_the_time_and_readiness_follows_it() -> None:
    engine = FakeEngine(progress(1, 1))
    made, task = await hosted(engine)
    assert made.health.ready
    made.stopping.set()
    await task
    assert engine.stopped == pytest.approx(16)


class Told(hosting.Plain):
    """A handler that has something to tell."""

    granted = 0

    def parts(self) -> list[Part]:
        return [Part("turns", 7, "events wait")]

    def moves(self, partition: int) -> int:
        return self.granted


@pytest.mark.parametrize("granted", [0, 5])
async def test_a_partition_whose_events_wait_in_a_queue_that_moves_does_not_stand(granted: int) -> None:
    made, told = service(), Told()
    engine = cast(Engine, FakeEngine())
    one = progress(10, 40, chunks=1)
    hosting._report(cast(Service, made), engine, one, told, Waiting())
    reported = made.health.progress._partitions["inbound.conversations-0"]
    reported.moved -= 61
    told.granted = granted
    hosting._report(cast(Service, made), engine, one, told, Waiting())
    assert bool(made.health.progress.failures(clock())) is not bool(granted)


async def test_parts_of_the_engine_and_of_the_handler_count_for_health() -> None:
    made, engine = service(), FakeEngine()
    engine.waits = "nobody lets it in"
    task = asyncio.create_task(hosting.host(cast(Service, made), cast(Engine, engine), Told()))
    await settled()
    made.health.steps.record("group", 1, engine.waits, now=clock() + 61)
    made.health.steps.record("turns", 7, "events wait", now=clock() + 61)
    assert [failure.check for failure in made.health.live_failures(clock() + 62)] == ["group", "turns"]
    made.stopping.set()
    await task


async def test_a_start_that_hangs_fails_liveness() -> None:
    made, engine = service(), FakeEngine()
    engine.starts.clear()
    task = asyncio.create_task(hosting.host(cast(Service, made), cast(Engine, engine)))
    await settled()
    assert made.health.live_failures(clock() + 59) == []
    assert [failure.check for failure in made.health.live_failures(clock() + 61)] == ["engine"]
    engine.starts.set()
    await settled()
    assert "engine" not in [failure.check for failure in made.health.live_failures(clock() + 61)]
    made.stopping.set()
    await task


async def test_missing_topics_are_an_answer_not_a_traceback() -> None:
    made = service()
    with pytest.raises(CannotStart, match=r"agents\.menu"):
        await hosting.host(cast(Service, made), cast(Engine, FakeEngine(error=TopicsMismatch("missing agents.menu"))))


async def test_a_line_that_appears_is_waited_for_and_a_stranger_only_once() -> None:
    known: set[str] = set()
    newcomers = Newcomers(known.__contains__, patience_s=0.2)
    record = posted(flat())
    asyncio.get_running_loop().call_later(0.06, known.add, "56911111111")
    began = asyncio.get_running_loop().time()
    await newcomers.wait_for([record])
    assert asyncio.get_running_loop().time() - began < 0.2
    known.clear()
    await newcomers.wait_for([record])
    began = asyncio.get_running_loop().time()
    await newcomers.wait_for([record])
    assert asyncio.get_running_loop().time() - began < 0.1


def _value(metric: Any, **labels: str) -> float:
    return float(metrics.counter(metric).labels(**labels)._value.get())


class FakeTenants:
    """Tenants whose topic breaks at once, as the real ones tell it."""

    def __init__(self, kafka: object, *, on_failure: Any = None) -> None:
        self.on_failure = on_failure

    async def start(self) -> None:
        self.on_failure(RuntimeError("the topic broke"))

    async def caught_up(self, seconds: float) -> None:
        raise TimeoutError

    async def stop(self) -> None:
        return

    def on_change(self, callback: object) -> None:
        return


@pytest.mark.parametrize("module", [conversations_service, agents_service])
async def test_tenants_that_can_no_longer_be_followed_end_the_service(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would go on for ever with what tenants were configured like then."""

    async def present(*_: object) -> None:
        return

    monkeypatch.setattr(module, "Tenants", FakeTenants)
    monkeypatch.setattr(module, "check_topics", present)
    died: list[str] = []
    service = SimpleNamespace(health=Health(), settings=SimpleNamespace(instance="0"), fail=lambda p, e: died.append(p))
    main = agents_service.main_of("menu") if module is agents_service else conversations_service.main
    with pytest.raises(CannotStart):
        await main(cast(Service, service))
    assert died == ["tenants"]


def test_outcomes_are_counted_by_tenant_and_reason() -> None:
    tally = Tally({("acme", "routed", ""): 3, ("acme", "dropped", "echo"): 2, ("acme", "dead_letter", "not_json"): 1})
    before = _value(metrics.PROCESSOR_DROPPED, processor="conversations", tenant="acme", reason="echo")
    count(tally)
    assert _value(metrics.PROCESSOR_DROPPED, processor="conversations", tenant="acme", reason="echo") == before + 2
    assert _value(metrics.PROCESSOR_EVENTS, processor="conversations", tenant="acme", outcome="routed") >= 3
    assert _value(metrics.PROCESSOR_DEAD_LETTERS, processor="conversations", tenant="acme", reason="not_json") >= 1


async def test_what_waits_is_shown_in_records_and_seconds_until_the_partition_goes() -> None:
    written = now_ms() - 90_000
    one = Progress(
        partition=0, committed=10, end=40, open_chunks=1, oldest_s=0.0, keys=3, reached=10, oldest_ms=written
    )
    engine = FakeEngine(one)
    made, task = await hosted(engine)
    place = {"group": "relevo-test", "topic": "inbound.conversations", "partition": "0"}
    assert metrics.PROCESS.value(metrics.KAFKA_CONSUMER_LAG, **place) == 30
    assert metrics.PROCESS.value(metrics.KAFKA_LAG_SECONDS, **place) == pytest.approx(90, abs=5)
    engine.found = []
    made.health.progress.record("x", 0, 0)
    hosting._forget(cast(Engine, engine), "0", Waiting())
    for gauge in (metrics.KAFKA_CONSUMER_LAG, metrics.KAFKA_LAG_SECONDS):
        assert ("relevo-test", "inbound.conversations", "0") not in metrics.gauge(gauge).series()
    made.stopping.set()
    await task
