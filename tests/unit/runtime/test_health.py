"""When a service lives and is ready, and what its admin server says about it."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import metrics
from runtime.admin import Admin
from runtime.health import Health, Progress, watch_loop


def failing(progress: Progress, now: float) -> list[str]:
    return [failure.check for failure in progress.failures(now)]


def test_a_partition_with_work_that_stands_still_fails() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 40, 2):
        progress.record("in-0", 5, 9, now=now)
        progress.record("in-1", now, 99, now=now)
    assert failing(progress, 38) == ["partition in-0"]
    assert progress.failures(38)[0].detail == "stands at 5 for 38 s while 4 records wait"


def test_moving_on_heals_it() -> None:
    progress = Progress(stall_s=10)
    progress.record("in-0", 5, 9, now=0)
    progress.record("in-0", 5, 9, now=11)
    assert failing(progress, 11) == ["partition in-0"]
    progress.record("in-0", 6, 9, now=12)
    assert failing(progress, 12) == []


def test_idleness_is_no_failure_and_its_time_does_not_count() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 100, 5):
        progress.record("in-0", 7, 7, now=now)
    assert failing(progress, 100) == []
    progress.record("in-0", 7, 20, now=100)
    assert failing(progress, 109) == []
    progress.record("in-0", 7, 20, now=106)
    assert failing(progress, 106) == []
    assert failing(progress, 111) == ["partition in-0"]


def test_a_transaction_marker_at_the_end_is_no_work() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 60, 5):
        progress.record("in-0", 7, 8, now=now)
    assert failing(progress, 60) == []


def test_work_that_is_never_done_fails_though_all_is_fetched() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 20, 5):
        progress.record("in-0", 8, 8, oldest_undone_s=now + 1, now=now)
    assert progress.failures(15)[0].detail == "stands at 8 for 15 s while work waits"
    assert progress.oldest_undone() == {"in-0": 16}


def test_a_partition_of_which_nobody_reports_fails_until_it_is_forgotten() -> None:
    progress = Progress(stall_s=10)
    progress.record("in-0", 7, 7, now=0)
    assert progress.failures(11)[0].detail == "nothing was reported for 11 s"
    progress.forget("in-0")
    progress.forget("in-0")
    assert failing(progress, 11) == []


@given(st.lists(st.tuples(st.floats(0, 9), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_who_reports_and_moves_in_time_never_fails(steps: list[tuple[float, int, int]]) -> None:
    progress, now, position = Progress(stall_s=10), 0.0, 0
    for pause, done, waiting in steps:
        now += pause
        assert failing(progress, now) == []
        position += done if waiting == 0 else max(done, 1)
        progress.record("in-0", position, position + waiting, now=now)


def test_readiness_needs_every_condition_and_liveness() -> None:
    health = Health(loop_lag_s=5)
    assert health.ready
    health.wait_for("tenants", "12 of 40 read")
    health.wait_for("kafka")
    assert [f"{f.check}: {f.detail}" for f in health.ready_failures(0)] == ["tenants: 12 of 40 read", "kafka: not yet"]
    assert health.live
    health.met("tenants")
    health.met("kafka")
    assert health.ready
    health.loop_was_late(5.5)
    assert not health.live
    assert not health.ready
    health.loop_was_late(0.1)
    assert health.live
    health.dead("producer", "fenced")
    assert [tuple(f) for f in health.live_failures(0)] == [("producer", "fenced")]


async def test_a_blocked_event_loop_is_noticed() -> None:
    health = Health(loop_lag_s=0.05)
    watch = asyncio.create_task(watch_loop(health, interval_s=0.01, window=1000))
    await asyncio.sleep(0.03)
    time.sleep(0.3)  # noqa: ASYNC251  the point of this test
    async with asyncio.timeout(5):
        while metrics.PROCESS.value(metrics.SERVICE_LOOP_LAG_MAX) < 0.2:  # noqa: ASYNC110  a gauge has no event
            await asyncio.sleep(0.005)
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


@pytest.fixture
async def admin() -> AsyncIterator[tuple[Health, Admin, aiohttp.ClientSession]]:
    health = Health(stall_s=10)
    server = Admin(health)
    port = await server.start()
    assert server.url == f"http://127.0.0.1:{port}"
    async with aiohttp.ClientSession(server.url) as session:
        yield health, server, session
    await server.stop()
    await server.stop()


async def get(session: aiohttp.ClientSession, path: str) -> tuple[int, str, Any]:
    async with session.get(path) as response:
        json = "json" in response.content_type
        return (
            response.status,
            response.content_type,
            await (response.json(content_type=None) if json else response.text()),
        )


async def test_a_healthy_service_says_ok(admin: tuple[Health, Admin, aiohttp.ClientSession]) -> None:
    _, _, session = admin
    for path in ("/live", "/ready"):
        assert await get(session, path) == (200, "application/json", {"status": "ok"})


async def test_a_failing_check_is_named(admin: tuple[Health, Admin, aiohttp.ClientSession]) -> None:
    health, _, session = admin
    health.wait_for("tenants", "still reading")
    status, kind, body = await get(session, "/ready")
    assert (status, kind) == (503, "application/problem+json")
    assert body["checks"] == [{"check": "tenants", "detail": "still reading"}]
    assert (body["title"], body["detail"], body["status"]) == ("not ready", "tenants: still reading", 503)
    assert (await get(session, "/live"))[0] == 200
    health.dead("producer", "fenced")
    status, _, body = await get(session, "/live")
    assert (status, body["title"]) == (503, "not live")


async def test_metrics_show_health_and_the_oldest_undone(admin: tuple[Health, Admin, aiohttp.ClientSession]) -> None:
    health, _, session = admin
    health.wait_for("tenants")
    health.progress.record("in-0", 1, 5, oldest_undone_s=2.5)
    status, kind, text = await get(session, "/metrics")
    assert (status, kind) == (200, "text/plain")
    assert "relevo_service_ready_state 0.0" in text
    assert "relevo_service_live_state 1.0" in text
    assert 'relevo_service_oldest_undone_seconds{partition="in-0"} 2.5' in text
    health.progress.forget("in-0")
    assert 'partition="in-0"' not in (await get(session, "/metrics"))[2]


async def test_a_taken_port_is_an_error(admin: tuple[Health, Admin, aiohttp.ClientSession]) -> None:
    _, server, _ = admin
    second = Admin(Health(), port=int(server.url.rsplit(":", 1)[1]))
    with pytest.raises(OSError, match="in use"):
        await second.start()
    await second.stop()


def test_a_starting_service_is_not_ready_before_it_has_said_what_it_waits_for() -> None:
    health = Health(starting=True)
    assert [(f.check, f.detail) for f in health.ready_failures(0)] == [("service", "is starting")]
    assert health.live
    health.wait_for("tenants", "reading the tenants")
    assert [f.check for f in health.ready_failures(0)] == ["tenants"]
    health.met("tenants")
    assert health.ready


def test_work_that_is_done_out_of_order_is_progress_though_the_position_stands() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 40, 2):
        progress.record("in-0", 5, 900, now, moves=min(now, 20), now=now)
        assert failing(progress, now) == (["partition in-0"] if now > 30 else [])


def test_a_position_that_is_exact_leaves_no_record_out() -> None:
    progress = Progress(stall_s=10)
    for now in range(0, 20, 2):
        progress.record("in-0", 7, 8, exact=True, now=now)
        progress.record("in-1", 8, 8, exact=True, now=now)
    assert failing(progress, 18) == ["partition in-0"]


def test_a_part_that_waits_and_makes_no_step_fails_and_heals() -> None:
    health = Health(stall_s=10)
    for now in range(0, 16, 2):
        health.steps.record("group", 3, "nobody lets it in", now=now)
        health.steps.record("turns", now, "events wait", now=now)
        health.steps.record("idle", 3, now=now)
    assert health.live_failures(14) == [("group", "nobody lets it in: no step for 14 s")]
    health.steps.record("group", 4, "nobody lets it in", now=15)
    assert health.live_failures(16) == []
    health.steps.record("group", 4, now=24)
    health.steps.record("group", 4, "again", now=25)
    health.steps.record("idle", 3, now=25)
    health.steps.record("turns", 20, now=25)
    assert health.live_failures(34) == []
    assert [failure.check for failure in health.live_failures(35.5)] == ["group", "idle", "turns"]


def test_a_part_of_which_nobody_reports_fails() -> None:
    health = Health(stall_s=10)
    health.steps.record("turns", 1, now=0)
    assert health.live_failures(11) == [("turns", "nothing was reported for 11 s")]
