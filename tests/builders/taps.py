"""A tap and one conversation's memory over explicit time: events, timers, crashes, dead letters that come back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from processors.agents import alarms
from processors.agents.agent import Agent, AgentFunction
from processors.agents.limits import Limits
from processors.agents.memory import Memory, decode, encode
from processors.agents.step import Scene, Step, step
from relevo.testing.loop import run
from runtime.kafka.record import Record
from schemas import content as c
from schemas import inbound, keys, topics
from schemas.dead_letter import HEADERS, Cause
from schemas.headers import Headers
from schemas.inbound import Facts, InboundEvent
from schemas.record import decode as decode_record
from schemas.record import encode as encode_record
from tests.builders.conversations import NOW, Source
from tests.builders.webhooks import LINE, PERSON


class Tap:
    """`letters` are those that were not put back yet; `steps` what became of each record."""

    def __init__(
        self,
        function: AgentFunction,
        *,
        config: Mapping[str, Any] | None = None,
        contact: str = PERSON,
        tenant: str = "acme",
        kind: str = "crm",
    ) -> None:
        self.kind, self.contact, self.tenant = kind, contact, tenant
        self.config: Mapping[str, Any] = config or {}
        self.now_ms = NOW
        self.memory = Memory()
        self.letters: list[Record] = []
        self.steps: list[Step] = []
        self._offset = 0
        self._scene = Scene(Agent(kind, function), lambda _: self.config, 4, Limits(), lambda did: self.tenant)

    def says(self, text: str, crashes: int = 0, **fields: Any) -> Step:
        return self.event("message", crashes, content=c.Text(body=text), **fields)

    def event(self, kind: inbound.EventKind, crashes: int = 0, *, type: str = "event", **fields: Any) -> Step:
        """Any event; so often the worker is killed before what it did is committed, and it comes again."""
        given: dict[str, Any] = {
            "id": f"event-{self._offset}",
            "tenant": self.tenant,
            "did": LINE,
            "contact": self.contact,
            "reply_to": self.contact,
            "kind": kind,
            "at_ms": self.now_ms,
            "facts": Facts(profile_name="Ana"),
        }
        event = InboundEvent(**(given | fields))
        told = Headers(id=event.id, type=type, tenant=event.tenant, at_ms=self.now_ms).to_kafka()
        return self.takes(encode_record(event), told, crashes)

    def takes(self, value: bytes, told: list[tuple[str, bytes]], crashes: int = 0) -> Step:
        """A record of the tap's topic."""
        source = Source(value, self.key, told, self._offset, topics.agent(self.kind).name, 0, self.now_ms)
        self._offset += 1
        for _ in range(crashes):
            run(step(self._scene, source, decode(encode(self.memory)), self.now_ms))
        done = run(step(self._scene, source, decode(encode(self.memory)), self.now_ms))
        self.memory = decode(encode(done.memory)) if done.memory else Memory()
        self.steps.append(done)
        self.letters += [record for record in done.records if record.topic.endswith(topics.DEAD_LETTERS)]
        return done

    @property
    def key(self) -> bytes:
        return keys.conversation(LINE, self.contact).encode()

    def advance(self, seconds: float, crashes: int = 0) -> None:
        """The time passes; timers that become due ring in order."""
        until_ms = self.now_ms + int(seconds * 1000)
        while (due_ms := self.memory.next_due_ms()) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            for record in alarms.ring(self.kind, self.key, self.memory, self.tenant, 0, self.now_ms):
                timer = decode_record(record.value, inbound.Timer)
                self.event("timer", crashes, id=timer.id, extra={"name": timer.name, "payload": None})
        self.now_ms = until_ms

    def put_back(self, letter: Record, crashes: int = 0) -> Step:
        """As `relevo dlq requeue` does: the bytes and headers as they were, without the cause."""
        self.letters.remove(letter)
        told = [(name, value) for name, value in letter.headers if name not in HEADERS]
        return self.takes(letter.value or b"", [*told, ("replay", b"run")], crashes)

    def causes(self) -> list[Cause]:
        return [Cause.from_headers(letter.headers) for letter in self.letters]
