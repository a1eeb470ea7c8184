"""An event handler on a genuine Kafka: records finish out of order, and still each counts once."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engine_apps.scenario import Scenario, wait_until


@pytest.fixture
def scenario(broker: str, topic_names: Callable[[str], str], tmp_path: Path) -> Iterator[Scenario]:
    module = "tests.engine_apps.agents"
    with Scenario(broker, topic_names("agents"), tmp_path, module=module) as scenario:
        yield scenario


def test_a_kill_and_a_handover_in_the_middle_of_events_change_nothing(scenario: Scenario) -> None:
    scenario.feed(4000)
    worker = scenario.worker("a", kill_at=30)
    worker.said("stopping itself")
    assert worker.exit_code() == -signal.SIGKILL
    assert scenario.behind > 0

    with scenario.feeding(300):
        first = scenario.worker("a", pause_s=0.05).ready()
        second = scenario.worker("b", pause_s=0.05).ready()
        first.said("recovered 2 partitions")
        before = scenario.committed()
        wait_until(lambda: all(a > b for a, b in zip(scenario.committed(), before, strict=True)), 20, "both work")
    scenario.drained()
    assert (first.stop(), second.stop()) == (0, 0)
    scenario.verify()
