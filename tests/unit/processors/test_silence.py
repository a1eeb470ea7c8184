"""After a hand-off the bot says nothing more until it is given back, whatever lags behind whatever, and is replayed."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents.agent import Agent
from processors.agents.memory import Memory, decode, encode
from processors.agents.step import Scene, step
from relevo import Actions, Conversation, HandOff, InboundEvent, Reply, Schedule, text_of
from schemas import inbound
from schemas.headers import Headers
from schemas.record import decode as decode_record
from tests.builders.conversations import NOW, Conversations, Source, ordered, posted
from tests.builders.webhooks import LINE, PERSON, flat

STEPS = ("say", "ask for a human", "write as a human", "resume", "close", "conversations", "agent", "crash")
HANDED_OFF = "te paso"


async def bot(conversation: Conversation, event: InboundEvent) -> Actions:
    if event.kind not in ("message", "timer", "resumed"):
        return
    if text_of(event) == "humano":
        yield Reply.text(HANDED_OFF)
        yield HandOff()
    yield Reply.text("hola")
    yield Schedule("again", 0)


class World:
    """Conversations and an agent with a queue before each: both are as late as the steps make them."""

    def __init__(self) -> None:
        self.conversations = Conversations()
        self.scene = Scene(Agent("menu", bot), lambda _: {}, 4)
        self.waiting: list[Source] = []
        self.memory: bytes | None = None
        self.position = 0
        self.said: list[tuple[int, InboundEvent, list[str]]] = []
        self.ids: list[str] = []
        self.number = 0

    def does(self, what: str) -> None:
        self.number += 1
        match what:
            case "say" | "ask for a human":
                self.waiting.append(posted(flat(id=self.number, content="humano" if what != "say" else "hola")))
            case "write as a human":
                self.waiting.append(posted(flat(id=self.number, chatType="OUTBOUND", stateAgent="AGENT")))
            case "resume":
                self.waiting.append(self._order(inbound.Resume))
            case "close":
                self.waiting.append(self._order(inbound.Close))
            case "conversations" if self.waiting:
                self.conversations.feed(self.waiting.pop(0))
            case "agent":
                self.agent()
            case "crash":
                self.position = max(self.position - 3, 0)  # delivered again, with the memory that was committed
            case _:
                pass

    def _order(self, kind: type[inbound.Command]) -> Source:
        return ordered(kind(id=f"c{self.number}", tenant="acme", did=LINE, contact=PERSON, at_ms=NOW, by="operator"))

    def agent(self) -> None:
        """One record of the agent's topic; what it orders goes to the end of the conversations' queue."""
        records = [one for one in self.conversations.outputs if one.topic == "agents.menu"]
        if self.position == len(records):
            return
        record, offset = records[self.position], self.position
        self.position += 1
        source = Source(record.value, record.key, list(record.headers), offset, "agents.menu", 0, NOW)
        done = asyncio.run(step(self.scene, source, decode(self.memory), NOW))
        self.memory = encode(done.memory or Memory())
        assert done.outcome != "dead_letter", done.failure
        texts = [action.content.body for action in done.actions if isinstance(action, Reply)]  # type: ignore[union-attr]
        if texts:
            self.said.append((offset, decode_record(record.value, InboundEvent), texts))
        for left in done.records:
            self.ids.append(Headers.from_kafka(left.headers).id)
            if left.topic == "inbound.conversations":
                self.waiting.append(Source(left.value, left.key, list(left.headers)))


def _played(steps: list[str]) -> World:
    world = World()
    for what in steps:
        world.does(what)
    for _ in range(200):  # until all is handled
        world.does("conversations")
        world.does("agent")
    assert not world.conversations.letters()
    return world


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=5, max_size=60))
def test_nothing_is_said_after_a_hand_off_but_in_a_newer_epoch(steps: list[str]) -> None:
    world = _played(steps)
    silent_since = -1
    for _, event, texts in world.said:
        assert event.facts.owner == "bot"
        assert event.facts.owner_epoch > silent_since, "an event of before the return was answered"
        if HANDED_OFF in texts:
            silent_since = event.facts.owner_epoch
    assert len(world.ids) == len(set(world.ids)), "nothing leaves twice"
    offsets = [offset for offset, _, _ in world.said]
    assert offsets == sorted(set(offsets)), "each event is answered once, in order"


def test_the_customer_who_asks_for_a_human_and_goes_on_writing_hears_one_good_bye() -> None:
    steps: list[Any] = ["say", "ask for a human", *["say"] * 20, *["conversations", "conversations", "agent"] * 30]
    world = _played(steps)
    assert [texts for _, _, texts in world.said] == [["hola"], [HANDED_OFF, "hola"]]
    assert decode(world.memory).muted_since == 0
