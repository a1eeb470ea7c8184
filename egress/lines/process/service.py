"""The service `egress`: owns lines until it is told to stop.

A transaction that Kafka refused ends the process with code 73: another worker owns the lines, or memory ran ahead of
Kafka, and only a new start is right. Calls under way get their outcomes recorded before that.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from egress.chattigo.connect import connected
from egress.lines.gate.rules import Rules
from egress.lines.process.owner import Owner
from egress.lines.process.posting import Client
from runtime import garbage
from runtime.kafka import loss
from runtime.kafka import topics as kafka_topics
from runtime.kafka.consumer import ConsumerFailed
from runtime.kafka.follower import FollowerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.line_states import LineStates
from runtime.pauses import Pauses
from runtime.secrets import KeyRing
from runtime.service import CannotStart, Service
from runtime.settings import EgressSettings, KafkaSettings, KeysSettings, TenantsSettings, load
from runtime.tenants import Tenants
from schemas import topics

EXIT_FENCED = 73

TOPICS = (
    topics.OUTBOUND_REPLIES,
    topics.OUTBOUND_TEMPLATES,
    topics.OUTBOUND_PARKED,
    topics.LINES_COMMANDS,
    topics.LINES_STATE,
    topics.PAUSES,
    topics.INBOUND_CONVERSATIONS,
    topics.INBOUND_RECEIPTS,
    topics.CAMPAIGNS,
    topics.CAMPAIGNS_CHUNKS,
    topics.OPTOUTS,
    topics.EGRESS_JOURNAL,
    topics.OUTCOMES,
    topics.TOKENS,
    topics.TOKENS_REQUESTS,
    topics.TENANTS,
    *map(
        topics.dead_letters,
        (topics.OUTBOUND_REPLIES, topics.OUTBOUND_TEMPLATES, topics.LINES_COMMANDS, topics.INBOUND_RECEIPTS),
    ),
)


async def main(service: Service) -> None:
    """Runs until the service stops. Raises CannotStart or SettingsError when it cannot."""
    garbage.rarely(garbage.LINES)
    kafka, egress, waits = load(KafkaSettings), load(EgressSettings), load(TenantsSettings)
    ring = KeyRing.named(load(KeysSettings).file)
    await _check_topics(kafka)
    try:
        async with connected(
            kafka, egress, waits, ring, on_failure=lambda error: service.fail("tokens", error)
        ) as client:
            await serve(service, kafka, egress, waits, client)
    except (FollowerFailed, TimeoutError) as error:
        raise CannotStart(f"tenants or tokens could not be read: {error}") from error


async def serve(
    service: Service, kafka: KafkaSettings, egress: EgressSettings, waits: TenantsSettings, client: Client
) -> None:
    """Owns lines and sends by this client, which the caller has started and will stop."""
    service.health.wait_for("tenants", "reading the tenants")
    tenants = Tenants(kafka, on_failure=lambda error: service.fail("tenants", error))
    pauses = Pauses(kafka, on_failure=lambda error: service.fail("pauses", error))
    rules = Rules(egress, tenants, pauses=pauses)
    states = LineStates(kafka, rules.heard, on_failure=lambda error: service.fail("lines", error))
    async with _started(tenants, waits), _started(states, waits), _started(pauses, waits):
        service.health.met("tenants")
        owner = Owner(kafka, rules, client, service.health, service.settings.instance)
        pauses.on_change(owner.wake)
        await _own(service, owner)


@asynccontextmanager
async def _started(model: Tenants | LineStates | Pauses, waits: TenantsSettings) -> AsyncIterator[None]:
    await model.start()
    try:
        await model.caught_up(waits.caught_up_s)
        yield
    finally:
        await model.stop()


async def _own(service: Service, owner: Owner) -> None:
    try:
        await owner.run(service.stopping)
    except* (TransactionFailed, ConsumerFailed) as failed:
        service.log.exception("the lines are lost", why=[str(error) for error in failed.exceptions])
        service.ends(EXIT_FENCED, loss.cause(failed.exceptions), loss.why(failed.exceptions))
        service.health.dead("egress", "lost its lines")
    finally:
        service.stop("the owner has ended")
        await owner.stop()


async def _check_topics(kafka: KafkaSettings) -> None:
    try:
        await asyncio.to_thread(kafka_topics.require, kafka, TOPICS)
    except kafka_topics.TopicMismatch as mismatch:
        raise CannotStart(str(mismatch)) from None
