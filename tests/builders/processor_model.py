"""Conversations, two agents and a tap on partitions in memory, driven at random as Kafka and its workers would.

Each partition is a log. A worker of conversations takes the next few records of one; a worker of agents has begun some
records of one, and finishes those of different conversations in any order, each with its memory in one step, as
transactions do. A worker that dies is delivered again all that lies behind the leading run of what is done. The real
core, step, host and housekeepers do the work; time is the model's.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import orjson

from processors.agents.agent import Agent
from processors.agents.host import AgentHost
from processors.agents.limits import Limits
from processors.agents.loops import Loops
from processors.agents.memory import HELD, Memory
from processors.agents.memory import decode as decode_memory
from processors.agents.step import Scene, Step, step
from processors.agents.tidying import tidier
from processors.conversations.process import process
from processors.conversations.state import State
from processors.conversations.state import decode as decode_state
from processors.conversations.world import Rules, World
from relevo import (
    Action,
    Close,
    Conversation,
    HandOff,
    InboundEvent,
    OptOut,
    Remember,
    Reply,
    Schedule,
    UpdateCrm,
    text_of,
)
from runtime.engine import Effects, TableView
from runtime.kafka.record import Record
from schemas import inbound, keys, phone, topics
from schemas.dead_letter import HEADERS as CAUSE
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import decode, encode
from schemas.session import Text
from schemas.tenant import Account, Line, Routing, Rule, Tenant, When
from tests.builders.conversations import NOW, SOURCE, Source
from tests.builders.people import message, moved_to
from tests.builders.webhooks import flat

PARTITIONS = 3
AHEAD = 40
AGENTS = ("menu", "echo", "crm")
LINES = ("56911111111", "56911111112")
RULES = Rules()
LIMITS = Limits(loops=Loops(burst=12, refill_s=15, quiet_s=600))
WORDS = (
    "hola",
    "hola",
    "hola",
    "human",
    "raise",
    "timer",
    "close",
    "forget",
    "crm",
    "silent",
    "too much",
    "echo",
    "baja",
    "cancel",
)

POISON = (
    (b"{", "webhook", ""),
    (b"{}", "webhook", ""),
    (b"{}", "command", ""),
    (b"x", "alias", ""),
    (b"{}", "moved", ""),
    (b"{}", "odd", ""),
    (b"{}", "webhook", "nobody"),
)  # value, type, and the tenant if it is another than the line's


def tenant(name: str, lines: Iterable[str], service: str = "bot") -> Tenant:
    """Everything to the menu but what says echo; the CRM hears all."""
    account = Account(service=service, base="https://x.example", username=f"u@{name}", password="")  # type: ignore[arg-type]
    return Tenant(
        tenant=name,
        accounts={"main": account},
        lines=[Line(did=did, sends="main", templates="main") for did in lines],
        routing=Routing(route=[Rule(to="echo", when=When(keyword=["echo"])), Rule(to="menu")], also=["crm"]),
        optout={"words": ["baja"]},
    )


class Person:
    """A phone and a user id; a webhook shows either or both. `number` changes."""

    def __init__(self, index: int, did: str) -> None:
        self.name = f"p{index}"
        self.did = did
        self.number = f"549115555{index:04}"
        self.user = f"AR.{index:010}"
        self.contacts = {self.number, self.user}
        self.recent: list[tuple[str, bytes, str, str]] = []
        self.erased_at: list[int] = []

    def takes(self, number: str) -> None:
        self.number = number
        self.user = f"{self.user}x"
        self.contacts |= {self.number, self.user}


class Shard:
    """A partition of a log, and the worker that reads it: what it begun, what is done behind the leading run."""

    def __init__(self, number: int) -> None:
        self.log: list[Source] = []
        self.table = TableView(number)
        self.committed = 0
        self.done: set[int] = set()

    def advance(self, offset: int) -> None:
        self.done.add(offset)
        while self.committed in self.done:
            self.done.discard(self.committed)
            self.committed += 1


class _Lane:
    """What `AgentHost` submits to: the shard takes the effects as one transaction."""

    def __init__(self, model: Model, agent: str, shard: Shard) -> None:
        self._model, self._shard = model, shard
        self.table = shard.table

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> Any:
        self._model.take(effects, self._shard)
        for offset in done:
            self._shard.advance(offset)


class Model:
    """`seed` chooses everything. `wrong` says what was broken."""

    def __init__(self, seed: int, *, remembers: bool = True, trades: bool = True) -> None:
        self.random = random.Random(seed)
        self.remembers = remembers
        self.trades = trades
        self.now_ms = NOW
        self.owned = {"56911111111": "acme", "56911111112": "beta"}
        self.tenants: dict[str, Tenant] = {}
        self._assign()
        self.world = World(self._owner, AGENTS, PARTITIONS, RULES)
        self.people = [Person(i, LINES[i % 2]) for i in range(4)]
        self.shards = {
            (topic, number): Shard(number)
            for topic in (SOURCE, *(topics.agent(agent).name for agent in AGENTS))
            for number in range(PARTITIONS)
        }
        self.scenes = {
            agent: Scene(Agent(agent, self._function(agent)), lambda _: {}, PARTITIONS, LIMITS) for agent in AGENTS
        }
        self.hosts = {(agent, number): self._host(agent) for agent in AGENTS for number in range(PARTITIONS)}
        self.outputs: list[Record] = []
        self.letters: list[Record] = []
        self.wrong: list[str] = []
        self.posted: dict[str, Person] = {}
        self.asked: dict[str, str] = {}  # ids of poison, by what they are
        self.handled: Counter[tuple[str, str]] = Counter()
        self.forgiven: set[str] = set()  # ids that may be handled again: put back, erased
        self.finished: set[tuple[str, int, int]] = set()
        self.mute: dict[tuple[str, bytes], tuple[str, int, str]] = {}  # tenant, epoch, event
        self.steps: Counter[str] = Counter()
        self.ids = 0

    # The world.

    def _assign(self) -> None:
        for name in ("acme", "beta"):
            self.tenants[name] = tenant(name, [did for did, who in self.owned.items() if who == name])

    def _owner(self, did: str) -> Tenant | None:
        return self.tenants[self.owned[did]] if did in self.owned else None

    def _host(self, agent: str) -> AgentHost:
        return AgentHost(
            self.scenes[agent],
            parallel=8,
            tenant_of=lambda did: self.owned.get(did, ""),
            observe=lambda *_: None,
            clock=lambda: self.now_ms,
        )

    def _function(self, kind: str) -> Callable[[Conversation, InboundEvent], AsyncIterator[Action]]:
        async def play(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
            self._look(kind, conversation, event)
            said = text_of(event).partition("#")[0]
            if said == "raise" and event.id not in self.forgiven:
                raise ValueError
            if kind == "crm":
                if self.remembers and event.kind == "message":
                    yield Remember({"of": _mark(conversation)})
                if said == "crm":
                    yield UpdateCrm({"by": "tap"})
                return
            if said == "too much" and event.id not in self.forgiven:
                yield Remember({"x": "x" * 70_000})
            if said == "silent":
                return
            if self.remembers:
                yield Remember({"of": _mark(conversation), "n": conversation.memory.get("n", 0) + 1})
            yield Reply.text(f"{event.id}#{_mark(conversation)}")
            match said:
                case "human":
                    yield HandOff(text="bye", note="n")
                    yield Reply.text("after")
                case "timer":
                    yield Schedule("t", in_s=self.random.choice([0, 5, 700]))
                case "cancel":
                    yield Schedule.cancel("t")
                case "close":
                    yield Close()
                case "forget":
                    yield Remember({"of": None, "n": None})
                case "crm":
                    yield UpdateCrm({"stage": 1})
                case "baja":
                    yield OptOut(["marketing"])

        return play

    def _look(self, kind: str, conversation: Conversation, event: InboundEvent) -> None:
        """What an agent is shown is of its tenant and its person alone."""
        seen = [conversation.memory.get("of", ""), *(line.text.partition("#")[2] for line in conversation.transcript)]
        for mark in filter(None, seen):
            owner, _, who = mark.partition("/")
            if owner != conversation.tenant:
                self.wrong.append(f"{kind} of {conversation.tenant} is shown what was {mark}'s")
            if who and conversation.contact not in self._person(who).contacts:
                self.wrong.append(f"{kind} with {conversation.contact} is shown what {who} said")
        if (name := conversation.facts.profile_name) and name != conversation.tenant:
            self.wrong.append(f"{kind} of {conversation.tenant} is told a name from {name}")

    def _person(self, name: str) -> Person:
        return next(person for person in self.people if person.name == name)

    # What comes in.

    def post(self, person: Person, text: str, **more: Any) -> None:
        """A message by one of the person's keys."""
        self.ids += 1
        owner = self.owned[person.did]
        how = self.random.choice(["phone", "user", "both", "flat"])
        wamid = f"wamid.{self.ids}"
        said = f"{text}#{owner}/{person.name}"
        if how == "flat":
            state = self.random.choice(["BOT", "BOT", "BOT", "AGENT"])
            kind = {} if self.random.random() < 0.8 else {"chatType": "OUTBOUND"}
            body = flat(
                content=said, did=person.did, msisdn=person.number, id=wamid, name=owner, stateAgent=state, **kind
            )
            self._webhook(person, wamid, orjson.dumps(body), person.number)
            return
        sender = person.number if how != "user" else ""
        user = person.user if how != "phone" else ""
        body = message(wamid, said, sender=sender, user=user, did=person.did, timestamp=str(self.now_ms // 1000))
        raw = orjson.dumps(body).replace(b'"Ana"', orjson.dumps(owner))
        self._webhook(person, wamid, raw, sender or user)

    def _webhook(self, person: Person, event_id: str, raw: bytes, contact: str) -> None:
        contact = phone.identity(contact)
        self.posted[event_id] = person
        person.recent = [*person.recent[-7:], (event_id, raw, contact, self.owned[person.did])]
        self._put_in(raw, "webhook", person.did, contact)

    def _put_in(self, raw: bytes, kind: str, did: str, contact: str, owner: str = "", id: str = "h") -> None:
        told = Headers(id=id, type=kind, tenant=owner or self.owned[did], at_ms=self.now_ms, did=did, contact=contact)
        self.write([Record(SOURCE, raw, keys.conversation(did, contact).encode(), told.to_kafka())])

    def again(self, person: Person) -> None:
        """The provider repeats a webhook."""
        if person.recent:
            _, raw, contact, owner = self.random.choice(person.recent)
            if owner == self.owned[person.did]:
                self._put_in(raw, "webhook", person.did, contact)

    def control(self, person: Person) -> None:
        """The chat is given back, or ends."""
        self.ids += 1
        action = self.random.choice(["transfer", "close", "timeout"])
        body = flat(action, "", did=person.did, msisdn=person.number, id=f"c{self.ids}", name=self.owned[person.did])
        self._put_in(orjson.dumps(body), "webhook", person.did, phone.identity(person.number))

    def changes_number(self, person: Person) -> None:
        self.ids += 1
        number = f"549116{self.ids:07}"
        raw = orjson.dumps(moved_to(number, f"wamid.{self.ids}", sender=person.number)).replace(
            b"56911111111", person.did.encode()
        )
        self._webhook(person, f"wamid.{self.ids}", raw, person.number)
        self.forgiven |= {
            one for one, _, contact, _ in person.recent if contact == person.user
        }  # its key lets go of ids
        person.recent = [one for one in person.recent if one[2] != person.user]
        person.takes(number)

    def order(self, person: Person, kind: type[inbound.Command] | None = None) -> None:
        """A command of the company's systems, for any form of the number, or the user id."""
        self.ids += 1
        kind = kind or self.random.choice(
            [
                inbound.Resume,
                inbound.Resume,
                inbound.HandOff,
                inbound.Close,
                inbound.Send,
                inbound.OptOut,
                inbound.OptIn,
                inbound.UpdateCrm,
            ]
        )
        contact = self.random.choice([person.number, person.number.replace("549", "54", 1), person.user])
        owner = self.owned[person.did]
        fields: dict[str, Any] = {}
        if kind is inbound.UpdateCrm:
            fields["fields"] = {"a": 1}
        if kind is inbound.Send:
            fields["message"] = OutboundMessage(
                id=f"m{self.ids}", tenant=owner, did=person.did, contact=contact, to=contact,
                content=Text(body="x"), send_class="reply", cause="", agent="",
            )  # fmt: skip
        made = kind(
            id=f"o{self.ids}", tenant=owner, did=person.did, contact=contact, at_ms=self.now_ms, by="isv", **fields
        )
        self._put_in(encode(made), "command", person.did, contact, id=f"o{self.ids}")

    def erase(self, person: Person) -> None:
        """By all keys that the person ever had."""
        for contact in sorted(person.contacts):
            self.ids += 1
            made = inbound.Erase(
                id=f"o{self.ids}",
                tenant=self.owned[person.did],
                did=person.did,
                contact=contact,
                at_ms=self.now_ms,
                by="isv",
            )
            self._put_in(encode(made), "command", person.did, contact, id=f"o{self.ids}")

    def poison(self) -> None:
        self.ids += 1
        did = self.random.choice(LINES)
        raw, kind, owner = self.random.choice(POISON)
        at = f"x{self.ids}"
        self.asked[at] = kind
        self._put_in(raw, kind, did, self.random.choice(self.people).number, owner, id=at)

    def changes_hands(self) -> None:
        if not self.trades:
            return
        did = self.random.choice(LINES)
        self.owned[did] = "beta" if self.owned[did] == "acme" else "acme"
        self._assign()
        for person in self.people:
            if person.did == did:
                person.recent.clear()

    def put_back(self) -> None:
        """All dead letters, to where they came from."""
        letters, self.letters = self.letters, []
        for letter in letters:
            told = [one for one in letter.headers if one[0] not in CAUSE] + [("replay", b"run")]
            if dict(told).get("id", b"").startswith(b"x"):
                continue
            if letter.topic.startswith("agents"):
                self.forgiven.add(dict(told)["id"].decode())
            self.write([Record(letter.topic.removesuffix(".dlq"), letter.value, letter.key, told, letter.partition)])

    # Workers.

    def write(self, records: Iterable[Record]) -> None:
        """As Kafka appends."""
        for record in records:
            at = keys.partition(record.key or b"", PARTITIONS)
            shard = self.shards.get((record.topic, at))
            if shard is None:
                self.outputs.append(record)
                if record.topic.endswith(".dlq"):
                    self.letters.append(record)
                    reason = Cause.from_headers(record.headers).reason
                    self.steps[f"letter {reason}"] += 1
                    if reason == "failed":
                        self.wrong.append(f"failed: {Cause.from_headers(record.headers).error}")
                continue
            if record.partition not in (-1, at):
                self.wrong.append(f"a record of {record.topic} on another partition than its key's")
            shard.log.append(
                Source(record.value, record.key, list(record.headers), len(shard.log), record.topic, at, self.now_ms)
            )

    def take(self, effects: Effects, shard: Shard) -> None:
        """A transaction."""
        self.write(effects.outputs)
        shard.table.apply(effects.writes)

    def converse(self, number: int, most: int = 3) -> bool:
        """The next records of conversations; the chunk may be handled in vain first, by a worker that dies."""
        shard = self.shards[SOURCE, number]
        records = shard.log[shard.committed : shard.committed + self.random.randint(1, most)]
        sweep = shard.table.sweep(2)
        effects, tally = process(records, shard.table.get, self.world, self.now_ms, sweep)
        if self.random.random() < 0.1:
            again = process(records, shard.table.get, self.world, self.now_ms, sweep)
            if (again.effects.outputs, again.effects.writes) != (effects.outputs, effects.writes):
                self.wrong.append("a chunk is handled in another way when it is handled again")
        for record in records:
            if b'"erase"' in (record.value or b""):
                self._forgive(record)
        self.take(effects, shard)
        for (_, outcome, reason), count in tally.items():
            self.steps[f"{outcome} {reason}"] += count
        shard.committed += len(records)
        return bool(records)

    def _forgive(self, record: Source) -> None:
        """With the person the ids go that were handled: what is repeated by then is handled again."""
        contact = (record.key or b"").decode().rpartition("|")[2]
        self.forgiven |= {one for one, person in self.posted.items() if phone.identity(contact) in person.contacts}

    async def act(self, agent: str, number: int, key: bytes | None = None) -> bool:
        """One record of an agent's partition: the first undone one of some conversation that was begun."""
        shard = self.shards[topics.agent(agent).name, number]
        first: dict[bytes, Source] = {}
        for record in shard.log[shard.committed : shard.committed + AHEAD]:
            if record.offset not in shard.done:
                first.setdefault(record.key or b"", record)
        if not first:
            return False
        self.now_ms += 1
        record = first[key] if key in first else self.random.choice(list(first.values()))
        memory = decode_memory(shard.table.get(record.key or b""))
        done = await step(self.scenes[agent], record, memory, self.now_ms)
        if self.random.random() < 0.05:
            return True  # the worker died before the commit
        self._note(agent, record, done)
        self.hosts[agent, number]._submit(_Lane(self, agent, shard), record.key or b"", record, done)  # type: ignore[arg-type]
        return True

    def die(self, agent: str, number: int) -> None:
        """The worker is gone with what it knew beyond Kafka; what is behind the leading run comes again."""
        shard = self.shards[topics.agent(agent).name, number]
        shard.done.clear()
        shard.table = TableView(number, dict(shard.table.items()))
        self.hosts[agent, number] = self._host(agent)

    def keep_house(self, agent: str, number: int) -> None:
        shard = self.shards[topics.agent(agent).name, number]
        tidy = tidier(RULES.idle_ms / 86_400_000, lambda: self.now_ms)
        for housekeeper in (self.hosts[agent, number].ring_alarms, tidy):
            effects = housekeeper(shard.table)
            if effects is not None:
                self.take(effects, shard)

    def _note(self, agent: str, record: Source, done: Step) -> None:
        self.steps[f"{agent} {done.outcome} {done.reason}"] += 1
        told = Headers.from_kafka(record.headers)
        place = (agent, record.key or b"")
        if told.type in ("erase", "released", "moved") or self.mute.get(place, ("", 0, ""))[0] != told.tenant:
            self.mute.pop(place, None)
        if done.outcome == "handled" or done.records:
            at = (agent, record.partition, record.offset)
            if at in self.finished:
                self.wrong.append(f"{agent} did {told.type} {told.id} at {record.partition}-{record.offset} twice")
            self.finished.add(at)
        if done.outcome != "handled":
            return
        event = decode(record.value, InboundEvent)
        self.handled[agent, event.id] += 1
        posted = event.id.partition(".handed")[0]
        if posted in self.posted and posted not in self.forgiven and self.handled[agent, event.id] > 1:
            self.wrong.append(f"{agent} handled {event.id} ({event.kind}) again")
        if event.facts.owner_epoch <= self.mute.get(place, ("", -1, ""))[1] and not told.replay:
            self.wrong.append(f"{agent} speaks in {event.id} after its hand-off")
        self.mute.pop(place, None)
        if any(isinstance(action, HandOff) for action in done.actions):
            self.mute[place] = told.tenant, event.facts.owner_epoch, event.id

    # A run.

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            await self._step()
        await self.settle()

    async def _step(self) -> None:
        person = self.random.choice(self.people)
        number = self.random.randrange(PARTITIONS)
        agent = self.random.choice(AGENTS)
        dice = self.random.random()
        if dice < 0.16:
            self.post(person, self.random.choice(WORDS))
        elif dice < 0.20:
            self.again(person)
        elif dice < 0.23:
            self.order(person)
        elif dice < 0.245:
            self.control(person)
        elif dice < 0.25:
            self.poison()
        elif dice < 0.254:
            self.changes_number(person)
        elif dice < 0.258:
            self.erase(person)
        elif dice < 0.261:
            self.changes_hands()
        elif dice < 0.27:
            self.put_back()
        elif dice < 0.29:
            self.die(agent, number)
        elif dice < 0.34:
            self.now_ms += self.random.choice([10, 1000, 1000, 20_000, 700_000])
        elif dice < 0.42:
            self.keep_house(agent, number)
        elif dice < 0.65:
            self.converse(number)
        else:
            await self.act(agent, number)

    async def settle(self) -> None:
        """Until nothing is under way."""
        for _ in range(10_000):
            moved = False
            for number in range(PARTITIONS):
                moved |= self.converse(number)
                for agent in AGENTS:
                    moved |= await self.act(agent, number)
                    self.keep_house(agent, number)
            if not moved:
                return
        self.wrong.append("it never comes to rest")

    async def idle(self) -> None:
        """Until everything was looked at that was idle for long."""
        for _ in range(4):
            self.now_ms += RULES.idle_ms + 1_000_000
            for _ in range(60):
                for number in range(PARTITIONS):
                    self.converse(number)
                    for agent in AGENTS:
                        self.keep_house(agent, number)
            await self.settle()

    # What must hold.

    def states(self) -> dict[bytes, State]:
        return {
            key: decode_state(value)
            for (topic, _), shard in self.shards.items()
            if topic == SOURCE
            for key, value in shard.table.items()
        }

    def memories(self) -> dict[tuple[str, bytes], Memory]:
        return {
            (topic.removeprefix("agents."), key): decode_memory(value)
            for (topic, _), shard in self.shards.items()
            if topic != SOURCE
            for key, value in shard.table.items()
        }

    def judge(self) -> list[str]:
        """What was broken so far, and what is wrong with the whole."""
        return [*self.wrong, *self._fates(), *self._twice(), *self._disorder(), *self._wishes()]

    def _disorder(self) -> Iterable[str]:
        """What came to a key and was routed there came to its agents in the same order."""
        for agent in AGENTS:
            last: dict[bytes, int] = {}
            for number in range(PARTITIONS):
                for record in self.shards[topics.agent(agent).name, number].log:
                    at = dict(record.headers).get("source", b"").decode().rpartition("-")[2]
                    if (
                        at
                        and "replay" not in dict(record.headers)
                        and Headers.from_kafka(record.headers).type != "adopt"
                    ):
                        if int(at) < last.get(record.key or b"", -1):
                            yield f"{agent} gets {record.key!r} out of order at {number}-{record.offset}"
                        last[record.key or b""] = int(at)

    def _wishes(self) -> Iterable[str]:
        """What egress obeys is what conversations remember."""
        told: dict[bytes, Any] = {}
        if self.trades:  # what moves while the line changes hands becomes a dead letter, and a wish with it
            return
        for record in self.outputs:
            if record.topic == topics.OPTOUTS.name:
                told[record.key or b""] = (
                    None if record.value is None else orjson.loads(record.value).get("categories", [])
                )
        states = self.states()
        for key in told.keys() | states.keys():
            known = states[key].optout if key in states else None
            if told.get(key) != known:
                yield f"the wish of {key!r} is {known} here and {told.get(key)} for egress"

    def stuck(self) -> list[str]:
        """Agents that are silent when all is done, where the bot owns the conversation."""
        states, found = self.states(), []
        if self.trades:  # a hand-off that is on its way then is a dead letter
            return []
        for (agent, key), memory in self.memories().items():
            state = states.get(key, State())
            held = memory.muted_since == HELD and memory.epoch in (-1, state.epoch)
            silent = held or memory.muted_since >= state.epoch
            again = self.mute.get((agent, key), ("", 0, ""))[2] in self.forgiven  # its hand-off is known already
            if silent and state.owner == "bot" and memory.tenant == state.tenant and not again:
                found.append(f"{agent} is stuck at {key!r}: {memory.muted_since}, epoch {state.epoch}")
        return found

    def remains(self) -> list[str]:
        """What is left of people after long idling, beyond their wishes and what agents keep."""
        left = [f"state of {key!r}: {state}" for key, state in self.states().items() if state != state.wish()]
        return left + [
            f"memory of {place}: {memory}"
            for place, memory in self.memories().items()
            if memory.lines or memory.alarms or (memory.muted_since != -1 and not self.trades) or memory.is_idle()
        ]

    def traces(self, person: Person) -> list[str]:
        """What is still known of a person who was erased."""
        found = []
        for key, state in self.states().items():
            if key.decode().rpartition("|")[2] in person.contacts and state != state.wish():
                found.append(f"state of {key!r}: {state}")
            if (
                key.decode().rpartition("|")[2] not in person.contacts
                and {state.user_id, state.alias} & person.contacts
            ):
                found.append(f"state of {key!r} names the person")
        for (agent, key), memory in self.memories().items():
            if key.decode().rpartition("|")[2] in person.contacts and (memory.said or memory.lines or memory.alarms):
                found.append(f"{agent} at {key!r}: {memory}")
        return found

    def _fates(self) -> Iterable[str]:
        fates: dict[str, Counter[str]] = defaultdict(Counter)
        for (topic, _), shard in self.shards.items():
            if topic == SOURCE:
                continue
            for record in shard.log:
                told = Headers.from_kafka(record.headers)
                if told.type in ("event", "dropped") and "replay" not in dict(record.headers):
                    fates[told.id][f"{told.type} {topic}"] += 1
        buried = b"\n".join(record.value or b"" for record in self.outputs if record.topic == f"{SOURCE}.dlq")
        for event_id in self.posted:
            found = fates.get(event_id, Counter())
            if not found and b'"%s"' % event_id.encode() not in buried:
                yield f"{event_id} is lost"
            if event_id in self.forgiven:
                continue
            kinds = {one.partition(" ")[0] for one in found}
            if len(kinds) > 1 or any(count > 1 for count in found.values()):
                yield f"{event_id} has several fates: {dict(found)}"

    def _twice(self) -> Iterable[str]:
        said = Counter(
            dict(record.headers)["id"].decode()
            for record in self.outputs
            if record.topic == topics.OUTBOUND_REPLIES.name
        )
        causes = {
            dict(record.headers)["id"].decode(): decode(record.value, OutboundMessage).cause
            for record in self.outputs
            if record.topic == topics.OUTBOUND_REPLIES.name
        }
        for message_id, count in said.items():
            if count > 1 and causes[message_id] in self.posted.keys() - self.forgiven:
                yield f"a message because of {causes[message_id]} left {count} times"


def _mark(conversation: Conversation) -> str:
    return conversation.tenant


async def _play(model: Model, steps: int) -> list[str]:
    await model.run(steps)
    wrong = [*model.judge(), *model.stuck()]
    if model.random.random() < 0.5:
        for person in model.people:
            model.erase(person)
        await model.settle()
        wrong += [trace for person in model.people for trace in model.traces(person)]
    await model.idle()
    return [*wrong, *model.judge(), *model.remains()]


def played(seed: int, steps: int = 400) -> list[str]:
    """A run from beginning to end; what was wrong."""
    model = Model(seed, remembers=seed % 2 == 0, trades=seed % 3 == 0)
    return list(dict.fromkeys(asyncio.run(_play(model, steps))))
