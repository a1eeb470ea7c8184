"""A scenario for the engine's tests: topics, events with duplicates, workers as processes, and the reckoning."""

import contextlib
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from runtime.kafka import config
from runtime.kafka.fetch import passing
from runtime.kafka.offsets import end_offsets
from runtime.settings import KafkaSettings
from tests.engine_apps.dedupe import Plan
from tests.engine_apps.reckoning import EXACT, Reckoning, State, Verdict, table
from tests.engine_apps.worker import WorkerProcess, wait_until

__all__ = ["PARTITIONS", "Scenario", "WorkerProcess", "wait_until"]

PARTITIONS = 4


def answered(client: Consumer, call: Callable[..., Any], asked: object, seconds: float = 60) -> Any:
    """What a client's call says. A broker that has just started, or leads only now, may need a moment."""
    end = time.monotonic() + seconds
    while True:
        try:
            return call(asked, timeout=10)
        except KafkaException as error:
            unknown = error.args[0].code() == KafkaError._UNKNOWN_PARTITION
            if not (unknown or passing(error.args[0])) or time.monotonic() > end:
                raise
            time.sleep(0.1)
            with contextlib.suppress(KafkaException):
                client.list_topics(timeout=5)  # what it knows of leaders may be of the time before


@dataclass
class Scenario:
    """`kafka` is how the scenario itself gets in, `environment` how its workers do; both as `bootstrap` says if left
    out. `replicas` of all topics; `compaction` are settings of the changelog."""

    bootstrap: str
    name: str
    folder: Path
    keys: int = 300
    module: str = "tests.engine_apps.dedupe"
    ring: int = 0
    replicas: int = 1
    compaction: Mapping[str, str] = field(default_factory=dict)
    kafka: KafkaSettings | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    expected: Counter[bytes] = field(default_factory=Counter)
    workers: list[WorkerProcess] = field(default_factory=list)
    events: int = 0

    def __post_init__(self) -> None:
        self.source, self.output = f"{self.name}-source", f"{self.name}-output"
        self.changelog = f"{self.name}-changelog"
        self.random = random.Random(3)
        self.recent: deque[tuple[bytes, str]] = deque(maxlen=500)
        self.settings = self.kafka or KafkaSettings(bootstrap=self.bootstrap)
        feeding = {"partitioner": "murmur2_random", "linger.ms": 5, "enable.idempotence": True}
        self.producer = Producer({**self.connection, **feeding})
        # A read_committed client would wait for transactions that a dead worker left open.
        asking = {"group.id": self.name, "isolation.level": "read_uncommitted", "enable.auto.commit": False}
        self.client = Consumer({**self.connection, **asking})
        self.admin = AdminClient(config.admin(self.settings))
        topics = [NewTopic(name, PARTITIONS, self.replicas) for name in (self.source, self.output)]
        kept = {"cleanup.policy": "compact", **self.compaction}
        topics.append(NewTopic(self.changelog, PARTITIONS, self.replicas, config=kept))
        for future in self.admin.create_topics(topics).values():
            future.result(30)

    @property
    def connection(self) -> dict[str, Any]:
        return config.librdkafka(self.settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self.workers:
            if not worker.ended:
                worker.kill()
        self.client.close()

    # Input

    def feed(self, events: int) -> None:
        """Unique events over random keys; with every tenth one of the last some hundred is sent again."""
        for _ in range(events):
            self.put()
        assert self.producer.flush(30) == 0

    def put(self) -> None:
        key, event = b"k%05d" % self.random.randrange(self.keys), f"e{self.events}"
        self.send(key, event)
        self.recent.append((key, event))
        if self.events % 10 == 0:
            self.send(*self.random.choice(self.recent))
        self.expected[key] += 1
        self.events += 1

    def send(self, key: bytes, event: str, producer: Producer | None = None) -> None:
        value = event.encode() + b" " + b"v" * 300
        (producer or self.producer).produce(self.source, value, key, headers=[("event", event.encode())])

    def feeding(self, per_second: float) -> "Feeding":
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
            ring=self.ring,
            **options,
        )
        path = self.folder / f"worker-{len(self.workers)}.log"
        self.workers.append(WorkerProcess(plan, path, self.module, self.environment))
        return self.workers[-1]

    # Reckoning

    def ends(self) -> list[int]:
        """Of each partition of the source."""
        places = [TopicPartition(self.source, number) for number in range(PARTITIONS)]
        return [answered(self.client, self.client.get_watermark_offsets, place)[1] for place in places]

    def committed(self) -> list[int]:
        """Of each partition."""
        asked = [TopicPartition(self.source, number) for number in range(PARTITIONS)]
        return [max(place.offset, 0) for place in answered(self.client, self.client.committed, asked)]

    @property
    def behind(self) -> int:
        """Offsets that are not committed; at least 0 also while both grow."""
        committed = sum(self.committed())
        return sum(self.ends()) - committed

    @property
    def transaction_open(self) -> bool:
        """Records of a transaction stand in the changelog or the output, and whether they count is not decided."""
        places = [(topic, number) for topic in (self.changelog, self.output) for number in range(PARTITIONS)]
        decided = end_offsets(self.settings, places, committed=True)
        return decided != end_offsets(self.settings, places)

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

    def state(self) -> dict[bytes, State]:
        """The table, by an independent reading of the changelog."""
        return table(self.read(self.changelog))

    def verdict(self) -> Verdict:
        """What Kafka holds, against a reckoning from the source alone."""
        reckoning = Reckoning(self.read(self.source), self.ring)
        fed = {key: len(entries) for key, entries in reckoning.outputs.items()}
        assert fed == self.expected, "the source is not what was fed"
        self.duplicates = reckoning.duplicates
        return reckoning.judge(self.read(self.output), self.state())

    def verify(self) -> None:
        """Nothing lost, nothing doubled, order and headers kept, and the table fits the outputs."""
        verdict = self.verdict()
        assert verdict == EXACT, verdict


class Feeding:
    """`with scenario.feeding(1000):` feeds from a thread meanwhile."""

    def __init__(self, scenario: Scenario, per_second: float) -> None:
        self._scenario = scenario
        self._per_second = per_second
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._feed)

    def _feed(self) -> None:
        began, fed = time.monotonic(), 0
        while not self._over.wait(0.05):
            due = int((time.monotonic() - began) * self._per_second)
            for _ in range(fed, due):
                self._scenario.put()
            fed = due
            self._scenario.producer.poll(0)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        assert self._scenario.producer.flush(30) == 0
