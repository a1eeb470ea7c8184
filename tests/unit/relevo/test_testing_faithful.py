"""A chat answers as the pipeline would: the same steps through the conversations' core and the agent's step."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents.agent import Agent
from processors.agents.memory import Memory, decode, encode
from processors.agents.step import Scene, step
from relevo import (
    Actions,
    Close,
    Conversation,
    GiveBack,
    HandOff,
    HumanSays,
    InboundEvent,
    Remember,
    Reply,
    UpdateCrm,
    text_of,
)
from relevo.testing import Chat
from schemas import inbound
from schemas.session import Text
from tests.builders.conversations import NOW, Conversations, Source, ordered, posted, tenant, world
from tests.builders.webhooks import LINE, PERSON, flat

STEPS = ("hola", "humano", "human says", "human takes", "resume", "close", "timeout", "erase", "listo", "fin")


async def bot(conversation: Conversation, event: InboundEvent) -> Actions:
    """Tells all that it knows of the moment, so that any difference shows."""
    count = conversation.memory.get("count", 0) + 1
    yield Remember({"count": count})
    lines = " / ".join(f"{line.who} {line.text}" for line in conversation.transcript[-3:])
    yield Reply.text(f"{count} {event.kind} {text_of(event)} {event.facts.owner} {event.facts.owner_epoch} [{lines}]")
    if text_of(event) == "humano":
        yield UpdateCrm({"count": count})
        yield HandOff(text="ya viene")
    if text_of(event) == "listo":
        yield HumanSays(Text(body="de nada"))
        yield GiveBack()
    if text_of(event) == "fin":
        yield Close()


class Said(NamedTuple):
    texts: list[str]
    memory: object


class Pipeline:
    """The genuine parts without Kafka, each at work as soon as it has something."""

    def __init__(self, tap: bool) -> None:
        self.conversations = Conversations(world(tenant(also=["crm"])) if tap else world())
        self.kind = "crm" if tap else "menu"
        self.scene = Scene(Agent(self.kind, bot), lambda _: {}, 4)
        self.memory = Memory()
        self.texts: list[str] = []
        self.read = self.number = 0

    def does(self, what: str) -> None:
        self.number += 1
        at = {"id": f"c{self.number}", "tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW, "by": "operator"}
        commands = {"human takes": inbound.HandOff, "resume": inbound.Resume, "erase": inbound.Erase}
        if what in commands:
            self.feed(ordered(commands[what](**at)))
        elif what in ("close", "timeout"):
            self.feed(posted(flat(what, "", id=self.number)))
        elif what == "human says":
            self.feed(posted(flat(content="soy Luz", id=self.number, chatType="OUTBOUND", stateAgent="AGENT")))
        else:
            self.feed(posted(flat(content=what, id=self.number)))

    def feed(self, source: Source) -> None:
        self.conversations.feed(source)
        records = [one for one in self.conversations.outputs if one.topic == f"agents.{self.kind}"]
        for offset in range(self.read, len(records)):
            self.read = offset + 1
            record = records[offset]
            told = Source(record.value, record.key, list(record.headers), offset, record.topic, 0, NOW)
            done = asyncio.run(step(self.scene, told, self.memory, NOW))
            assert done.outcome != "dead_letter", done.failure
            self.memory = decode(encode(done.memory)) if done.memory else Memory()
            for action in done.actions:
                if isinstance(action, Reply | HumanSays) and isinstance(action.content, Text):
                    self.texts.append(action.content.body)
            for left in done.records:
                if left.topic == "inbound.conversations":
                    self.feed(Source(left.value, left.key, list(left.headers)))


def played(chat: Chat, what: str) -> None:
    match what:
        case "human says":
            chat.human_says("soy Luz")
        case "human takes":
            chat.human_takes()
        case "resume":
            chat.resumes()
        case "close":
            chat.closes()
        case "timeout":
            chat.closes("timeout")
        case "erase":
            chat.is_erased()
        case _:
            chat.says(what)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(STEPS), max_size=14), st.booleans())
def test_the_same_steps_lead_to_the_same_words_and_the_same_memory(steps: list[str], tap: bool) -> None:
    pipeline, chat = Pipeline(tap), Chat(bot, tap=tap, kind="crm" if tap else "menu")
    for what in steps:
        pipeline.does(what)
        played(chat, what)
    said = [message.content.body for message in chat.messages if isinstance(message.content, Text)]
    assert said == pipeline.texts
    assert chat.memory == pipeline.memory.said
    assert chat.transcript == [f"{line.who}: {line.text}" for line in pipeline.memory.lines]
