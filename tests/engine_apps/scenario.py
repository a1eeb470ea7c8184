"""A scenario for the engine's tests: topics, events with duplicates, workers as processes, and the reckoning."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.kafka.fetch import passing
from tests.engine_apps.dedupe import Plan

PARTITIONS = 4
ROOT = Path(__file__).parents[2]


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> None:
    """Until `condition()` is true; AssertionError with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.02)


class WorkerProcess:
    """A worker program. Its log is in `path`."""

    def __init__(self, plan: Plan, path: Path, module: str) -> None:
        self.plan = plan
        self.path = path
        with path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", module, json.dumps(asdict(plan))],
                cwd=ROOT,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def text(self) -> str:
        return self.path.read_text(errors="replace")

    def said(self, text: str, seconds: float = 30) -> None:
        """Wait until the log contains `text`."""
        wait_until(lambda: text in self.text or self.ended, seconds, f"{text!r} in\n{self.text[-2000:]}")
        assert text in self.text, self.text[-3000:]

    @property
    def ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def frozen(self) -> bool:
        stat = Path(f"/proc/{self.process.pid}/stat").read_text()
        return stat.rsplit(")", 1)[1].split()[0] == "T"

    def ready(self) -> Self:
        self.said("worker ready")
        return self

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def exit_code(self, seconds: float = 20) -> int:
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still alive after {seconds:g} s:\n{self.text[-2000:]}") from None

    def stop(self, seconds: float = 20) -> int:
        self.send(signal.SIGTERM)
        return self.exit_code(seconds)


@dataclass
class Scenario:
    bootstrap: str
    name: str
    folder: Path
    keys: int = 300
    module: str = "tests.engine_apps.dedupe"
    expected: Counter[bytes] = field(default_factory=Counter)
    workers: list[WorkerProcess] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self.source, self.output = f"{self.name}-source", f"{self.name}-output"
        self.changelog = f"{self.name}-changelog"
        self.random = random.Random(3)
        self.producer = Producer({**self.connection, "partitioner": "murmur2_random", "linger.ms": 5})
        # A read_committed client would wait for transactions that a dead worker left open.
        asking = {"group.id": self.name, "isolation.level": "read_uncommitted", "enable.auto.commit": False}
        self.client = Consumer({**self.connection, **asking})
        topics = [NewTopic(name, PARTITIONS, 1) for name in (self.source, self.output)]
        topics.append(NewTopic(self.changelog, PARTITIONS, 1, config={"cleanup.policy": "compact"}))
        admin = AdminClient(self.connection)
        for future in admin.create_topics(topics).values():
            future.result(30)

    @property
    def connection(self) -> dict[str, Any]:
        return {"bootstrap.servers": self.bootstrap}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if not worker.ended:
                worker.kill()
        self.client.close()

    # Input

    def feed(self, events: int) -> None:
        """Unique events over random keys; every tenth is sent twice."""
        for _ in range(events):
            self.put()
        assert self.producer.flush(30) == 0

    def put(self) -> None:
        key = b"k%05d" % self.random.randrange(self.keys)
        self.send(key, f"e{self.events}")
        if self.events % 10 == 0:
            self.send(key, f"e{self.events}")
        self.expected[key] += 1
        self.events += 1

    def send(self, key: bytes, event: str, producer: Producer | None = None) -> None:
        value = event.encode() + b" " + b"v" * 300
        (producer or self.producer).produce(self.source, value, key, headers=[("event", event.encode())])

    def feeding(self, per_second: int) -> "Feeding":
        return Feeding(self, per_second)

    # Workers

    def worker(self, instance: str = "0", **options: Any) -> WorkerProcess:
        plan = Plan(
            bootstrap=self.bootstrap,
            app_id=self.name,
            source=self.source,
            output=self.output,
            changelog=self.changelog,
            instance=instance,
            **options,
        )
        path = self.folder / f"worker-{len(self.workers)}.log"
        self.workers.append(WorkerProcess(plan, path, self.module))
        return self.workers[-1]

    # Reckoning

    def ends(self) -> list[int]:
        return [
            self.client.get_watermark_offsets(TopicPartition(self.source, number), timeout=10)[1]
            for number in range(PARTITIONS)
        ]

    def committed(self) -> list[int]:
        """Of each partition. A broker that has just started may need a moment to answer."""
        asked = [TopicPartition(self.source, number) for number in range(PARTITIONS)]
        for _ in range(50):
            try:
                return [max(tp.offset, 0) for tp in self.client.committed(asked, timeout=10)]
            except KafkaException as error:
                if not passing(error.args[0]):
                    raise
                time.sleep(0.1)
        raise AssertionError("no answer about committed offsets")

    @property
    def behind(self) -> int:
        """Offsets that are not committed; at least 0 also while both grow."""
        committed = sum(self.committed())
        return sum(self.ends()) - committed

    def drained(self, seconds: float = 40, control_records: int = 0) -> None:
        """Wait until everything is committed, but for `control_records` at the ends."""
        wait_until(lambda: self.behind <= control_records, seconds, "the source is drained")

    def read(self, topic: str) -> Iterator[Message]:
        """All committed records."""
        options = {"group.id": f"{self.name}-reader", "enable.partition.eof": True, "auto.offset.reset": "earliest"}
        reader = Consumer({**self.connection, **options, "isolation.level": "read_committed"})
        reader.assign([TopicPartition(topic, number, 0) for number in range(PARTITIONS)])
        ended: set[int | None] = set()
        while len(ended) < PARTITIONS:
            for message in reader.consume(2000, 0.2):
                error = message.error()
                if error is None:
                    yield message
                elif error.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                else:
                    raise KafkaException(error)
        reader.close()

    def state(self) -> dict[bytes, dict[str, Any]]:
        """The table as a recovery would read it."""
        state: dict[bytes, Any] = {}
        for message in self.read(self.changelog):
            key, value = message.key(), message.value()
            assert key is not None
            if value is None:
                state.pop(key, None)
            else:
                state[key] = json.loads(value)
        return state

    def verify(self) -> None:
        """Nothing lost, nothing doubled, order and headers kept, and the table fits the outputs."""
        counts: Counter[bytes] = Counter()
        events: Counter[str] = Counter()
        for message in self.read(self.output):
            key, value, headers = message.key(), message.value(), dict(message.headers() or [])
            assert key is not None
            assert value is not None
            event = value[: value.index(b" ")]
            counts[key] += 1
            events[event.decode()] += 1
            assert headers == {"event": event, "count": b"%d" % counts[key]}
        lost = self.events - len(events)
        doubled = sum(events.values()) - len(events)
        states = {key: state["count"] for key, state in self.state().items()}
        wrong = sum(1 for key, count in self.expected.items() if states.get(key) != count)
        assert (lost, doubled, wrong) == (0, 0, 0), (lost, doubled, wrong)
        assert counts == self.expected


class Feeding:
    """`with scenario.feeding(1000):` feeds from a thread meanwhile."""

    def __init__(self, scenario: Scenario, per_second: int) -> None:
        self._scenario = scenario
        self._per_tick = per_second // 20
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def _feed(self) -> None:
        while not self._over.wait(0.05):
            for _ in range(self._per_tick):
                self._scenario.put()
            self._scenario.producer.poll(0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self._scenario.producer.flush(30) == 0
