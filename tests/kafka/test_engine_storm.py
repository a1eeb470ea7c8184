"""One stream through every fault: six kills, workers that come and go, one that is frozen, a broker that is away.

A tenth of the input are duplicates. Each fault hits work in progress, and says so. What Kafka holds at the end is
judged by a reckoning from the source alone, and once more after the log cleaner has been through the changelog and a
fresh worker has gone on from what it left.
"""

import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType  # type: ignore[attr-defined]

from runtime.engine import Exit
from runtime.kafka.reader import BEGINNING, read_partition
from sandbox.kafka import Broker
from tests.engine_apps.scenario import PARTITIONS, Scenario, wait_until

BACKLOG, PER_SECOND = 5_000, 150
SLOW: dict[str, Any] = {"pause_s": 0.05}
AWAY_S = 20.0
EAGER = {
    "segment.ms": "300",
    "min.cleanable.dirty.ratio": "0.0",
    "max.compaction.lag.ms": "500",
    "delete.retention.ms": "100",
}


@pytest.fixture
def own() -> Iterator[Broker]:
    with Broker(properties={"log.cleaner.backoff.ms": 200}) as broker:
        yield broker


@pytest.mark.timeout(400)
@pytest.mark.long
def test_one_stream_through_all_faults_is_exact_also_after_the_cleaner_ran(own: Broker, tmp_path: Path) -> None:
    with Scenario(own.bootstrap, "storm", tmp_path) as scenario:
        scenario.feed(BACKLOG)
        with scenario.feeding(PER_SECOND):
            two_die_just_before_a_commit(scenario)
            two_die_in_the_middle_of_a_chunk(scenario)
            three_come_and_go_and_two_die(scenario)
            one_is_frozen_for_longer_than_its_session(scenario)
            a_broker_is_away(scenario, own.kill, own.start, AWAY_S)
            a_broker_is_away(scenario, own.pause, own.resume)
        a_last_one_finishes(scenario)
        a_fresh_one_goes_on_from_what_the_cleaner_left(scenario)


def two_die_just_before_a_commit(scenario: Scenario) -> None:
    """The first leaves a changelog that holds nothing but an aborted transaction."""
    for kill_at in (1, 4):
        scenario.worker(kill_at=kill_at, **SLOW).killed_itself()
        assert scenario.transaction_open
        assert scenario.behind > 0


def two_die_in_the_middle_of_a_chunk(scenario: Scenario) -> None:
    for kill_in in (3, 6):
        worker = scenario.worker(kill_in=kill_in).killed_itself()
        assert "in the middle of a chunk" in worker.text
        assert scenario.behind > 0


def three_come_and_go_and_two_die(scenario: Scenario) -> None:
    first, second = scenario.worker("a", **SLOW).ready(), scenario.worker("b", **SLOW).ready()
    third = scenario.worker("c", kill_at=20, **SLOW)
    third.killed_itself()
    assert third.recovered
    assert scenario.transaction_open
    assert scenario.behind > 0
    assert second.stop() == 0
    third = scenario.worker("c", **SLOW).ready()
    wait_until(lambda: third.recovered[-1:] == [2], 20, "the third has its share")
    moves(scenario)
    wait_until(lambda: scenario.behind > 0, 10, "there is work in progress")
    third.kill()
    first.takes_over(PARTITIONS)
    assert scenario.behind > 0
    assert first.stop() == 0


def one_is_frozen_for_longer_than_its_session(scenario: Scenario) -> None:
    """Frozen in a transaction that holds all but its commit. While it sleeps, another takes over and works."""
    other = scenario.worker("b", **SLOW).ready()
    frozen = scenario.worker("a", stop_at=12, **SLOW).froze()
    assert scenario.transaction_open
    other.takes_over(PARTITIONS)
    moves(scenario)
    assert scenario.behind > 0
    frozen.send(signal.SIGCONT)
    assert frozen.exit_code() == Exit.TRANSACTION
    assert "transaction refused" in frozen.text
    assert other.stop() == 0


def a_broker_is_away(
    scenario: Scenario, away: Callable[[], None], back: Callable[[], None], seconds: float = 0.0
) -> None:
    """So long, and until both workers have given up. They are held in a transaction until it is gone: it hits all that
    a single broker can be hit in, see docs/engine.md. They count once each has its share: who froze before the other
    was there would be waited for until its transaction is aborted, and the broker be killed in the middle of that."""
    share = PARTITIONS // 2
    workers = [scenario.worker(name, stop_at=6, counts_with=share, **SLOW) for name in ("a", "b")]
    for worker in workers:
        worker.froze()
    assert scenario.transaction_open
    assert scenario.behind > 0
    away()
    gone = time.monotonic()
    for worker in workers:
        worker.send(signal.SIGCONT)
    assert [worker.exit_code(30) for worker in workers] == [Exit.TRANSACTION, Exit.TRANSACTION]
    time.sleep(max(gone + seconds - time.monotonic(), 0))
    back()


def a_last_one_finishes(scenario: Scenario) -> None:
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    assert scenario.committed() == scenario.ends()
    scenario.verify()
    assert scenario.duplicates >= scenario.events // 10


def a_fresh_one_goes_on_from_what_the_cleaner_left(scenario: Scenario) -> None:
    before = standing(scenario)
    clean_eagerly(scenario)
    worker = scenario.worker().ready()
    wait_until(lambda: cleaned(scenario, before), 40, "the cleaner has removed records of every partition")
    scenario.drained()
    assert worker.stop() == 0
    scenario.verify()

    fresh = scenario.worker().ready()
    assert f"worker ready: keys={len(scenario.expected)}" in fresh.text
    for key, event in scenario.recent:
        scenario.send(key, event)
    scenario.feed(200)
    scenario.drained()
    assert fresh.stop() == 0
    assert scenario.committed() == scenario.ends()
    scenario.verify()


def moves(scenario: Scenario) -> None:
    """Something of every partition is committed from now on."""
    then = scenario.committed()
    wait_until(lambda: all(a > b for a, b in zip(scenario.committed(), then, strict=True)), 20, "all move")


def clean_eagerly(scenario: Scenario) -> None:
    entries = [ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in EAGER.items()]
    topic = ConfigResource(ResourceType.TOPIC, scenario.changelog, incremental_configs=entries)
    for answer in scenario.admin.incremental_alter_configs([topic]).values():
        answer.result(10)


def standing(scenario: Scenario) -> list[set[int]]:
    """The offsets at which records stand in each partition of the changelog, those of aborted transactions too."""
    return [
        {
            message.offset() or 0
            for message in read_partition(
                scenario.settings, scenario.changelog, number, BEGINNING, isolation="read_uncommitted"
            )
        }
        for number in range(PARTITIONS)
    ]


def cleaned(scenario: Scenario, before: list[set[int]]) -> bool:
    """Whether most of what stood is gone. Writes go on meanwhile, since the newest segment is never cleaned."""
    scenario.feed(40)
    left = [len(now & then) / len(then) for now, then in zip(standing(scenario), before, strict=True)]
    return max(left) < 0.3
