"""The engine on three brokers, every topic on all of them: the one that it leans on most is killed.

While a transaction is open; the broker coordinates it, and leads a part of the changelog.
"""

import signal
from collections.abc import Iterator
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
            worker = goes_on(scenario, worker, victim)
        scenario.drained(60)
        assert worker.stop() == 0
        assert scenario.committed() == scenario.ends()
        scenario.verify()


def goes_on(scenario: Scenario, worker: WorkerProcess, victim: int) -> WorkerProcess:
    """Other brokers lead, and what comes is committed: by this worker, or by the next if it could not wait so long."""
    wait_until(lambda: victim not in leaders(scenario, scenario.changelog).values(), 30, "others lead")
    before = scenario.committed()
    while not all(now > then for now, then in zip(scenario.committed(), before, strict=True)):
        if worker.ended:
            assert worker.exit_code() in (Exit.TRANSACTION, Exit.RECOVERY)
            worker = scenario.worker(worker.plan.instance, pause_s=SLOW)
    return worker


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
