"""A chat with an agent, without Kafka: say something, read the actions, move the clock.

    chat = Chat(greeter)
    chat.says("hola")
    assert chat.texts == ["Hola Ana, escribiste: hola"]

It runs the very code that the host runs: time-outs, limits, memory, silence after a hand-off, timers. What an agent
cannot handle raises `AgentFailed`, where the host would write a dead letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import msgspec

from processors.agents import alarms
from processors.agents.actions import Action, Close, HandOff, Reply
from processors.agents.agent import Agent, AgentFunction
from processors.agents.limits import AgentFailed, Limits
from processors.agents.memory import Memory
from processors.agents.step import Scene, Step, step
from runtime.kafka.record import Record
from schemas import content as c
from schemas import inbound, keys, session, topics
from schemas.headers import Headers
from schemas.inbound import EventKind, Facts, InboundEvent, Owner
from schemas.outbound import OutboundMessage
from schemas.record import decode, encode

__all__ = ["AgentFailed", "Chat", "Limits"]

T = TypeVar("T")
_START_MS = 1_700_000_000_000
_WINDOW_MS = 86_100_000
_PARTITIONS = 4


class _Source(NamedTuple):
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]
    timestamp: int = 0


class Chat:
    """One conversation with one agent. `config` is what the tenant's file has for it; `now_ms` the chat's clock."""

    def __init__(
        self,
        agent: AgentFunction,
        *,
        kind: str = "",
        config: Mapping[str, Any] | None = None,
        name: str = "Ana",
        did: str = "56911111111",
        contact: str = "56922222222",
        tenant: str = "acme",
        limits: Limits | None = None,
        now_ms: int = _START_MS,
    ) -> None:
        self.agent = Agent(kind or getattr(agent, "__name__", "agent"), agent)
        self.did, self.contact, self.tenant, self.name = did, contact, tenant, name
        self.now_ms = now_ms
        self.owner: Owner = "bot"
        self.owner_epoch = 0
        self.actions: list[Action] = []
        self.messages: list[OutboundMessage] = []
        self.commands: list[inbound.Command] = []
        self.outcomes: list[str] = []
        self._config = dict(config or {})
        self._scene = Scene(self.agent, lambda _: self._config, _PARTITIONS, limits or Limits())
        self._memory = Memory()
        self._last_inbound_ms = 0
        self._offset = 0

    @property
    def memory(self) -> dict[str, Any]:
        """What the agent remembers."""
        return self._memory.said

    @property
    def texts(self) -> list[str]:
        """The texts of the latest actions: of replies their text, body or caption, of a hand-off its last words."""
        return [said for said in map(_text, self.actions) if said]

    def says(self, text: str, **event: Any) -> list[Action]:
        """The person writes; the actions are returned and kept in `actions`."""
        return self.sends(c.Text(body=text), **event)

    def presses(self, choice: str, **event: Any) -> list[Action]:
        """The person presses the button or row with this id or title, among those of the latest actions."""
        options = [option for action in self.actions for option in _options(action)]
        found = next((o for o in options if choice in (o.id, o.title)), None)
        if found is None:
            raise LookupError(f"nothing to press is called {choice!r}; there are {[o.title for o in options]}")
        return self.sends(c.ButtonReply(id=found.id, title=found.title), **event)

    def sends(self, content: c.AnyContent, **event: Any) -> list[Action]:
        """The person sends any type of message."""
        self._last_inbound_ms = self.now_ms
        return self.event("message", content=content, **event)

    def resumes(self) -> list[Action]:
        """The human gives the conversation back."""
        self.owner, self.owner_epoch = "bot", self.owner_epoch + 1
        return self.event("resumed")

    def event(self, kind: EventKind, **fields: Any) -> list[Action]:
        """Any event. While a human owns the conversation the agent does not get it, as in the pipeline."""
        given: dict[str, Any] = {
            "id": f"wamid.{self._offset}",
            "tenant": self.tenant,
            "did": self.did,
            "contact": self.contact,
            "reply_to": self.contact,
            "kind": kind,
            "at_ms": self.now_ms,
            "facts": self._facts(),
        }
        event = InboundEvent(**(given | fields))
        self.actions = []
        if self.owner == "human":
            self.outcomes.append("human_owns")
            return self.actions
        self._take(_run(step(self._scene, self._source(event), self._memory, self.now_ms)))
        return self.actions

    def advance(self, seconds: float) -> list[Action]:
        """Move the clock; timers that become due ring in order. Returns the actions of the last one."""
        until_ms = self.now_ms + int(seconds * 1000)
        self.actions = []
        while (due_ms := self._memory.next_due_ms()) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            for record in alarms.ring(self.agent.kind, self._key, self._memory, self.tenant, 0, self.now_ms):
                timer = decode(record.value, inbound.Timer)
                payload = msgspec.json.decode(bytes(timer.payload))
                self.event("timer", id=timer.id, extra={"name": timer.name, "payload": payload})
        self.now_ms = until_ms
        return self.actions

    @property
    def _key(self) -> bytes:
        return keys.conversation(self.did, self.contact).encode()

    def _facts(self) -> Facts:
        return Facts(
            window_expires_ms=self._last_inbound_ms + _WINDOW_MS if self._last_inbound_ms else 0,
            owner=self.owner,
            owner_epoch=self.owner_epoch,
            profile_name=self.name,
            last_inbound_ms=self._last_inbound_ms,
        )

    def _source(self, event: InboundEvent) -> _Source:
        told = Headers(id=event.id, type="event", tenant=self.tenant, at_ms=self.now_ms).to_kafka()
        topic, offset = topics.agent(self.agent.kind).name, self._offset
        self._offset += 1
        return _Source(topic, 0, offset, self._key, encode(event), told)

    def _take(self, done: Step) -> None:
        self.outcomes.append(done.outcome)
        if done.outcome == "dead_letter":
            error = dict(done.records[0].headers)["dlq_error"].decode()
            raise AgentFailed(done.reason, f"{done.reason}: {error}")
        self._memory = done.memory or Memory()
        self.actions = list(done.actions)
        for record in done.records:
            self._leaves(record)

    def _leaves(self, record: Record) -> None:
        if record.topic == topics.OUTBOUND_REPLIES.name:
            self.messages.append(decode(record.value, OutboundMessage))
            return
        command: inbound.AnyCommand = topics.INBOUND_CONVERSATIONS.decoder().decode(record.value)
        self.commands.append(command)
        if isinstance(command, inbound.HandOff):
            self.owner, self.owner_epoch = "human", self.owner_epoch + 1


def _run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run to the end, from a plain test or from one that is a coroutine itself."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    with ThreadPoolExecutor(1) as threads:
        return threads.submit(asyncio.run, coroutine).result()


def _options(action: Action) -> list[session.Choice]:
    match action:
        case Reply(content=session.Buttons(buttons=buttons)):
            return buttons
        case Reply(content=session.ChoiceList(sections=sections)):
            return [row for section in sections for row in section.rows]
        case _:
            return []


def _text(action: Action) -> str:
    match action:
        case Reply(content=session.Text(body=text) | session.Buttons(body=text) | session.ChoiceList(body=text)):
            return text
        case Reply(content=session.Image(caption=text) | session.Video(caption=text) | session.Document(caption=text)):
            return text
        case HandOff(text=text):
            return text
        case Close():
            return ""
        case _:
            return ""
