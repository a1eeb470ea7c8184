"""The service `webhooks`: tenants, producer and server, started and stopped in the order that loses nothing."""

from __future__ import annotations

import asyncio

from ingress.webhooks import report
from ingress.webhooks.gate import Gate
from ingress.webhooks.intake import Intake
from ingress.webhooks.server import WebhookServer
from runtime.http import TlsError
from runtime.kafka import topics as kafka_topics
from runtime.kafka.follower import FollowerFailed
from runtime.kafka.producer import Producer
from runtime.service import CannotStart, Service
from runtime.settings import IngressSettings, KafkaSettings, TenantsSettings, load
from runtime.tenants import Tenants
from schemas import topics

TOPICS = (topics.INBOUND_CONVERSATIONS, topics.INBOUND_RECEIPTS, topics.INBOUND_REJECTED, topics.TENANTS)

# The producer gives up before the request does, by more than librdkafka's clock of a second.
_BEFORE_HOLD_S = 1.5
_LEAST_TIMEOUT_S = 0.5
_WATCH_S = 1.0
_FLUSH_SHARE = 0.2  # of the time for a stop; the requests in flight get the rest


async def main(service: Service) -> None:
    """Runs until the service stops. Raises CannotStart or SettingsError when it cannot."""
    kafka, ingress = load(KafkaSettings), load(IngressSettings)
    service.health.wait_for("tenants", "reading the tenants")
    service.health.wait_for("server", "not listening yet")
    await _check_topics(kafka)
    tenants = Tenants(kafka, on_failure=lambda error: service.fail("tenants", error))
    producer = Producer(kafka, message_timeout_ms=message_timeout_ms(ingress.ack_hold_s))
    gate = Gate(ingress, tenants)
    tenants.on_change(gate.tenants_changed)
    report.begin()
    server = WebhookServer(ingress, gate, Intake(ingress, producer))
    await producer.start()
    try:
        await _listen(server, ingress)
        service.health.met("server")
        await _read(tenants, service)
        service.spawn(_watch(producer, service), name="producer watch")
        await service.stopping.wait()
    finally:
        service.health.wait_for("server", "stopping")
        await _stop(server, producer, service.settings.stop_s)
        await tenants.stop()


def message_timeout_ms(ack_hold_s: float) -> int:
    """How long the producer tries, given how long a request waits."""
    return int(max(_LEAST_TIMEOUT_S, ack_hold_s - _BEFORE_HOLD_S) * 1000)


async def _check_topics(kafka: KafkaSettings) -> None:
    try:
        await asyncio.to_thread(kafka_topics.require, kafka, TOPICS)
    except kafka_topics.TopicMismatch as mismatch:
        raise CannotStart(str(mismatch)) from None


async def _listen(server: WebhookServer, ingress: IngressSettings) -> None:
    """Before the tenants are read, so that senders meanwhile get a 503 with Retry-After instead of a closed port."""
    try:
        await server.start()
    except (OSError, TlsError) as error:
        raise CannotStart(f"the webhooks' server cannot listen on port {ingress.port}: {error}") from None


async def _read(tenants: Tenants, service: Service) -> None:
    waits = load(TenantsSettings)
    try:
        await tenants.start()
        await tenants.caught_up(waits.caught_up_s)
    except (TimeoutError, FollowerFailed) as error:
        raise CannotStart(f"the tenants could not be read: {error}") from error
    service.health.met("tenants")


async def _watch(producer: Producer, service: Service) -> None:
    """Ends the service when its producer can never send again: a new process can."""
    while producer.fatal is None:  # noqa: ASYNC110  the producer tells by an attribute
        await asyncio.sleep(_WATCH_S)
    raise RuntimeError(producer.fatal)


async def _stop(server: WebhookServer, producer: Producer, stop_s: float) -> None:
    flush_s = stop_s * _FLUSH_SHARE
    await server.stop(stop_s - 2 * flush_s)
    await producer.stop(flush_s)
