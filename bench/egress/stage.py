"""The stage: the servers and the two programs as processes, and how their work is timed.

Each program is given a few messages and frozen once it has sent them. In its turn it gets its whole backlog while it
is still frozen; its CPU time is read just before it goes on and as soon as the last outcome is on record (of the bare
loop: the last offset is committed).
"""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Self

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from bench import cpu
from bench.cluster import PARTITIONS, Cluster
from bench.egress import reference, server, traffic
from bench.processes import READY_S, WORK_S, Measured, ProcessFailed, environment
from egress.lines.process.owner import GROUP
from runtime.kafka import config
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.kafka.process import Child
from schemas import topics
from schemas.outcome import Outcome
from schemas.record import decode

SOURCE = "bench.egress.reference"
_TAIL = 3000
_POLL_S = 0.02
_QUIET_S, _QUIET = 0.5, 0.02
# A frozen member must stay one, and a transaction that is frozen too must not be aborted.
SERVICE = {
    "RELEVO_EGRESS_TRANSACTION_TIMEOUT_S": "60",
    "RELEVO_EGRESS_SESSION_TIMEOUT_S": "250",
    "RELEVO_EGRESS_REBALANCE_TIMEOUT_S": "260",
    "RELEVO_EGRESS_DOUBT_SHORTEST_S": "600",
    "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
}


class Server:
    """A server of `bench.egress.server`, for as long as it is entered."""

    def __init__(self, folder: Path, name: str, cores: cpu.Cores) -> None:
        self._kept, self._log = folder / f"{name}.bodies", folder / f"{name}.port"
        self._cores, self._read = cores, 0

    def __enter__(self) -> Self:
        with cpu.on(self._cores):
            self._child = Child((sys.executable, "-m", "bench.egress.server", str(self._kept)), self._log)
        _until(lambda: self._log.read_text().endswith("\n"), READY_S, self._log.read_text)
        self.address = f"http://127.0.0.1:{int(self._log.read_text())}"
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()

    def calls(self) -> list[bytes]:
        """The bodies that came since this was asked last."""
        new = list(server.bodies(self._kept, self._read))
        self._read = new[-1][1] if new else self._read
        return [body for body, _ in new]


class Outcomes:
    """Reads `outcomes` as it grows."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._client = Consumer(config.consumer(kafka, "bench-outcomes"))
        self._client.assign([TopicPartition(topics.OUTCOMES.name, number, 0) for number in range(PARTITIONS)])
        self._new: list[Outcome] = []

    def await_all(self, messages: Collection[str], check: Callable[[], None], seconds: float) -> None:
        """Until what became of each of these messages is said; `check` raises when that will not happen."""
        left, deadline = set(messages), time.monotonic() + seconds
        while left:
            self._poll(left)
            check()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"of {len(messages)} messages {len(left)} have no outcome after {seconds:g} s")

    def _poll(self, left: set[str]) -> None:
        for message in self._client.consume(500, _POLL_S):
            if message.error() is None:
                value = message.value()
                outcome = decode(value if isinstance(value, bytes) else None, Outcome)
                self._new.append(outcome)
                if outcome.state != "parked":
                    left.difference_update(outcome.message_ids)

    def taken(self) -> list[Outcome]:
        """Those that were read since this was asked last."""
        self._poll(set())
        new, self._new = self._new, []
        return new

    def close(self) -> None:
        self._client.close()


class Program:
    """One program as a process: it is entered running on all cores, and ends killed."""

    def __init__(self, name: str, command: Sequence[str], env: dict[str, str], folder: Path) -> None:
        self._name, self._command, self._env = name, command, env
        self._log = folder / f"{name}.log"

    def __enter__(self) -> Self:
        self._child = Child(self._command, self._log, env=environment(self._env.items()))
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()

    @property
    def pid(self) -> int:
        return self._child.pid

    def check(self) -> None:
        """Raises when it has ended."""
        if self._child.exit_code is not None:
            raise ProcessFailed(f"{self._name} ended with {self._child.exit_code}:\n{self.tail()}")

    def ended(self, seconds: float) -> None:
        """Waits until it has ended by itself."""
        _until(lambda: self._child.exit_code is not None, seconds, self.tail)

    def tail(self) -> str:
        return self._log.read_text(errors="replace")[-_TAIL:]

    def freeze(self, cores: cpu.Cores) -> None:
        """It stands still from now on, and has these cores."""
        self._rest()
        cpu.pin(self.pid, cores)

    def work(self, count: int, done: Callable[[], None]) -> Measured:
        """Goes on until `done` returns, and is frozen again: so many recipients."""
        before, started = cpu.seconds(self.pid), time.monotonic()
        self._child.send(signal.SIGCONT)
        done()
        used, took = cpu.seconds(self.pid) - before, time.monotonic() - started
        self._rest()
        return Measured(count, used, took)

    def _rest(self) -> None:
        """It is frozen once it has nothing to do any more."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            before = cpu.seconds(self.pid)
            time.sleep(_QUIET_S)
            if cpu.seconds(self.pid) - before < _QUIET:
                break
        self._child.send(signal.SIGSTOP)


def bare(cluster: Cluster, address: str, folder: Path) -> Program:
    """The bare loop."""
    arguments = (cluster.kafka.bootstrap, SOURCE, f"{address}/inbound")
    return Program("reference", (sys.executable, "-m", reference.__name__, *arguments), {}, folder)


def worker(cluster: Cluster, keys: Path, folder: Path, settings: dict[str, str]) -> Program:
    """The product's service as it is deployed."""
    env = {"RELEVO_KAFKA_BOOTSTRAP": cluster.kafka.bootstrap, "RELEVO_KEYS_FILE": str(keys), **SERVICE, **settings}
    return Program("egress", (sys.executable, "-m", "relevo", "serve", "egress"), env, folder)


def committed(cluster: Cluster, group: str, topic: str, check: Callable[[], None], seconds: float) -> None:
    """Returns when the group has committed all of a topic."""
    progress = cluster.progress(group, topic)
    try:
        deadline = time.monotonic() + seconds
        while left := progress.left():
            check()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{group} has {left} records of {topic} left after {seconds:g} s")
            time.sleep(_POLL_S)
    finally:
        progress.close()


def send_singles(
    program: Program, cluster: Cluster, outcomes: Outcomes, batch: traffic.Batch, seconds: float = WORK_S
) -> Callable[[], None]:
    """What it takes until the worker is through with a batch of single messages."""

    def done() -> None:
        outcomes.await_all([*batch.due, *batch.refused], program.check, seconds)
        committed(cluster, GROUP, topics.OUTBOUND_TEMPLATES.name, program.check, seconds)

    return done


def submit(cluster: Cluster, campaigns: Sequence[traffic.Campaign], at_ms: int) -> None:
    """Writes campaigns as their submitter does: chunks first, then, with their offsets, the commit points."""
    offsets = _written(cluster.kafka, [record for one in campaigns for record in one.chunks])
    for campaign in campaigns:
        own = [offsets[record.partition, record.key or b""] for record in campaign.chunks]
        cluster.feed(traffic.commit_point(campaign, own, at_ms, PARTITIONS))


def _written(kafka: KafkaSettings, records: Sequence[Record]) -> dict[tuple[int, bytes], int]:
    """Where records stand, by partition and key, which must be unique."""
    found: dict[tuple[int, bytes], int] = {}

    def landed(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            raise RuntimeError(f"a chunk was not written: {error}")
        found[message.partition() or 0, _bytes(message.key())] = message.offset() or 0

    producer = Producer(config.producer(kafka, {"linger.ms": 5}))
    for record in records:
        producer.produce(
            record.topic,
            record.value,
            record.key,
            partition=record.partition,
            headers=list(record.headers),
            on_delivery=landed,
        )
        producer.poll(0)
    producer.flush(60)
    if len(found) != len(records):
        raise RuntimeError(f"{len(records) - len(found)} chunks were not written, or share a key")
    return found


def _bytes(data: bytes | str | None) -> bytes:
    return data.encode() if isinstance(data, str) else data or b""


def _until(true: Callable[[], bool], seconds: float, what: Callable[[], str]) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(what())
        time.sleep(_POLL_S)
