"""Processors as processes on a genuine Kafka: start, kill, feed, and read what left (read_committed)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from runtime.kafka import config
from runtime.kafka.offsets import Partition, end_offsets
from runtime.kafka.producer import Producer
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from runtime.kafka.topics import apply
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.inbound import InboundEvent
from schemas.outbound import OutboundMessage
from schemas.record import decode, encode
from schemas.tenant import Tenant
from tests.builders import nursery
from tests.builders.conversations import Source

_CONVERSATIONS = "from processors.conversations.service import main; run(main, name='conversations')"
_AHEAD = "import time; real = time.time_ns; time.time_ns = lambda: real() + {ns}; "
_AGENTS = "from processors.agents.service import main_of; run(main_of({spec!r}), name='agents')"
PARTITIONS = 4


class Pipeline:
    """One cluster with the topics of these agent types."""

    def __init__(self, bootstrap: str, folder: Path, agents: tuple[str, ...] = ("menu", "echo", "odd")) -> None:
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.folder = folder
        self.agents = agents
        self.processes: list[nursery.Born] = []
        self._admin = AdminClient(config.admin(self.kafka))
        self._read: dict[Partition, tuple[int, list[Message]]] = {}
        apply(self.kafka, topics.catalogue(agents).values())

    def conversations(self, instance: str = "c0", points: str = "", days_ahead: int = 0) -> nursery.Born:
        """`points` are test points, as `runtime.points` reads them; its clock may be days ahead."""
        ahead = _AHEAD.format(ns=days_ahead * 86_400 * 10**9) if days_ahead else ""
        return self._start(ahead + _CONVERSATIONS, instance, points)

    def agent(
        self, spec: str, instance: str = "a0", points: str = "", environ: Mapping[str, str] = {}, **processor: str
    ) -> nursery.Born:
        """`processor` are settings of the processors' area, by the names of their fields; `environ` any others."""
        own = {f"RELEVO_PROCESSOR_{name.upper()}": value for name, value in processor.items()}
        return self._start(_AGENTS.format(spec=spec), instance, points, {**own, **environ})

    def _start(self, code: str, instance: str, points: str, own: Mapping[str, str] = {}) -> nursery.Born:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        env |= {
            "RELEVO_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "RELEVO_SERVICE_INSTANCE": instance,
            "RELEVO_PROCESSOR_AGENTS": ",".join(self.agents),
            "RELEVO_PROCESSOR_AGENT_TIMEOUT_S": "1.5",
            "RELEVO_PROCESSOR_CHUNK_MAX": "20",
            "RELEVO_PROCESSOR_SESSION_TIMEOUT_S": "12",
            "RELEVO_PROCESSOR_TRANSACTION_TIMEOUT_S": "5",
            "RELEVO_PROCESSOR_DRAIN_S": "6",
            "RELEVO_PROCESSOR_SWEEP_S": "0.5",
            **({"RELEVO_TEST_POINTS": points} if points else {}),
            **own,
        }
        log = (self.folder / f"{instance}.log").open("ab")
        order = nursery.Order(code=f"from runtime.service import run; {code}")
        with log:
            process = nursery.start(order, env, stdout=log.fileno(), stderr=log.fileno())
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """Kill what still runs."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait(10)

    def tenant(self, tenant: Tenant) -> None:
        self.write(Record(topics.TENANTS.name, encode(tenant), tenant.tenant.encode()))

    def feed(self, *sources: Source) -> None:
        """Records to `inbound.conversations`, in order."""
        self.write(*(Record("inbound.conversations", s.value, s.key, s.headers) for s in sources))

    def write(self, *records: Record) -> None:
        async def send() -> None:
            producer = Producer(self.kafka)
            await producer.start()
            await producer.send_all(records)
            await producer.stop()

        asyncio.run(send())

    def read(self, topic: str) -> list[Message]:
        """All committed records, partition by partition; only what came since the last time is fetched."""
        places = [(topic, number) for number in range(PARTITIONS)]
        for place, end in end_offsets(self.kafka, places, client=self._admin).items():
            begin, read = self._read.get(place, (BEGINNING, []))
            if end > max(begin, 0):
                self._read[place] = (end, [*read, *read_partition(self.kafka, *place, begin, end)])
        return [m for place in places for m in self._read.get(place, (0, []))[1]]

    def events(self, agent: str, did: str) -> list[InboundEvent]:
        """What agents of a type got on a line, without notes and notices."""
        return list(_ours(self.read(f"agents.{agent}"), InboundEvent, did, "event"))

    def replies(self, did: str) -> list[OutboundMessage]:
        return list(_ours(self.read("outbound.replies"), OutboundMessage, did, "message"))


def _ours(messages: Iterable[Message], kind: Any, did: str, wanted: str) -> Iterator[Any]:
    for message in messages:
        headers = dict(message.headers() or [])
        if (headers.get("did"), headers.get("type")) == (did.encode(), wanted.encode()):
            value = message.value()
            yield decode(value if isinstance(value, bytes) else None, kind)


def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for a condition with a deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def killed(process: nursery.Born) -> None:
    """Wait until the process was killed at its test point."""
    assert process.wait(60) == -signal.SIGKILL
