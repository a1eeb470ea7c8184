"""A worker that falls silent fails liveness or ends, whatever part of it died; one that has nothing to do lives."""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from runtime.engine import Exit
from runtime.service import EXIT_TASK_FAILED
from sandbox.kafka.ports import free_ports
from tests.builders import nursery
from tests.builders.silent_worker import STRUCK
from tests.kafka.conftest import MakeTopic

pytestmark = pytest.mark.timeout(90)
SILENT = ("fetcher", "paused", "lane", "transactions")


class Worker:
    """The process, its log, and what `/live` says."""

    def __init__(self, bootstrap: str, sources: list[str], log: Path) -> None:
        self.log = log
        (self.port,) = free_ports(1)
        with log.open("wb") as file:
            order = nursery.Order("tests.builders.silent_worker", arguments=[str(self.port), bootstrap, *sources])
            self.process = nursery.start(order, os.environ, stdout=file.fileno(), stderr=file.fileno())

    def said(self, text: str) -> bool:
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        return text in self.log.read_text()

    def failing(self) -> set[str]:
        """Names of the checks that fail."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/live", timeout=5):
                return set()
        except urllib.error.HTTPError as answer:
            found: list[dict[str, Any]] = json.load(answer)["checks"]
            return {one["check"] for one in found}

    def done(self, topic: str) -> bool:
        """Whether nothing waits in the topic's partition, as the metrics say."""
        assert self.process.poll() is None, self.log.read_text()[-3000:]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                metrics = answer.read().decode()
        except urllib.error.URLError:
            return False  # it does not listen yet
        return f'lag_records{{group="{topic}",partition="0",topic="{topic}"}} 0.0' in metrics


def until(condition: Callable[[], object], what: str, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def feed(bootstrap: str, *topics: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    for topic in topics:
        producer.produce(topic, b"x")
    assert producer.flush(10) == 0


def abort(bootstrap: str, topic: str, times: int) -> None:
    """Records that nobody will ever read, at the end of the topic."""
    producer = Producer({"bootstrap.servers": bootstrap, "transactional.id": f"{topic}-aborted"})
    producer.init_transactions(30)
    for _ in range(times):
        producer.begin_transaction()
        producer.produce(topic, b"never")
        producer.flush(10)
        producer.abort_transaction(10)


@pytest.fixture
def sources(make_topic: MakeTopic) -> dict[str, str]:
    return {name: make_topic(name) for name in (*SILENT, "agent", "well", "thread")}


@pytest.fixture
def worker(broker: str, sources: dict[str, str], tmp_path: Path) -> Iterator[Worker]:
    worker = Worker(broker, list(sources.values()), tmp_path / "worker.log")
    yield worker
    worker.process.kill()
    worker.process.wait(10)


def test_what_falls_silent_fails_liveness_and_idle_partitions_do_not(
    broker: str, worker: Worker, sources: dict[str, str]
) -> None:
    """Faust's fetcher, a partition that is not fetched, a lane, the transaction thread; Faust mends its own agent. What
    waits is seen though nothing is fetched any more: Kafka is asked for the ends. At the end of the idle partition
    are a hundred offsets that are never delivered."""
    feed(broker, *sources.values())
    abort(broker, sources["well"], 50)
    until(lambda: all(map(worker.done, sources.values())), "all is done")
    worker.process.send_signal(signal.SIGUSR1)
    until(lambda: worker.said(STRUCK), "the faults")
    assert worker.failing() == set()
    feed(broker, *(sources[name] for name in (*SILENT, "agent")))
    expected = {f"partition {sources[name]}-0" for name in SILENT}
    until(lambda: worker.failing() >= expected, "each silence is seen")
    assert worker.failing() == expected
    worker.process.send_signal(signal.SIGUSR2)
    assert worker.process.wait(15) in (EXIT_TASK_FAILED, Exit.DRAIN), "the dead thread, or its neighbour's transactions"
    assert "a part of the service died" in worker.log.read_text()
