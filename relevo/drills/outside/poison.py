"""Poison: what no service can use, as records of every topic that a service reads its work from, and as webhooks.

A record that is no JSON ends in the topic's dead letters, a body of no known shape in `inbound.rejected`; whoever read
it goes on. That of what is JSON nothing is lost either is for the audit to say.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from relevo.audit.scan import scan
from relevo.drills.drill import Fault, NotReached
from relevo.drills.outside.steps import begun
from relevo.drills.scene import Scene
from runtime.clock import now_ms
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from schemas import topics
from schemas.headers import Headers
from schemas.topics import DEAD_LETTERS

NO_JSON = (b"\xff\xfe\x00 no text", b"not json", b"[" * 5000)
RECORDS = (
    *NO_JSON,
    b"[]",
    b'{"type":"nobody-knows"}',
    b'{"id":7,"tenant":[],"did":{},"contact":null,"content":"x","at_ms":"soon"}',
)
_TYPES = {topics.INBOUND_CONVERSATIONS.name: "command"}
BODIES = (
    b"\xff\xfe\x00",
    b"",
    b"not json",
    b"[]",
    b'"text"',
    b"{}",
    b'{"entry":[{"changes":[{"value":{"messages":[7,null,"x"]}}]}]}',
    b'{"entry":"x","object":7}',
    b'{"did":{},"msisdn":[1],"id":{},"type":"text","content":null}',
    b"[" * 5000,
)


@dataclass(frozen=True)
class PoisonRecords(Fault):
    """Of each of these topics, and of the agents' that the stage has."""

    names: Sequence[str] = (
        topics.INBOUND_CONVERSATIONS.name,
        topics.INBOUND_RECEIPTS.name,
        topics.OUTBOUND_REPLIES.name,
        topics.OUTBOUND_TEMPLATES.name,
        topics.LINES_COMMANDS.name,
        topics.TOKENS_REQUESTS.name,
    )

    @property
    def must(self) -> tuple[str, ...]:
        return ("poison of every topic became a dead letter, and no service ended",)

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "poison")
        ended = len(scene.supervisor.exits)
        wanted = [*self.names, *(topics.agent(kind).name for kind in scene.stage.agents)]
        before = await asyncio.to_thread(_letters, scene, wanted)
        producer = Producer(scene.stage.kafka)
        await producer.start()
        try:
            await producer.send_all(list(_records(scene, wanted)))
        finally:
            await producer.stop()

        async def buried() -> bool:
            found = await asyncio.to_thread(_letters, scene, wanted)
            found.subtract(before)
            return all(found[name] >= len(NO_JSON) for name in wanted)

        await scene.until(buried, f"{len(NO_JSON)} dead letters of each of {', '.join(wanted)}")
        if exits := scene.supervisor.exits[ended:]:
            raise NotReached(f"{exits[0].name} ended with {exits[0].code} of it: {exits[0].why}")
        scene.mark(self.must[0])


@dataclass(frozen=True)
class PoisonWebhooks(Fault):
    """Bodies of no known shape come to every line's address, and no event is named in them."""

    @property
    def must(self) -> tuple[str, ...]:
        return ("bodies of no known shape were kept in inbound.rejected",)

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "bodies")
        before = await asyncio.to_thread(_rejected, scene)
        dids = [line.did for tenant in scene.stage.tenants for line in tenant.lines]
        for number, did in enumerate(dids):
            for each, body in enumerate(BODIES):
                name = quote(f"poison-{scene.number}-{number}-{each}")
                await scene.stage.call("POST", f"deliver?did={did}&id={name}", body)

        async def kept() -> bool:
            return await asyncio.to_thread(_rejected, scene) - before >= len(dids) * (len(BODIES) - 1)

        await scene.until(kept, self.must[0])
        scene.mark(self.must[0])


def _records(scene: Scene, names: Sequence[str]) -> Iterator[Record]:
    """Each as if it were of a person of some tenant's line, of whom nothing else is heard."""
    tenant = scene.stage.tenants[0]
    did = tenant.lines[0].did
    for name in names:
        kind = _TYPES.get(name, "event" if name.startswith("agents.") else "message")
        for number, value in enumerate(RECORDS):
            contact = f"569666{scene.number:03}{number:02}"
            headers = Headers(
                id=f"poison-{name}-{scene.number}-{number}",
                type=kind,
                tenant=tenant.tenant,
                at_ms=now_ms(),
                did=did,
                contact=contact,
            )
            yield Record(name, value, f"{did}|{contact}".encode(), headers.to_kafka())


def _letters(scene: Scene, names: Sequence[str]) -> Counter[str]:
    wanted = [name + DEAD_LETTERS for name in names]
    found = (message.topic() or "" for message in scan(scene.stage.kafka, wanted))
    return Counter(name.removesuffix(DEAD_LETTERS) for name in found)


def _rejected(scene: Scene) -> int:
    return sum(1 for _ in scan(scene.stage.kafka, [topics.INBOUND_REJECTED.name]))
