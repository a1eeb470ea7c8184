"""An engine inside a service: its progress becomes health, its work metrics, and the service's stop its own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Protocol

from processors.waiting import Waiting
from runtime import metrics
from runtime.clock import now_ms
from runtime.engine import Engine, Part, Progress, SilentObserver, StopTimeout, TopicsMismatch
from runtime.kafka.topics import TopicMismatch, require
from runtime.service import CannotStart, Service
from runtime.settings import KafkaSettings
from schemas.topics import PROFILES, Topic

REPORT_S = 1.0
_STOP_SHARE = 0.8  # of the service's time for a stop; the rest is for its other parts
_EXIT_STOP = 75


class Inside(Protocol):
    """What a handler tells health of itself."""

    def parts(self) -> Iterable[Part]:
        """Its own parts."""
        ...

    def moves(self, partition: int) -> int:
        """What moves for a partition whose events wait, though none of them is done."""
        ...

    def show(self) -> None:
        """Sets its gauges, once a second."""
        ...


class Plain:
    """A handler of which there is nothing to tell: its chunks say it all."""

    def parts(self) -> Iterable[Part]:
        return ()

    def moves(self, partition: int) -> int:
        return 0

    def show(self) -> None:
        """Nothing."""


def partitions(profile: str) -> int:
    """How many partitions the cluster's topics have."""
    return PROFILES[profile].partitions


class EngineMetrics(SilentObserver):
    """What the engine does, as metrics of one processor."""

    def __init__(self, processor: str) -> None:
        self._records = metrics.histogram(metrics.PROCESSOR_CHUNK_RECORDS).labels(processor=processor)
        self._transaction = metrics.histogram(metrics.PROCESSOR_TRANSACTION_SECONDS).labels(processor=processor)
        self._recovery = metrics.histogram(metrics.PROCESSOR_RECOVERY_SECONDS).labels(processor=processor)
        self._recovered = metrics.counter(metrics.PROCESSOR_RECOVERED).labels(processor=processor)

    def chunk_received(self, topic: str, partition: int, records: int) -> None:
        self._records.observe(records)

    def transaction_committed(self, seconds: float, works: int, outputs: int, writes: int) -> None:
        self._transaction.observe(seconds)

    def recovered(self, partitions: int, records: int, seconds: float) -> None:
        self._recovery.observe(seconds)
        self._recovered.inc(records)


async def check_topics(kafka: KafkaSettings, wanted: Iterable[Topic]) -> None:
    """Raises CannotStart unless these topics are as the catalogue says."""
    try:
        await asyncio.to_thread(require, kafka, list(wanted))
    except TopicMismatch as error:
        raise CannotStart(str(error)) from error


async def host(service: Service, engine: Engine, inside: Inside | None = None) -> None:
    """Run the engine until the service stops. `inside` is the handler, if it has something to tell health."""
    processor = engine.app_id
    service.health.wait_for("partitions", "joining the group and recovering")
    service.health.steps.record("engine", 0, "is starting")  # once: a start that hangs is not reported again
    try:
        await engine.start()
    except TopicsMismatch as error:
        raise CannotStart(str(error)) from error
    service.health.steps.forget("engine")
    try:
        await _watch(service, engine, processor, inside or Plain())
    finally:
        await _stop(service, engine)


async def _watch(service: Service, engine: Engine, processor: str, inside: Inside) -> None:
    keys = metrics.gauge(metrics.PROCESSOR_TABLE_KEYS).labels(processor=processor)
    reported: set[str] = set()
    waiting = Waiting()
    while not service.stopping.is_set():
        found = engine.progress()
        names = {_report(service, engine, one, inside, waiting) for one in found}
        for gone in reported - names:
            service.health.progress.forget(gone)
            _forget(engine, gone.rpartition("-")[2], waiting)
        reported = names
        inside.show()
        keys.set(sum(one.keys for one in found))
        for part in (*engine.parts(), *inside.parts()):
            service.health.steps.record(*part)
        if engine.ready:
            service.health.met("partitions")
        else:
            service.health.wait_for("partitions", "recovering")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(service.stopping.wait(), REPORT_S)


def _report(service: Service, engine: Engine, one: Progress, inside: Inside, waiting: Waiting) -> str:
    name = f"{engine.source}-{one.partition}"
    end = one.reached if one.end is None else max(one.end, one.reached)
    moves = one.done + inside.moves(one.partition)
    service.health.progress.record(name, one.reached, end, one.oldest_s, moves=moves, exact=True)
    place, lag = _place(engine, str(one.partition)), end - one.reached
    metrics.gauge(metrics.KAFKA_CONSUMER_LAG).labels(**place).set(lag)
    seconds = waiting.seconds(one.partition, lag, one.oldest_ms, now_ms())
    metrics.gauge(metrics.KAFKA_LAG_SECONDS).labels(**place).set(seconds)
    return name


def _forget(engine: Engine, partition: str, waiting: Waiting) -> None:
    """Another worker's business now."""
    waiting.forget(int(partition))
    for gauge in (metrics.KAFKA_CONSUMER_LAG, metrics.KAFKA_LAG_SECONDS):
        metrics.gauge(gauge).remove(**_place(engine, partition))


def _place(engine: Engine, partition: str) -> dict[str, str]:
    return {"group": engine.app_id, "topic": engine.source, "partition": partition}


async def _stop(service: Service, engine: Engine) -> None:
    try:
        await engine.stop(service.settings.stop_s * _STOP_SHARE)
    except StopTimeout as error:
        service.log.error("the engine did not stop in time", why=str(error))  # noqa: TRY400  no trace needed
        service.code = service.code or _EXIT_STOP
