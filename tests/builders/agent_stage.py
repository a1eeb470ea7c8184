"""A host of one agent on a lane of the test's own: say something, see what is done."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

from processors.agents.agent import Agent
from processors.agents.host import AgentHost, always
from processors.agents.limits import Limits
from processors.agents.step import Scene, Step
from relevo import Action, Conversation, InboundEvent, Remember, Reply, text_of
from runtime.engine import Chunk, Effects, EffectsTooLarge, LaneClosed, Partition, TableView
from schemas import content as c
from schemas import keys
from schemas.headers import Headers
from schemas.record import encode
from tests.builders.conversations import Source
from tests.builders.webhooks import LINE

TP = Partition("agents.test", 0)


class FakeLane:
    """Takes effects as the engine does: writes are in the table at once."""

    def __init__(self) -> None:
        self.tp = TP
        self.table = TableView(0)
        self.done: list[int] = []
        self.effects: list[Effects] = []
        self.closed = False
        self.too_large = False
        self.moved = asyncio.Event()

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> asyncio.Future[None]:
        if self.closed:
            raise LaneClosed
        if self.too_large and any("dlq" not in output.topic for output in effects.outputs):
            raise EffectsTooLarge("too large")
        self.table.apply(effects.writes)
        self.effects.append(effects)
        self.done += done
        self.moved.set()
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def topics(self) -> list[str]:
        return [output.topic for effects in self.effects for output in effects.outputs]


class Stage:
    """A host of one agent with a lane of its own."""

    def __init__(
        self, function: Any, parallel: int = 8, places: int = 1000, allows: Any = always, **limits: Any
    ) -> None:
        self.now_ms = 1_000_000
        self.steps: list[tuple[int, str]] = []
        self._seen = asyncio.Event()
        self.lane = FakeLane()
        self.host = AgentHost(
            Scene(Agent("test", function), lambda _: {}, 4, Limits(**limits)),
            parallel=parallel,
            tenant_of=lambda did: "acme",
            observe=self._observe,
            clock=lambda: self.now_ms,
            places=places,
            allows=allows,
        )

    def _observe(self, record: Any, done: Step, seconds: float) -> None:
        self.steps.append((record.offset, done.outcome))
        self._seen.set()

    async def seen_that(self, step: tuple[int, str]) -> None:
        """Until a record (its offset) had an outcome."""
        while step not in self.steps:
            self._seen.clear()
            await self._seen.wait()

    def receive(self, *said: tuple[str, str], first: int = 0) -> None:
        """Messages as (contact, text)."""
        self.hear(*(message(contact, text, first + i) for i, (contact, text) in enumerate(said)))

    def hear(self, *records: Source) -> None:
        """Records that follow one another."""
        first = records[0].offset
        self.host.receive(Chunk(TP, records, previous_end=first), self.lane)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.lane.done) < count:
                self.lane.moved.clear()
                await self.lane.moved.wait()


async def begun() -> None:
    """Enough turns of the loop for tasks to begin."""
    for _ in range(20):
        await asyncio.sleep(0)


def message(contact: str, text: str, offset: int, tenant: str = "acme") -> Source:
    event = InboundEvent(
        id=f"wamid.{offset}",
        tenant=tenant,
        did=LINE,
        contact=contact,
        reply_to=contact,
        kind="message",
        at_ms=1,
        content=c.Text(body=text),
    )
    headers = Headers(id=event.id, type="event", tenant=tenant, at_ms=1).to_kafka()
    return Source(encode(event), keys.conversation(LINE, contact).encode(), headers, offset, TP.topic, TP.partition)


async def collector(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Remembers all that it heard, slowly when asked to."""
    heard = [*conversation.memory.get("heard", []), text_of(event)]
    if text_of(event) == "slow":
        await asyncio.sleep(0.1)
    if text_of(event) == "hang":
        await asyncio.Event().wait()
    if text_of(event) == "raise":
        raise ValueError
    yield Remember({"heard": heard})
    yield Reply.text(text_of(event))


def flood(tenant: str, count: int, text: str, first: int = 0) -> list[Source]:
    """One message each of so many contacts of a tenant."""
    return [message(f"57{first + i:08}", text, first + i, tenant) for i in range(count)]
