"""Tenants as they stand in Kafka: read whole, written one at a time. Blocks while it reads."""

from __future__ import annotations

from collections.abc import Callable

from runtime.kafka.producer import Producer
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.headers import Headers
from schemas.record import RecordError, encode
from schemas.tenant import Tenant

_PARTITION = 0  # the topic's only one; librdkafka's mock cluster has more


class TenantConflict(ValueError):
    """Two tenants claim what only one can have."""


Broken = Callable[[str, str], None]
"""Told of a tenant whose newest record cannot be read, and why."""


def read_tenants(settings: KafkaSettings) -> dict[str, Tenant]:
    """Every tenant by name; RecordError when one cannot be read."""

    def refuse(name: str, why: str) -> None:
        raise RecordError(f"tenant {name}: {why}")

    return standing_tenants(settings, refuse)


def standing_tenants(settings: KafkaSettings, broken: Broken) -> dict[str, Tenant]:
    """Every tenant by name, as the services have them: where a record cannot be read, the one before it stands."""
    decoder = topics.TENANTS.decoder()
    found: dict[str, Tenant] = {}
    wrong: dict[str, str] = {}
    for message in read_partition(settings, topics.TENANTS.name, _PARTITION):
        name = (message.key() or b"").decode("utf-8", "replace")
        value = message.value()
        if value is None:
            found.pop(name, None)
            wrong.pop(name, None)
            continue
        try:
            found[name] = decoder.decode(value)
            wrong.pop(name, None)
        except RecordError as error:
            wrong[name] = str(error)
    for name, why in wrong.items():
        broken(name, why)
    return found


def check_conflicts(tenant: Tenant, others: dict[str, Tenant]) -> None:
    """TenantConflict when another tenant has one of the numbers, or the same account at another address."""
    accounts = {account.key: account.base for account in tenant.accounts.values()}
    for other in others.values():
        if other.tenant == tenant.tenant:
            continue
        if taken := {line.did for line in tenant.lines} & {line.did for line in other.lines}:
            raise TenantConflict(f"line {min(taken)} belongs to tenant {other.tenant}; take it out there first")
        for account in other.accounts.values():
            if accounts.get(account.key, account.base) != account.base:
                raise TenantConflict(
                    f"account {account.key} is at {account.base} for tenant {other.tenant}; one account has one address"
                )


async def write_tenant(settings: KafkaSettings, tenant: Tenant) -> None:
    """Returns when all in-sync replicas have the record; services follow within a second."""
    headers = Headers(id=tenant.tenant, type="tenant", tenant=tenant.tenant, at_ms=tenant.updated_ms)
    producer = Producer(settings)
    await producer.start()
    try:
        await producer.send_all(
            [Record(topics.TENANTS.name, encode(tenant), tenant.tenant.encode(), headers.to_kafka(), _PARTITION)]
        )
    finally:
        await producer.stop()
