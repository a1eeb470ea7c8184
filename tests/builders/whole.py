"""Conversations and agents together in memory, over explicit time: what one writes the other reads until all is done.

Records are handled one by one and in the order of their topics. `lines` is what reached the person, and who said it:
the truth that transcripts are held against.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from processors.agents import alarms
from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.memory import Memory, decode, encode
from processors.agents.resources import Resourceful, World
from processors.agents.step import Scene, Step, step
from processors.agents.transcript import said
from processors.conversations.humans import HumansWatch
from processors.listening import listeners
from relevo.testing.calls import Answers
from runtime.engine import TableView
from runtime.hooks import Answer, Call
from runtime.kafka.record import Record
from schemas.outbound import OutboundMessage
from schemas.record import decode as decode_record
from schemas.session import Control
from schemas.tenant import Tenant
from tests.builders.conversations import Conversations, Source, world


class Whole(Conversations):
    """`agents` are functions by type; `answer` says what calls are answered. `steps` are agents' records."""

    def __init__(
        self, owner: Tenant, agents: Mapping[str, Any], answer: Callable[[Call], Answer] | None = None, **limits: Any
    ) -> None:
        super().__init__(world(owner, agents=tuple(agents)))
        self.owner = owner
        self.steps: list[tuple[str, Step]] = []
        self.lines: list[tuple[str, str]] = []
        self.calls = Answers(answer or (lambda call: Answer(outcome="ok", status=200)))
        self._limits = Limits(**limits)
        self._memories: dict[tuple[str, bytes], bytes] = {}
        self._offsets: dict[str, int] = {}
        self._agents = dict(agents)
        self._view = TableView(0, self.table)
        self.watch = HumansWatch(self.world.owner, lambda: self.now_ms)
        for function in agents.values():
            if isinstance(function, Resourceful):
                asyncio.run(function.open(World(self.calls, lambda: self.now_ms, self._limits)))

    def memory(self, agent: str, key: bytes) -> Memory:
        return decode(self._memories.get((agent, key)))

    def comes(self, *sources: Source) -> None:
        """Records come in, and all that they cause is done."""
        todo: deque[Record | Source] = deque(sources)
        while todo:
            one = todo.popleft()
            if isinstance(one, Record) and one.topic.startswith("agents."):
                todo += self._played(one)
            elif isinstance(one, Record) and one.topic == "outbound.replies":
                self._left(decode_record(one.value, OutboundMessage))
            elif isinstance(one, Source) or one.topic == "inbound.conversations":
                todo += self.feed(Source(one.value, one.key, list(one.headers)))

    def advance(self, seconds: float) -> None:
        """Time passes: timers ring, and humans who were silent for too long lose their conversation."""
        until_ms = self.now_ms + int(seconds * 1000)
        while (due := self._next_due()) is not None and due[0] <= until_ms:
            self.now_ms = max(self.now_ms, due[0])
            agent, key = due[1]
            memory = self.memory(agent, key)
            rung = alarms.ring(agent, key, memory, self.owner.tenant, 0, self.now_ms)
            self._memories[agent, key] = encode(memory)
            self.comes(*(Source(one.value, one.key, list(one.headers)) for one in rung))
        self.now_ms = until_ms
        self.watch.see(self._view, dict(self.table))
        effects = self.watch(self._view)
        self.comes(*(Source(one.value, one.key, list(one.headers)) for one in (effects.outputs if effects else [])))

    def _next_due(self) -> tuple[int, tuple[str, bytes]] | None:
        found = [(decode(value).next_due_ms(), place) for place, value in self._memories.items()]
        return min(((due, place) for due, place in found if due is not None), default=None)

    def _played(self, record: Record) -> list[Record]:
        kind = record.topic.removeprefix("agents.")
        if kind not in self._agents:
            return []
        offset = self._offsets[kind] = self._offsets.get(kind, -1) + 1
        key = record.key or b""
        source = Source(record.value, key, list(record.headers), offset, record.topic, 0, self.now_ms)
        done = asyncio.run(step(self._scene(kind), source, self.memory(kind, key), self.now_ms))
        self.steps.append((kind, done))
        if done.memory is not None:
            self._memories[kind, key] = encode(done.memory)
        else:
            self._memories.pop((kind, key), None)
        return done.records

    def _scene(self, kind: str) -> Scene:
        return Scene(
            Agent(kind, self._agents[kind]),
            lambda _: self.owner.agents.get(kind, {}),
            4,
            self._limits,
            hours=lambda _: self.owner.hours,
            listeners=lambda _: [one for one in listeners(self.owner) if one in self._agents],
        )

    def _left(self, message: OutboundMessage) -> None:
        text = message.content.text if isinstance(message.content, Control) else said(message.content)
        if text:
            self.lines.append(("human" if message.agent in ("desk", "") else "bot", text))
