"""The draft of one source record: its conversation's state, what is to be written because of it, and outcomes.

A draft is taken over whole or thrown away whole, so that a record which turns out to be poison leaves nothing
half done. It stamps tenant, line, contact and the cause's headers itself; no payload can.
"""

from __future__ import annotations

import copy
from collections import Counter
from functools import cache, cached_property
from typing import NamedTuple

from msgspec.structs import replace

from processors.conversations.state import State
from processors.conversations.world import World
from runtime.engine import SourceRecord
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.dead_letter import source
from schemas.headers import ALIAS, ALIAS_ADDRESS, ALIAS_SOURCE, PASSED_ON, Headers
from schemas.inbound import Facts, InboundEvent, MovedTo, Said
from schemas.optout import Optout
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.tenant import Line, Tenant

Outcome = tuple[str, str, str]
"""What became of something: (tenant, outcome, reason)."""

Tally = Counter[Outcome]
"""Counts of outcomes, for the metrics."""

HANDED = frozenset(("handed_off", "given_back"))
"""Outcomes that say that the owner changed, beside what became of the event."""

_FORWARDED = frozenset((ALIAS, ALIAS_ADDRESS, ALIAS_SOURCE))


@cache
def agent_topic(agent: str) -> str:
    """The name of an agent type's topic."""
    return topics.agent(agent).name


class Undeliverable(Exception):
    """An event that nobody can get, though nothing broke: the record becomes a dead letter with `reason`."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason
        self.error = error


class Place(NamedTuple):
    """Whose conversation it is: the tenant and line as they are configured now, the contact as the key has it."""

    tenant: Tenant
    line: Line
    contact: str

    @property
    def language(self) -> str:
        """The language of who has not shown another: the line's, else the tenant's first."""
        return self.line.language or self.tenant.spoken[0]


class Mark(NamedTuple):
    """A point in a draft's making."""

    state: State
    outputs: int
    outcomes: int


class Draft:
    """`now_ms` is our clock; `received_ms` when ingress had the cause. `tenant` is the record's; one that had the line
    before is `former`, and then the state is as that one, or its successor, left it."""

    def __init__(
        self, record: SourceRecord, headers: Headers, place: Place, state: State, world: World, now_ms: int
    ) -> None:
        self.record = record
        self.place = place
        self.did = place.line.did
        self.state = state
        self.world = world
        self.now_ms = now_ms
        self.headers = headers
        self.tenant = headers.tenant
        self.former = headers.tenant != place.tenant.tenant
        self.received_ms = self.headers.at_ms or record.timestamp
        self.outputs: list[Record] = []
        self.outcomes: list[Outcome] = []
        self.undeliverable: Undeliverable | None = None
        self.erased = False
        self._key = record.key or b""
        self._stamps: list[tuple[str, bytes]] = []

    @cached_property
    def forwarded(self) -> dict[str, str]:
        """Of a record that came by way of an alias: the headers that the alias' owner gave it (see `aliases`)."""
        found = {name: value.decode() for name, value in self.record.headers if name in _FORWARDED}
        return found if ALIAS in found else {}

    def is_ours(self, did: str, contact: str) -> bool:
        """Whether what a record says is of this conversation: by its key, or by the alias that led it here."""
        return did == self.did and (contact == self.place.contact or contact == self.forwarded.get(ALIAS))

    @property
    def place_id(self) -> str:
        """Where the cause stands, or stood before it came by way of an alias."""
        here = source(self.record.topic, self.record.partition, self.record.offset)
        return self.forwarded.get(ALIAS_SOURCE) or here

    def facts(self) -> Facts:
        """What agents are told of the conversation now."""
        return self.state.facts(self.world.rules.window_ms, self.place.language)

    def count(self, outcome: str, reason: str = "") -> None:
        self.outcomes.append((self.tenant, outcome, reason))

    def mark(self) -> Mark:
        """Where the draft is now, for `back_to`."""
        return Mark(copy.copy(self.state), len(self.outputs), len(self.outcomes))

    def back_to(self, mark: Mark) -> None:
        """Forget what was drafted since the mark."""
        self.state = mark.state
        del self.outputs[mark.outputs :]
        del self.outcomes[mark.outcomes :]

    def to_agent(
        self,
        agent: str,
        event: InboundEvent,
        *,
        kind: str = "event",
        reason: str = "",
        rule: str = "",
        new_contact: bool = False,
    ) -> None:
        """An event for agents of one type; as kind `dropped` it is a note that they do not handle.

        `rule` says what picked the agent: a rule's number, `default`, or `also` for a tap.
        """
        headers = self._headers(event.id, kind)
        if reason:
            headers.append(("reason", reason.encode()))
        if rule:
            headers.append(("rule", rule.encode()))
        if new_contact:
            headers.append(("new_contact", b"1"))
        self.outputs.append(Record(agent_topic(agent), encode(event), self._key, headers, self.record.partition))

    def notice(self, agent: str, kind: str, value: MovedTo | Said | None = None) -> None:
        """A notice to agents of one type: `erase`, `released` (owner epochs begin anew), or one with a value, `moved`
        or `said`."""
        headers = self._headers(self.headers.id, kind)
        told = encode(value) if value else b"{}"
        self.outputs.append(Record(agent_topic(agent), told, self._key, headers, partition=self.record.partition))

    def erase(self) -> None:
        """Forget the person, here and at all agents; a wish not to be written to outlives it."""
        for agent in self.world.agents:
            self.notice(agent, "erase")
        self.erased = True
        self.count("erased")

    def to_conversation(
        self,
        contact: str,
        value: bytes | None,
        kind: str,
        *more: tuple[str, bytes],
        did: str = "",
        record_id: str = "",
    ) -> None:
        """A record for the conversation with another contact, or on another line (`did`); whoever owns that key handles
        it. `record_id` where it is not the cause's."""
        did = did or self.did
        key = keys.conversation(did, contact).encode()
        told = replace(
            self.headers,
            id=record_id or self.headers.id,
            type=kind,
            tenant=self.tenant,
            at_ms=self.received_ms,
            did=did,
            contact=contact,
        )
        partition = keys.partition(key, self.world.partitions)
        self.outputs.append(
            Record(topics.INBOUND_CONVERSATIONS.name, value, key, [*told.to_kafka(), *more], partition=partition)
        )

    def to_line(self, message: OutboundMessage) -> None:
        """A message for the line's owner."""
        self.outputs.append(
            Record(
                topic=topics.OUTBOUND_REPLIES.name,
                value=encode(message),
                key=self._key,
                headers=self._headers(message.id, "message"),
                partition=keys.partition(self.did, self.world.partitions),
            )
        )

    def optout(self, value: Optout | None) -> None:
        """The person's wish on the line; None ends it. Nobody but the owner of the key tells it, so it is in order."""
        self.outputs.append(
            Record(
                topic=topics.OPTOUTS.name,
                value=None if value is None else encode(value),
                key=self._key,
                headers=self._headers(self.headers.id, "optout"),
                partition=keys.partition(self.did, self.world.partitions),
            )
        )

    def _headers(self, record_id: str, kind: str) -> list[tuple[str, bytes]]:
        """The cause's headers under another id and type, and where the cause stands."""
        if not self._stamps:
            self._stamps = self._stamped()
        return [("id", record_id.encode()), ("type", kind.encode()), *self._stamps]

    def _stamped(self) -> list[tuple[str, bytes]]:
        """What the headers of all outputs share: the cause's own as they came, if they say what they must."""
        cause, place, record = self.headers, self.place, self.record
        at = ("source", source(record.topic, record.partition, record.offset).encode())
        told = (cause.tenant, cause.at_ms, cause.did, cause.contact)
        if told == (self.tenant, self.received_ms, self.did, place.contact):
            passed = [one for one in dict(record.headers).items() if one[0] in PASSED_ON and one[1]]
            passed.append(at)
            return passed
        stamps = Headers(
            id="",
            type="",
            tenant=self.tenant,
            at_ms=self.received_ms,
            traceparent=cause.traceparent,
            replay=cause.replay,
            did=self.did,
            contact=place.contact,
        )
        return [*stamps.to_kafka(), at]
