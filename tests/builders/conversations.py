"""The core of the conversations processor with a table in memory: feed records, read what left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from processors.conversations.draft import Tally
from processors.conversations.process import process
from processors.conversations.state import State, decode
from processors.conversations.world import Rules, World
from runtime.kafka.record import Record
from schemas import keys
from schemas.headers import Headers
from schemas.inbound import InboundEvent
from schemas.outbound import OutboundMessage
from schemas.record import decode as decode_record
from schemas.record import encode
from schemas.tenant import Account, Line, Routing, Rule, Tenant
from tests.builders.webhooks import LINE, PERSON

SOURCE = "inbound.conversations"
NOW = 1_700_000_100_000


class Source(NamedTuple):
    """A record as fetched."""

    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]
    offset: int = 0
    topic: str = SOURCE
    partition: int = 0
    timestamp: int = NOW


def tenant(service: str = "isv", *, also: list[str] | None = None, **fields: Any) -> Tenant:
    """Acme with one line; everything goes to the menu."""
    account = Account(service=service, base="https://x.example", username="u@acme", password="")  # type: ignore[arg-type]
    return Tenant(
        **{
            "tenant": "acme",
            "accounts": {"main": account},
            "lines": [Line(did=LINE, sends="main", templates="main")],
            "routing": Routing(route=[Rule(to="menu")], also=also or []),
            **fields,
        }
    )


def world(owner: Tenant | None = None, agents: tuple[str, ...] = ("menu", "echo", "crm"), **rules: Any) -> World:
    """A world with one tenant."""
    acme = owner or tenant()
    return World(lambda did: acme if acme.line(did) else None, agents, 4, Rules(**rules))


def conversation_key(contact: str = PERSON, did: str = LINE) -> bytes:
    return keys.conversation(did, contact).encode()


def record(
    value: bytes, kind: str, *, contact: str = PERSON, did: str = LINE, at_ms: int = NOW, of: str = "acme"
) -> Source:
    """A source record of a conversation, of a tenant."""
    headers = Headers(id="h", type=kind, tenant=of, at_ms=at_ms, did=did, contact=contact)
    return Source(value, conversation_key(contact, did), headers.to_kafka())


def posted(body: Any, **place: Any) -> Source:
    """A webhook's record."""
    return record(orjson.dumps(body), "webhook", **place)


def ordered(order: Any, **place: Any) -> Source:
    """A command's or a timer's record."""
    return record(encode(order), "command", **place)


class Told(NamedTuple):
    """An agent's record: the topic's agent, the header `type`, its reason, and the event."""

    agent: str
    kind: str
    reason: str
    event: InboundEvent


@dataclass
class Conversations:
    """Feeds the core as the engine would. `outputs` collects everything that left."""

    world: World = field(default_factory=world)
    table: dict[bytes, bytes] = field(default_factory=dict)
    outputs: list[Record] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    offset: int = 0
    now_ms: int = NOW

    def feed(self, *records: Source, chunk: bool = True) -> list[Record]:
        """Feed records in one chunk (or one chunk each) and return what left because of them."""
        numbered = [record._replace(offset=self.offset + i) for i, record in enumerate(records)]
        self.offset += len(records)
        left: list[Record] = []
        for part in [numbered] if chunk else [[one] for one in numbered]:
            left += self.run(part)
        return left

    def run(self, records: list[Source], sweep: int = 0) -> list[Record]:
        """Records with the offsets that they have."""
        entries = list(self.table.items())[:sweep]
        effects, tally = process(records, self.table.get, self.world, self.now_ms, entries)
        for key, value in effects.writes.items():
            if value is None:
                self.table.pop(key, None)
            else:
                self.table[key] = value
        self.tally += tally
        self.outputs += effects.outputs
        return effects.outputs

    def state(self, key: bytes | None = None) -> State:
        return decode(self.table.get(key or conversation_key()))

    def told(self, agent: str = "") -> list[Told]:
        return told(self.outputs, agent)

    def said(self) -> list[OutboundMessage]:
        return [decode_record(r.value, OutboundMessage) for r in self.outputs if r.topic == "outbound.replies"]

    def letters(self) -> list[Record]:
        return [r for r in self.outputs if r.topic == f"{SOURCE}.dlq"]


def told(outputs: list[Record], agent: str = "") -> list[Told]:
    """The records for agents (of one type)."""
    found = []
    for output in outputs:
        name = output.topic.removeprefix("agents.")
        if name == output.topic or (agent and name != agent):
            continue
        headers = dict(output.headers)
        event = decode_record(output.value, InboundEvent) if headers["type"] in (b"event", b"dropped") else None
        found.append(Told(name, headers["type"].decode(), headers.get("reason", b"").decode(), event))  # type: ignore[arg-type]
    return found
