"""The service `lease`: a member of the group that keeps one token for each account.

Ends with code 73 when a transaction was refused for good or the membership ended: only a new start is right then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from confluent_kafka import TopicPartition

from egress.chattigo.wire import Wire
from egress.lease.breaker import Pace
from egress.lease.holder import Holder, Recovered
from egress.lease.life import Times
from egress.lease.login import LoginCaller
from egress.lease.names import Names
from egress.lease.recovery import positions, tokens
from egress.lease.renewal import START_S, Renewal
from egress.lease.state import Lease
from egress.lease.writer import Writer
from runtime import points
from runtime.http import Guard
from runtime.kafka import loss
from runtime.kafka import topics as kafka_topics
from runtime.kafka.consumer import ConsumerFailed, GroupConsumer
from runtime.kafka.follower import FollowerFailed
from runtime.kafka.membership import Membership
from runtime.kafka.transactions import TransactionalProducer, TransactionFailed
from runtime.secrets import KeyRing
from runtime.service import CannotStart, Service
from runtime.settings import KafkaSettings, KeysSettings, LeaseSettings, TenantsSettings, load
from runtime.tenants import Tenants
from schemas import topics

EXIT_FENCED = 73
CONNECT_S = 5.0


TOPICS = (topics.TOKENS, topics.TOKENS_REQUESTS, topics.dead_letters(topics.TOKENS_REQUESTS), topics.TENANTS)


async def main(service: Service) -> None:
    """The lease as the environment says. Raises CannotStart or SettingsError."""
    kafka, lease, waits = load(KafkaSettings), load(LeaseSettings), load(TenantsSettings)
    ring = KeyRing.named(load(KeysSettings).file)
    try:
        await asyncio.to_thread(kafka_topics.require, kafka, TOPICS)
        await serve(service, kafka, lease, waits, ring, Names.of(kafka.profile))
    except kafka_topics.TopicMismatch as mismatch:
        raise CannotStart(str(mismatch)) from None
    except (FollowerFailed, TimeoutError) as error:
        raise CannotStart(f"the tenants could not be read: {error}") from error


async def serve(
    service: Service, kafka: KafkaSettings, settings: LeaseSettings, waits: TenantsSettings, ring: KeyRing, names: Names
) -> None:
    """Holds the lease until the service stops."""
    service.health.wait_for("tenants", "reading the tenants")
    tenants = Tenants(kafka, topic=names.tenants, on_failure=lambda error: service.fail("tenants", error))
    wire = Wire(connect_s=min(CONNECT_S, settings.login_timeout_s), guard=Guard(waits.private_networks))
    await wire.start()
    try:
        await tenants.start()
        await tenants.caught_up(waits.caught_up_s)
        service.health.met("tenants")
        async with _member(service, kafka, settings, ring, names, wire) as (holder, consumer):
            holder.declare(tenants.snapshot)
            tenants.on_change(holder.declare)
            await _run(service, holder, consumer, names)
    finally:
        await tenants.stop()
        await wire.stop()


def pace_of(settings: LeaseSettings) -> Pace:
    """The settings in milliseconds. A login that was begun is over after its start and its time-out."""
    seconds = (
        settings.min_login_interval_s,
        settings.backoff_s,
        settings.backoff_max_s,
        START_S + settings.login_timeout_s,
    )
    return Pace(*(int(each * 1000) for each in seconds))


@asynccontextmanager
async def _member(
    service: Service, kafka: KafkaSettings, settings: LeaseSettings, ring: KeyRing, names: Names, wire: Wire
) -> AsyncIterator[tuple[Holder, GroupConsumer]]:
    """The holder and its membership, wired together; the membership is not started."""

    async def assigned(partitions: list[int]) -> Sequence[TopicPartition]:
        committed = await consumer.committed([(names.requests, partition) for partition in partitions])
        begin = await positions(kafka, committed)
        found = [Recovered(p, begin[p], await tokens(kafka, names.tokens, p)) for p in partitions]
        points.reach("accounts_recovered")
        holder.assigned(found)
        return [TopicPartition(names.requests, p, begin[p]) for p in partitions]

    async def revoked(partitions: list[int]) -> None:
        await holder.revoked(partitions)
        _forget(service, names, partitions)

    async def lost(partitions: list[int]) -> None:
        await holder.lost(partitions)
        _forget(service, names, partitions)

    instance = f"{names.group}-{service.settings.instance}"
    membership = Membership(
        group=names.group,
        topic=names.requests,
        instance=instance,
        session_s=settings.session_timeout_s,
        rebalance_s=settings.rebalance_timeout_s,
        callback_s=min(20.0, settings.rebalance_timeout_s / 2),
    )
    consumer = GroupConsumer(kafka, membership, on_assign=assigned, on_revoke=revoked, on_lost=lost)
    producer = TransactionalProducer(kafka, instance, timeout_s=settings.transaction_timeout_s)
    writer = Writer(producer, names, consumer.group_metadata)
    lease = Lease(names.partitions, pace_of(settings))
    times = Times(settings.token_life_s, settings.refresh_at, settings.refresh_jitter)
    caller = LoginCaller(wire, ring, settings.login_timeout_s)
    holder = Holder(lease, Renewal(lease, caller, writer, ring, times), writer, ring)
    await producer.start()
    try:
        yield holder, consumer
    finally:
        await producer.stop()


async def _run(service: Service, holder: Holder, consumer: GroupConsumer, names: Names) -> None:
    await consumer.start()
    try:
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(_read(holder, consumer), name="lease requests")
            group.create_task(_report(service, holder, names), name="lease progress")
            await holder.drive(service.stopping)
            await consumer.stop()
            await reading
    except* (TransactionFailed, ConsumerFailed) as failed:
        service.log.exception("the lease is lost", why=[str(error) for error in failed.exceptions])
        service.ends(EXIT_FENCED, loss.cause(failed.exceptions), loss.why(failed.exceptions))
        service.health.dead("lease", "lost its accounts")
    finally:
        service.stop("the lease has ended")
        await consumer.stop()


async def _read(holder: Holder, consumer: GroupConsumer) -> None:
    async for batch in consumer:
        holder.take(batch)


async def _report(service: Service, holder: Holder, names: Names) -> None:
    """Shows the partitions as alive: an account that waits for its breaker is no stall."""
    while not service.stopping.is_set():
        for partition, position in holder.positions().items():
            service.health.progress.record(f"{names.requests}-{partition}", position, position)
        await asyncio.sleep(1)


def _forget(service: Service, names: Names, partitions: list[int]) -> None:
    for partition in partitions:
        service.health.progress.forget(f"{names.requests}-{partition}")
