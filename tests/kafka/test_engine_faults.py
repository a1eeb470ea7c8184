"""The engine on a genuine Kafka, with worker processes: exactly once, whatever happens to a worker.

Every test with a fault asserts that the fault hit work in progress.
"""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.engine import Exit
from tests.engine_apps.scenario import Scenario, wait_until

MakeName = Callable[[str], str]


@pytest.fixture
def scenario(broker: str, topic_names: MakeName, tmp_path: Path) -> Iterator[Scenario]:
    with Scenario(broker, topic_names("engine"), tmp_path) as scenario:
        yield scenario


def test_a_run_without_faults_is_exact(scenario: Scenario) -> None:
    scenario.feed(8000)
    worker = scenario.worker().ready()
    scenario.drained()
    assert scenario.committed() == scenario.ends()
    assert worker.stop() == 0
    scenario.verify()


def test_three_kills_lose_and_double_nothing(scenario: Scenario) -> None:
    scenario.feed(12_000)
    for kill_at in (3, 5):
        worker = scenario.worker(kill_at=kill_at, pause_s=0.1)
        worker.said("stopping itself")
        assert worker.exit_code() == -signal.SIGKILL
        assert scenario.behind > 0
    worker = scenario.worker(pause_s=0.1).ready()
    before = sum(scenario.committed())
    wait_until(lambda: sum(scenario.committed()) > before, 20, "the third worker commits")
    worker.kill()
    assert scenario.behind > 0
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    scenario.verify()


@pytest.mark.parametrize("moment", ["stop_before", "stop_at"])
def test_a_worker_frozen_for_longer_than_its_session_is_refused(scenario: Scenario, moment: str) -> None:
    """Frozen before a transaction only the group's generation can refuse it; frozen in one, its time-out can, too."""
    with scenario.feeding(600):
        frozen = scenario.worker("a", **{moment: 12}).ready()
        other = scenario.worker("b").ready()
        frozen.said("stopping itself")
        wait_until(lambda: frozen.frozen, 5, "the worker is frozen")
        other.said("recovered 4 partitions")
        behind = scenario.committed()
        wait_until(lambda: all(now > then for now, then in zip(scenario.committed(), behind, strict=True)), 20, "")
        frozen.send(signal.SIGCONT)
        assert frozen.exit_code() == Exit.TRANSACTION
    assert "transaction refused" in frozen.text
    scenario.drained()
    assert other.stop() == 0
    scenario.verify()


def test_workers_that_join_and_leave_under_load_change_nothing(scenario: Scenario) -> None:
    with scenario.feeding(1000):
        first = scenario.worker("a").ready()
        second = scenario.worker("b").ready()
        first.said("recovered 2 partitions, 0 changelog records")
        assert second.stop() == 0
        third = scenario.worker("c").ready()
        wait_until(lambda: "recovered" in third.text, 20, "the third has partitions")
        assert scenario.behind > 0
        third.kill()
        first.said("recovered 4 partitions", 30)
    scenario.drained()
    assert first.stop() == 0
    scenario.verify()


def test_a_stop_under_load_ends_what_was_begun(scenario: Scenario) -> None:
    scenario.feed(6000)
    worker = scenario.worker(pause_s=0.1).ready()
    wait_until(lambda: sum(scenario.committed()) > 0, 20, "the worker commits")
    assert worker.stop() == 0
    assert scenario.behind > 0
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    scenario.verify()
