"""The intake: a body that was let in becomes records, and the answer waits until Kafka has them all.

Promises: `accepted` and the outcomes that keep bytes are given only after Kafka confirmed every record of the request;
nothing waits longer than `ack_hold_s`. Records of a request that was answered 503 may still land: the retry is then a
duplicate, which conversations drops. Knows no HTTP library, so every front answers alike.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from ingress.webhooks import outcomes
from ingress.webhooks.outcomes import Outcome, Refused
from ingress.webhooks.plan import Request, Verdict, keep, plan_request
from runtime import logs, metrics, points
from runtime.kafka.producer import Backpressure, DeliveryError, Record
from runtime.settings import IngressSettings

LARGE_BYTES = 256 * 1024  # from here on a body is planned beside the event loop, so that others need not wait
HOLD_S = 1.0  # a confirmation that takes longer says that Kafka is in doubt

_log = logs.get(__name__)


class Producing(Protocol):
    """What is asked of the producer."""

    async def send_all(self, records: Iterable[Record]) -> None: ...


class Answer(NamedTuple):
    """How a request ended. `kept` has the reasons of what went to `inbound.rejected`."""

    outcome: Outcome
    tenant: str = ""
    wait_s: float = 0
    kept: tuple[str, ...] = ()


class Intake:
    """Takes bodies on one event loop."""

    def __init__(self, settings: IngressSettings, producer: Producing) -> None:
        self._settings = settings
        self._producer = producer
        self._in_doubt = False

    async def take(self, request: Request) -> Answer:
        """Plans, produces, waits, answers. Raises Refused when Kafka did not confirm, or the body is too deep."""
        verdict = await self._planned(request)
        if verdict.fault is not None:
            _log.error("reading a webhook failed", tenant=request.grant.tenant, exc_info=verdict.fault)
        return await self._finish(request, verdict)

    async def _planned(self, request: Request) -> Verdict:
        if len(request.body) < LARGE_BYTES:
            return plan_request(request, self._settings.max_depth)
        return await asyncio.to_thread(plan_request, request, self._settings.max_depth)

    async def take_broken(self, request: Request, outcome: Outcome) -> Answer:
        """Keeps a body that cannot be read at all."""
        return await self._finish(request, keep(request, outcome))

    async def _finish(self, request: Request, verdict: Verdict) -> Answer:
        if not verdict.records:
            raise Refused(verdict.outcome)
        await self._deliver(verdict.records)
        _count(request.grant.tenant, verdict)
        return Answer(verdict.outcome, request.grant.tenant, kept=verdict.kept)

    async def _deliver(self, records: tuple[Record, ...]) -> None:
        waiting = metrics.gauge(metrics.INGRESS_WAITING).labels()
        started = time.monotonic()
        points.reach("webhook_planned")
        waiting.inc()
        try:
            async with asyncio.timeout(self._settings.ack_hold_s):
                await self._producer.send_all(records)
        except (TimeoutError, DeliveryError, Backpressure) as error:
            self._doubt(error)
            _held(time.monotonic() - started, "refused")
            raise Refused(outcomes.FULL if isinstance(error, Backpressure) else outcomes.UNSURE) from error
        finally:
            waiting.dec()
        points.reach("webhook_kept")
        self._sure()
        seconds = time.monotonic() - started
        metrics.histogram(metrics.INGRESS_ACK_SECONDS).labels().observe(seconds)
        _held(seconds, "confirmed")

    def _doubt(self, error: Exception) -> None:
        if not self._in_doubt:  # one line an outage: the metrics have each request
            _log.warning("kafka does not confirm", error=type(error).__name__, code=getattr(error, "code", ""))
        self._in_doubt = True

    def _sure(self) -> None:
        if self._in_doubt:
            _log.info("kafka confirms again")
        self._in_doubt = False


def _held(seconds: float, outcome: str) -> None:
    if seconds >= HOLD_S:
        metrics.counter(metrics.INGRESS_KAFKA_HOLDS).labels(outcome=outcome).inc()


def _count(tenant: str, verdict: Verdict) -> None:
    for topic, count in Counter(record.topic for record in verdict.records).items():
        metrics.counter(metrics.INGRESS_RECORDS).labels(tenant=tenant, topic=topic).inc(count)
    for reason in verdict.kept:
        metrics.counter(metrics.INGRESS_KEPT).labels(tenant=tenant, reason=reason).inc()
