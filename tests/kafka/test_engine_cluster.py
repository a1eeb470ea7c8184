"""The engine on three brokers, every topic on all of them: the one that it leans on most is killed.

While a transaction is open; the broker coordinates it, and leads a part of the changelog.
"""

import signal
import time
from collections.abc import Callable, Iterator
from operator import gt
from pathlib import Path

import pytest

from runtime.engine import Exit
from sandbox.kafka import Cluster
from tests.engine_apps.scenario import Scenario, WorkerProcess, wait_until

SLOW = 0.05
TRANSACTIONS = "__transaction_state"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with Cluster() as cluster:
        yield cluster


@pytest.mark.timeout(300)
def test_a_killed_broker_changes_nothing(cluster: Cluster, tmp_path: Path) -> None:
    with Scenario(cluster.bootstrap, "cluster", tmp_path, replicas=3) as scenario:
        scenario.feed(3_000)
        with scenario.feeding(150):
            worker = scenario.worker("a", stop_at=8, pause_s=SLOW).froze()
            victim = coordinator(scenario, worker)
            assert victim in leaders(scenario, scenario.changelog).values()
            assert scenario.transaction_open
            assert scenario.behind > 0
            cluster.brokers[victim].kill()
            worker.send(signal.SIGCONT)
            wait_until(lambda: victim not in leaders(scenario, scenario.changelog).values(), 30, "others lead")
            before = scenario.committed()
            worker = kept_up(scenario, worker, lambda: all(map(gt, scenario.committed(), before)))
        worker = kept_up(scenario, worker, lambda: scenario.behind == 0)
        assert worker.stop() == 0
        assert scenario.committed() == scenario.ends()
        scenario.verify()


def kept_up(scenario: Scenario, worker: WorkerProcess, until: Callable[[], bool]) -> WorkerProcess:
    """Start a worker that could not wait until others led again, and whose transaction failed, once more."""
    end = time.monotonic() + 120
    while not until():
        assert time.monotonic() < end, worker.text[-3000:]
        if worker.ended:
            assert worker.exit_code() in (Exit.TRANSACTION, Exit.RECOVERY), worker.text[-3000:]
            worker = scenario.worker(worker.plan.instance, pause_s=SLOW)
        time.sleep(0.05)
    return worker.ready()


def leaders(scenario: Scenario, topic: str) -> dict[int, int]:
    """The broker that leads, by partition."""
    partitions = scenario.admin.list_topics(topic, timeout=10).topics[topic].partitions
    return {number: partition.leader for number, partition in partitions.items()}


def coordinator(scenario: Scenario, worker: WorkerProcess) -> int:
    """The broker that decides on the worker's transactions."""
    places = leaders(scenario, TRANSACTIONS)
    return places[java_hash(f"{worker.plan.app_id}-{worker.plan.instance}") % len(places)]


def java_hash(text: str) -> int:
    """Of a string, without its sign, as Kafka picks a partition of its transaction log."""
    number = 0
    for character in text:
        number = (31 * number + ord(character)) & 0xFFFF_FFFF
    return number & 0x7FFF_FFFF
