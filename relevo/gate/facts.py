"""What the gate needs to know of one message, read from Kafka without sending anything. Blocks.

Promises: committed records alone; what was written before it began is known.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from egress.lines.gate.paid import Ledger
from relevo.tenants.store import Broken, standing_tenants
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from schemas import keys, phone, topics
from schemas.line_state import LineState
from schemas.optout import Optout
from schemas.pause import ALL, Pause
from schemas.tenant import Tenant
from schemas.topics import Topic

PAUSES_PARTITION = 0  # the topic's only one


@dataclass
class Facts:
    """`states` are of the tenant's lines, `pauses` all that stand, by their keys."""

    tenant: Tenant | None = None
    owner: str = ""
    optout: Optout | None = None
    states: dict[str, LineState] = field(default_factory=dict)
    pauses: dict[str, Pause] = field(default_factory=dict)

    def standing(self, did: str) -> str:
        """Why all sending on the line stands still; empty when it does not."""
        own = keys.join("tenant", self.tenant.tenant) if self.tenant is not None else ""
        found = self.pauses.get(ALL) or self.pauses.get(own)
        if found is not None:
            whose = "all sending" if found.scope == "all" else "all sending of the tenant"
            return f"{whose} is paused by {found.by}" + (f": {found.why}" if found.why else "")
        state = self.states.get(did)
        if state is None:
            return ""
        if state.paused:
            return f"the line is paused by {state.paused_by}"
        stop = next((stop for stop in state.stops if stop.what == "line"), None)
        return f"the provider stopped the line ({stop.code})" if stop else ""

    def stopped(self, did: str) -> dict[str, str]:
        """Templates that the provider stopped on the line, with its code."""
        state = self.states.get(did)
        return {stop.name: stop.code for stop in (state.stops if state else []) if stop.what == "template"}

    def ledger(self) -> Ledger:
        """What the tenant's lines have paid."""
        ledger = Ledger()
        for state in self.states.values():
            ledger.heard(state.did, state.tenant, state.day, state.paid)
        return ledger


def read(settings: KafkaSettings, tenant: str, did: str, to: str, broken: Broken) -> Facts:
    """`broken` is told of tenants whose newest record cannot be read. Raises RecordError for another record."""
    profile = topics.PROFILES[settings.profile]
    tenants = standing_tenants(settings, broken)
    owners = [one.tenant for one in tenants.values() if one.line(did) is not None]
    found = Facts(tenants.get(tenant), owners[-1] if owners else "")
    person = keys.join(did, phone.identity(to))
    partition = keys.partition(did, topics.OPTOUTS.count(profile))
    found.optout = _latest(settings, topics.OPTOUTS, partition, person).get(person)
    dids = [line.did for line in found.tenant.lines] if found.tenant is not None else [did]
    for partition in {keys.partition(one, topics.LINES_STATE.count(profile)) for one in dids}:
        states = _latest(settings, topics.LINES_STATE, partition)
        found.states.update({one: state for one, state in states.items() if one in dids})
    found.pauses = _latest(settings, topics.PAUSES, PAUSES_PARTITION)
    return found


def _latest(settings: KafkaSettings, topic: Topic, partition: int, only: str = "") -> dict[str, Any]:
    """The last record under each key, or under one alone."""
    decoder, values = topic.decoder(), dict[str, bytes]()
    for message in read_partition(settings, topic.name, partition):
        key, value = (message.key() or b"").decode("utf-8", "replace"), message.value()
        if only and key != only:
            continue
        values.pop(key, None)
        if value is not None:
            values[key] = value
    return {key: decoder.decode(value) for key, value in values.items()}
