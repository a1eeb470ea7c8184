"""One conversation with one agent: what the person, a human and the chat do, and what the agent answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from processors.agents import alarms
from processors.agents.actions import Action
from processors.agents.agent import Agent, AgentFunction
from processors.agents.limits import AgentFailed, Limits
from processors.agents.memory import Memory, decode, encode
from processors.agents.registry import why_not
from processors.agents.resources import Resourceful, World
from processors.agents.step import Scene, Step, before, step
from processors.agents.transcript import said
from relevo.testing.calls import NoCalls
from relevo.testing.loop import run
from relevo.testing.offered import pressed, text
from runtime.hooks import Calls
from runtime.kafka.record import Record
from schemas import content as c
from schemas import inbound, keys, topics
from schemas.headers import Headers
from schemas.inbound import EventKind, Facts, InboundEvent, Owner
from schemas.outbound import OutboundMessage
from schemas.record import decode as decode_record
from schemas.record import encode as encode_record
from schemas.tenant import Hours

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
    """A conversation. `config` is what the tenant's file has for the agent, `memory` what it remembers already (of an
    older version, say), `facts` what else is known of the conversation, `hours` the tenant's office hours; a `tap`
    hears everything, also while a human owns. `now_ms` is the chat's clock, and `advance` moves it. `calls` answers the
    HTTP calls of an agent with resources, which is opened at once, and closed by `deploys` or the end of a
    `with Chat(…) as chat:`.

    After each event `actions` has what the agent yielded; `messages`, `commands` and `outcomes` collect all there was.
    """

    def __init__(
        self,
        agent: AgentFunction,
        *,
        kind: str = "",
        config: Mapping[str, Any] | None = None,
        memory: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        tap: bool = False,
        name: str = "Ana",
        did: str = "56911111111",
        contact: str = "56922222222",
        tenant: str = "acme",
        limits: Limits | None = None,
        now_ms: int = _START_MS,
        hours: Mapping[str, Hours] | None = None,
        calls: Calls | None = None,
        _beside: bool = False,
    ) -> None:
        self.did, self.contact, self.tenant, self.name = did, contact, tenant, name
        self.tap, self.now_ms = tap, now_ms
        self.facts = dict(facts or {})
        self.owner: Owner = self.facts.pop("owner", "bot")
        self.owner_epoch: int = self.facts.pop("owner_epoch", 0)
        self.actions: list[Action] = []
        self.messages: list[OutboundMessage] = []
        self.commands: list[inbound.AnyCommand] = []
        self.outcomes: list[str] = []
        self.letters: list[Record] = []
        self._before: list[Action] = []  # what was done for messages that were held, before the latest event
        self._kind = kind
        self._config = dict(config or {})
        self._limits = limits or Limits()
        self._hours = dict(hours or {})
        self._memory = Memory(said=dict(memory or {}))
        self._last_inbound_ms = 0
        self._offset = 0
        self._calls = calls or NoCalls()
        self._beside = _beside  # what the agent holds open is another chat's affair
        self._deploy(agent)

    def __enter__(self) -> Chat:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __repr__(self) -> str:
        return f"<Chat of {self.agent.kind} with {self.name}: {self.transcript[-3:]}>"

    def deploys(self, agent: AgentFunction) -> None:
        """Another version of the agent takes over: it finds what the one before remembered, as Kafka has it."""
        self._close()
        self._deploy(agent)

    def _deploy(self, agent: AgentFunction) -> None:
        if why := why_not(agent):
            raise TypeError(f"this cannot be an agent: {why}")
        self._kind = self._kind or getattr(agent, "__name__", "agent")
        self.agent = Agent(self._kind, agent)
        self._scene = Scene(self.agent, lambda _: self._config, _PARTITIONS, self._limits, hours=lambda _: self._hours)
        self._memory = decode(encode(self._memory))
        if isinstance(agent, Resourceful) and not self._beside:
            run(agent.open(World(self._calls, lambda: self.now_ms, self._limits)))

    def _close(self) -> None:
        if isinstance(self.agent.function, Resourceful) and not self._beside:
            run(self.agent.function.close())

    def another(self, contact: str, name: str = "Luz") -> Chat:
        """A conversation of somebody else with the same agent, beside this one."""
        return Chat(
            self.agent.function,
            kind=self.agent.kind,
            config=self._config,
            tap=self.tap,
            name=name,
            did=self.did,
            contact=contact,
            tenant=self.tenant,
            limits=self._limits,
            now_ms=self.now_ms,
            hours=self._hours,
            calls=self._calls,
            _beside=True,
        )

    @property
    def memory(self) -> dict[str, Any]:
        """What the agent remembers."""
        return self._memory.said

    @property
    def texts(self) -> list[str]:
        """The texts of the latest actions: of replies their text, body or caption, of a hand-off its last words."""
        return [said for said in map(text, self.actions) if said]

    @property
    def timers(self) -> dict[str, float]:
        """The timers that are set: in how many seconds each is due."""
        return {alarm.name: (alarm.due_ms - self.now_ms) / 1000 for alarm in self._memory.alarms}

    @property
    def held(self) -> int:
        """How many messages wait to be told as one event (`config={"debounce": …}`)."""
        return len(self._memory.held)

    @property
    def transcript(self) -> list[str]:
        """What was said, a line each: `customer: hola`. A hand-off carries the lines before it."""
        return [f"{line.who}: {line.text}" for line in self._memory.lines]

    @property
    def handoffs(self) -> list[inbound.HandOff]:
        """All hand-offs that the agent made."""
        return [command for command in self.commands if isinstance(command, inbound.HandOff)]

    @property
    def crm(self) -> list[dict[str, Any]]:
        """The fields of all that the agent told the CRM."""
        return [command.fields for command in self.commands if isinstance(command, inbound.UpdateCrm)]

    def says(self, text: str, **event: Any) -> list[Action]:
        """The person writes; the actions are returned and kept in `actions`. `late=True`: more than a day ago."""
        return self.sends(c.Text(body=text), **event)

    def presses(self, choice: str, **event: Any) -> list[Action]:
        """The person presses the button or row with this id or title, among those of the latest actions."""
        return self.sends(pressed(self.actions, choice), **event)

    def reacts(self, emoji: str, to: str = "wamid.0", **event: Any) -> list[Action]:
        """The person reacts to a message; an empty emoji takes the reaction back."""
        return self.sends(c.Reaction(message_id=to, emoji=emoji), **event)

    def sends(self, content: c.AnyContent, **event: Any) -> list[Action]:
        """The person sends any type of message: `chat.sends(content.Image(url="https://…", caption="mi boleta"))`."""
        self._last_inbound_ms = self.now_ms
        return self.event("message", content=content, **event)

    def human_takes(self, note: str = "", by: str = "operator") -> list[Action]:
        """A human takes the conversation over; taps are told."""
        if self.owner == "human":
            return self._nothing()
        self.owner, self.owner_epoch = "human", self.owner_epoch + 1
        extra = {name: said for name, said in (("by", by), ("note", note)) if said}
        return self.event("handed_off", extra=extra) if self.tap else self._nothing()

    def human_says(self, text: str) -> list[Action]:
        """A human writes to the person, which also takes the conversation over. No agent handles it; a note of it goes
        to the agent that is routed to, and not to taps."""
        told = self.human_takes(by="")
        if not self.tap:
            self._take(self._step(self._event("system", content=c.Text(body=text)), "dropped", "echo"))
        self.actions = told
        return told

    def overhears(self, who: Literal["customer", "bot", "human"], text: str) -> None:
        """What others say is told to the agent for its transcript: a human's words that were sent for the human, or for
        a tap that listens those of the bot."""
        said = inbound.Said(who=who, text=text, at_ms=self.now_ms)
        self._take(self._step(self._event("system"), inbound.SAID, value=encode_record(said)))

    def resumes(self, reason: Literal["transfer", "order", "timeout"] = "order") -> list[Action]:
        """The human gives the conversation back, somebody orders it, or the human was silent for too long."""
        self.owner, self.owner_epoch = "bot", self.owner_epoch + 1
        return self.event("resumed", extra={"reason": reason})

    def closes(self, action: Literal["close", "timeout"] = "close") -> list[Action]:
        """The chat ends; the next message is the bot's."""
        if self.owner == "human":
            self.owner, self.owner_epoch = "bot", self.owner_epoch + 1
        return self.event("session", content=c.SessionControl(action=action))

    def changes_number(self, wa_id: str) -> list[Action]:
        """The person moves to another number."""
        return self.event("system", content=c.NumberChanged(wa_id=wa_id, kind="user_changed_number"))

    def hears_crm(self, fields: Mapping[str, Any], by: str = "menu") -> list[Action]:
        """Another agent told the CRM something: for taps."""
        return self.event("crm", extra={"fields": dict(fields), "by": by})

    def is_erased(self) -> None:
        """The person is forgotten, and so is who owned the conversation."""
        self.owner, self.owner_epoch = "bot", 0
        self._take(self._step(self._event("system"), "erase"))

    def event(self, kind: EventKind, **fields: Any) -> list[Action]:
        """Any event. While a human owns the conversation only a tap gets it, as in the pipeline."""
        event = self._event(kind, **fields)
        if self.owner == "human" and not self.tap:
            self._take(self._step(event, "dropped", "human_owns"))
            self.outcomes[-1] = "human_owns"
            return self.actions
        before = len(self.commands)
        self._take(self._step(event, "event"))
        made = self.actions
        for command in self.commands[before:]:
            self.actions = []
            self._obeys(command)
            made = made + self.actions
        self.actions = made
        return self.actions

    def advance(self, seconds: float) -> list[Action]:
        """Move the clock; timers that become due ring in order. Returns the actions of the last one."""
        until_ms = self.now_ms + int(seconds * 1000)
        self.actions = []
        while (due_ms := self._memory.next_due_ms()) is not None and due_ms <= until_ms:
            self.now_ms = max(self.now_ms, due_ms)
            for record in alarms.ring(self.agent.kind, self._key, self._memory, self.tenant, 0, self.now_ms):
                timer = decode_record(record.value, inbound.Timer)
                payload = msgspec.json.decode(bytes(timer.payload))
                told = {"name": timer.name, "payload": payload}
                self.event("timer", id=timer.id, at_ms=timer.due_ms, extra=told)
        self.now_ms = until_ms
        return self.actions

    @property
    def _key(self) -> bytes:
        return keys.conversation(self.did, self.contact).encode()

    def _obeys(self, command: inbound.AnyCommand) -> None:
        """The conversation carries out what the agent ordered, and tells who is to know."""
        match command:
            case inbound.HandOff() if self.owner == "bot":
                self._changes_to("human")
                self._hears_of(command)
            case inbound.Send(who="human", message=message):
                if self.owner == "bot":
                    self._changes_to("human")
                    self._hears_of(command)
                if not self.tap or self.agent.kind == "desk":
                    self.overhears("human", said(message.content))
            case inbound.Resume():
                self._changes_to("bot")
                self.event("resumed", extra={"by": command.by, "reason": "order"})
            case inbound.Close():
                if self.owner == "human":
                    self._changes_to("bot")
                if self.tap:
                    content = c.SessionControl(action="close")
                    self.event("session", content=content, extra={"by": command.by, "reason": "order"})

    def _changes_to(self, owner: Owner) -> None:
        self.owner, self.owner_epoch = owner, self.owner_epoch + 1

    def _hears_of(self, command: inbound.HandOff | inbound.Send) -> None:
        """Taps are told that a human owns it, also the one that made it so."""
        if not self.tap:
            return
        if isinstance(command, inbound.Send):
            self.event("handed_off", extra={"by": command.by})
            return
        extra = {
            "by": command.by,
            "note": command.note,
            "group": command.group,
            "transcript": msgspec.to_builtins(command.transcript),
        }
        self.event("handed_off", extra={name: told for name, told in extra.items() if told})

    def _nothing(self) -> list[Action]:
        self.actions = []
        return self.actions

    def _event(self, kind: EventKind, **fields: Any) -> InboundEvent:
        given: dict[str, Any] = {
            "id": f"event-{self._offset}",
            "tenant": self.tenant,
            "did": self.did,
            "contact": self.contact,
            "reply_to": self.contact,
            "kind": kind,
            "at_ms": self.now_ms,
            "facts": self._facts(),
        }
        return InboundEvent(**(given | fields))

    def _facts(self) -> Facts:
        known: dict[str, Any] = {
            "window_expires_ms": self._last_inbound_ms + _WINDOW_MS if self._last_inbound_ms else 0,
            "profile_name": self.name,
            "last_inbound_ms": self._last_inbound_ms,
        }
        return Facts(**(known | self.facts), owner=self.owner, owner_epoch=self.owner_epoch)

    def _step(self, event: InboundEvent, kind: str, reason: str = "", value: bytes = b"") -> Step:
        """What becomes of a record; its event is as Kafka would bring it."""
        told = Headers(id=event.id, type=kind, tenant=self.tenant, at_ms=self.now_ms).to_kafka()
        told += [("reason", reason.encode())] if reason else []
        told += [("rule", b"also")] if self.tap else []
        topic, offset = topics.agent(self.agent.kind).name, self._offset
        self._offset += 1
        source = _Source(topic, 0, offset, self._key, value or encode_record(event), told)
        self._before = []
        if first := run(before(self._scene, source, self._memory, self.now_ms)):
            self._take(first)
            self._before = self.actions
        return run(step(self._scene, source, self._memory, self.now_ms))

    def _take(self, done: Step) -> None:
        self.outcomes.append(done.outcome)
        self.actions = [*self._before, *done.actions]
        self._memory = done.memory or Memory()
        if done.failure is not None:
            raise AgentFailed(done.reason, f"{done.reason}: {done.failure.error}") from done.failure.__cause__
        for record in done.records:
            self._leaves(record)

    def _leaves(self, record: Record) -> None:
        if record.topic == topics.OUTBOUND_REPLIES.name:
            self.messages.append(decode_record(record.value, OutboundMessage))
            return
        if record.topic.endswith(topics.DEAD_LETTERS):
            self.letters.append(record)
            return
        if record.topic == topics.DELIVERIES.name:
            return  # for the audit
        command: inbound.AnyCommand = topics.INBOUND_CONVERSATIONS.decoder().decode(record.value)
        self.commands.append(command)
        if isinstance(command, inbound.Send):
            self.messages.append(command.message)
