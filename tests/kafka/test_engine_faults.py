"""The engine on a genuine Kafka, with worker processes: exactly once, whatever happens to a worker.

What `test_engine_storm` has not. Every test with a fault asserts that the fault hit work in progress.
"""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runtime.engine import Exit
from tests.engine_apps.scenario import PARTITIONS, Scenario, wait_until

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


def test_a_worker_frozen_before_a_transaction_is_refused_by_the_groups_generation_alone(scenario: Scenario) -> None:
    """Nothing of it is open that could time out, and the works that it holds are those of the past."""
    with scenario.feeding(300):
        other = scenario.worker("b").ready()
        frozen = scenario.worker("a", stop_before=12).froze()
        other.takes_over(PARTITIONS)
        behind = scenario.committed()
        wait_until(lambda: all(now > then for now, then in zip(scenario.committed(), behind, strict=True)), 20, "")
        frozen.send(signal.SIGCONT)
        assert frozen.exit_code() == Exit.TRANSACTION
    assert "transaction refused" in frozen.text
    scenario.drained()
    assert other.stop() == 0
    scenario.verify()


def test_a_commit_that_comes_late_is_waited_for(scenario: Scenario) -> None:
    """Its offsets were taken while it was a member, so it will count, whoever has the partitions by then."""
    patient = {"transaction_s": 60.0}
    with scenario.feeding(300):
        other = scenario.worker("b", **patient).ready()
        frozen = scenario.worker("a", stop_at=12, **patient).froze()
        assert scenario.transaction_open
        other.said("waiting for stable offsets")
        committed = scenario.committed()
        frozen.send(signal.SIGCONT)
        wait_until(lambda: all(now > then for now, then in zip(scenario.committed(), committed, strict=True)), 40, "")
    scenario.drained(60)
    assert other.stop() == 0
    assert frozen.ended or frozen.stop() == 0
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
