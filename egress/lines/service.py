"""The service `egress`: owns lines until it is told to stop.

A transaction that Kafka refused ends the process with code 73: another worker owns the lines, or memory ran ahead of
Kafka, and only a new start is right. Calls under way get their outcomes recorded before that.
"""

from __future__ import annotations

from egress.lines.owner import Owner
from egress.lines.posting import Client
from egress.lines.rules import Rules
from runtime.kafka.consumer import ConsumerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.service import Service
from runtime.settings import EgressSettings, KafkaSettings, TenantsSettings
from runtime.tenants import Tenants

EXIT_FENCED = 73


async def serve(
    service: Service, kafka: KafkaSettings, egress: EgressSettings, waits: TenantsSettings, client: Client
) -> None:
    """Owns lines and sends by this client, which the caller has started and will stop."""
    tenants = Tenants(kafka)
    await tenants.start()
    try:
        await tenants.caught_up(waits.caught_up_s)
        owner = Owner(kafka, Rules(egress, tenants), client, service.health, service.settings.instance)
        await _own(service, owner)
    finally:
        await tenants.stop()


async def _own(service: Service, owner: Owner) -> None:
    try:
        await owner.run(service.stopping)
    except* (TransactionFailed, ConsumerFailed) as failed:
        service.log.exception("the lines are lost", why=[str(error) for error in failed.exceptions])
        service.code = EXIT_FENCED
        service.health.dead("egress", "lost its lines")
    finally:
        service.stop("the owner has ended")
        await owner.stop()
