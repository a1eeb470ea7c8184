"""The engine and what its topics may hold: aborted transactions, tombstones, nothing at all, a broker that is away."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from runtime.engine import Chunk, Effects, Engine, EngineSettings, Exit, TableView, TopicsMismatch
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from tests.engine_apps.scenario import PARTITIONS, Scenario, wait_until

MakeName = Callable[[str], str]


@pytest.fixture
def scenario(broker: str, topic_names: MakeName, tmp_path: Path) -> Iterator[Scenario]:
    with Scenario(broker, topic_names("engine"), tmp_path) as scenario:
        yield scenario


def test_aborted_transactions_in_the_source_are_not_seen(scenario: Scenario) -> None:
    producer = Producer({**scenario.connection, "transactional.id": scenario.name, "partitioner": "murmur2_random"})
    producer.init_transactions(30)
    for round_number in range(6):
        producer.begin_transaction()
        for number in range(100):
            key = b"k%05d" % number
            if round_number % 2:
                scenario.send(key, f"aborted{round_number}-{number}", producer)
            else:
                scenario.send(key, f"e{scenario.events}", producer)
                scenario.expected[key] += 1
                scenario.events += 1
        producer.flush(10)
        producer.abort_transaction(10) if round_number % 2 else producer.commit_transaction(10)
    # The last record of a partition is a marker, and before it lie aborted records: neither is ever delivered.
    worker = scenario.worker().ready()
    wait_until(lambda: sum(scenario.committed()) > 0, 20, "the worker commits")
    aborted_tail = 100 + 2 * PARTITIONS
    scenario.drained(control_records=aborted_tail)
    assert worker.stop() == 0
    scenario.verify()


def test_tombstones_remove_keys_also_from_a_recovered_table(scenario: Scenario) -> None:
    scenario.feed(1000)
    forgotten = sorted(scenario.expected)[:100]
    for key in forgotten:
        scenario.send(key, "forget")
    assert scenario.producer.flush(10) == 0
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    left = len(scenario.expected) - len(forgotten)
    assert f"stopping: keys={left} " in worker.text
    assert set(scenario.state()) == set(scenario.expected) - set(forgotten)

    worker = scenario.worker().ready()
    worker.said(f"worker ready: keys={left}")
    worker.stop()


def test_housekeeping_empties_the_table_while_events_flow(scenario: Scenario) -> None:
    scenario.feed(500)
    worker = scenario.worker(expire_s=0.05).ready()
    scenario.drained()
    wait_until(lambda: not scenario.state(), 20, "all keys are tombstones")
    assert worker.stop() == 0
    assert "stopping: keys=0 " in worker.text
    assert scenario.committed() == scenario.ends()


def test_a_changelog_that_cannot_be_read_to_its_end_ends_the_worker_instead_of_half_a_table(scenario: Scenario) -> None:
    """A transaction that nobody ends, as a killed single broker may leave one behind, see docs/engine.md."""
    scenario.feed(500)
    worker = scenario.worker().ready()
    scenario.drained()
    assert worker.stop() == 0
    options = {"transactional.id": f"{scenario.name}-hanging", "transaction.timeout.ms": 600_000}
    hanging = Producer({**scenario.connection, **options})
    hanging.init_transactions(30)
    hanging.begin_transaction()
    hanging.produce(scenario.changelog, b"{}", b"k00001", partition=0)
    assert hanging.flush(10) == 0
    worker = scenario.worker(stall_s=2.0)
    assert worker.exit_code(40) == Exit.RECOVERY
    assert "the changelog does not move" in worker.text
    assert "worker ready" not in worker.text

    hanging.abort_transaction(10)
    worker = scenario.worker().ready()
    scenario.feed(100)
    scenario.drained()
    assert worker.stop() == 0
    scenario.verify()


def test_a_stop_while_the_broker_does_not_answer_ends_in_time_and_loses_nothing(tmp_path: Path) -> None:
    """Frozen rather than killed: a killed single broker may forget markers of a commit, see docs/engine.md."""
    with Broker() as own, Scenario(own.bootstrap, "away", tmp_path) as scenario:
        scenario.feed(3000)
        worker = scenario.worker(pause_s=0.1, stop_s=5.0).ready()
        wait_until(lambda: sum(scenario.committed()) > 0, 20, "the worker commits")
        own.pause()
        assert worker.stop(12) in (Exit.STOP, Exit.DRAIN, Exit.TRANSACTION)
        own.resume()
        assert scenario.behind > 0
        worker = scenario.worker().ready()
        scenario.drained()
        assert worker.stop() == 0
        scenario.verify()


async def test_an_engine_lives_in_a_loop_of_others_and_can_be_started_again(scenario: Scenario) -> None:
    seen: list[bytes | None] = []

    async def handle(chunk: Chunk, table: TableView) -> Effects:
        seen.extend(record.value for record in chunk)
        return Effects(outputs=[Record(scenario.output, b"out", b"key", [("h", b"1")])])

    for round_number in (1, 2):
        engine = Engine(
            app_id=scenario.name,
            source=scenario.source,
            changelog=None,
            kafka=KafkaSettings(bootstrap=scenario.bootstrap),
            handler=handle,
            settings=EngineSettings(session_s=6, heartbeat_s=1, rebalance_s=10),
        )
        await asyncio.wait_for(engine.start(), 20)
        await asyncio.wait_for(engine.wait_ready(), 20)
        scenario.send(b"key", "hello")
        scenario.producer.flush(5)
        await asyncio.to_thread(wait_until, lambda: len(seen) == round_number, 20, "the event is handled")  # noqa: B023
        await engine.stop()
    assert len(seen) == 2
    assert len(list(scenario.read(scenario.output))) == 2


async def test_a_missing_topic_stops_the_start(scenario: Scenario) -> None:
    async def handle(chunk: Chunk, table: TableView) -> Effects:
        return Effects()

    engine = Engine(
        app_id=scenario.name,
        source=scenario.source,
        changelog="no-such-topic",
        kafka=KafkaSettings(bootstrap=scenario.bootstrap),
        handler=handle,
    )
    with pytest.raises(TopicsMismatch, match="no-such-topic"):
        await engine.start()
