"""Conversations, two agents and a tap on partitions in memory, driven at random as Kafka and its workers would.

Each partition is a log. A worker of conversations takes the next few records of one; a worker of agents has begun some
records of one, and finishes those of different conversations in any order, each with its memory in one step, as
transactions do. A worker that dies is delivered again all that lies behind the leading run of what is done. The real
core, step, host and housekeepers do the work; time is the model's.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from processors.agents.agent import Agent
from processors.agents.host import AgentHost
from processors.agents.memory import Memory
from processors.agents.memory import decode as decode_memory
from processors.agents.step import Scene, Step, before, step
from processors.agents.tidying import tidier
from processors.conversations.process import process
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
from schemas import topics
from schemas.headers import Headers
from schemas.record import decode
from tests.builders.conversations import SOURCE, Source
from tests.builders.processor_inputs import Inputs
from tests.builders.processor_world import AGENTS, AHEAD, LIMITS, PARTITIONS, RULES, WORDS, Shard


class _Lane:
    """What `AgentHost` submits to: the shard takes the effects as one transaction."""

    def __init__(self, model: Model, agent: str, shard: Shard) -> None:
        self._model, self._shard = model, shard
        self.table = shard.table

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> Any:
        self._model.take(effects, self._shard)
        for offset in done:
            self._shard.advance(offset)


class Model(Inputs):
    """The workers, and a run of them in an order that the seed chooses."""

    def __init__(self, seed: int, *, remembers: bool = True, trades: bool = True, rows: bool = False) -> None:
        """`rows`: agents of one tenant hold messages in a row."""
        super().__init__(seed, remembers=remembers, trades=trades)
        self.rows = rows
        self.scenes = {
            agent: Scene(Agent(agent, self._function(agent)), self._config, PARTITIONS, LIMITS, self._tenant_of)
            for agent in AGENTS
        }
        self.hosts = {(agent, number): self._host(agent) for agent in AGENTS for number in range(PARTITIONS)}

    def _config(self, tenant: str) -> dict[str, Any]:
        waits = self.rows and tenant == min(self.owned.values(), default="")
        return {"debounce": {"quiet_s": 1.5, "max_s": 6, "taps": True}} if waits else {}

    def _tenant_of(self, did: str) -> str:
        return self.owned.get(did, "")

    def _host(self, agent: str) -> AgentHost:
        return AgentHost(
            self.scenes[agent],
            parallel=8,
            tenant_of=self._tenant_of,
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
        self.take(effects, shard)
        for (_, outcome, reason), count in tally.items():
            self.steps[f"{outcome} {reason}"] += count
        shard.committed += len(records)
        return bool(records)

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
        scene, host, lane = self.scenes[agent], self.hosts[agent, number], _Lane(self, agent, shard)
        if first := await before(scene, record, memory, self.now_ms):
            self._told(agent, record, memory, first)
            host._submit(lane, record.key or b"", first, [])  # type: ignore[arg-type]
            if self.random.random() < 0.1:
                return True  # the worker died between the two
            memory = decode_memory(shard.table.get(record.key or b""))
        done = await step(scene, record, memory, self.now_ms)
        if self.random.random() < 0.05:
            return True  # the worker died before the commit
        self._note(agent, record, memory, done)
        host._submit(lane, record.key or b"", done, [record.offset])  # type: ignore[arg-type]
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

    def _told(self, agent: str, record: Source, memory: Memory, done: Step) -> None:
        """What was held and is not any more ended somehow, and once."""
        left = {one.id for one in done.memory.held} if done.memory else set()
        gone = [one.id for one in memory.held if one.id not in left]
        letters = b"\n".join(one.value or b"" for one in done.records)
        kind = Headers.from_kafka(record.headers).type
        for event_id in gone if not done.same else ():
            if not done.told and kind not in ("erase", "moved", "adopt") and event_id.encode() not in letters:
                self.wrong.append(f"{agent} holds {event_id} no more and told nobody")
            if done.told and done.outcome == "handled":
                self._heard(agent, event_id)

    def _heard(self, agent: str, event_id: str) -> None:
        self.handled[agent, event_id] += 1
        posted = event_id.partition(".handed")[0]
        if posted in self.posted and posted not in self.forgiven and self.handled[agent, event_id] > 1:
            self.wrong.append(f"{agent} handled {event_id} again")

    def _note(self, agent: str, record: Source, memory: Memory, done: Step) -> None:
        self._told(agent, record, memory, done)
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
        self._heard(agent, event.id)
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
            if not moved and not self._waits():
                return
        self.wrong.append("it never comes to rest")

    def _waits(self) -> bool:
        """Whether something is held; then time goes on."""
        held = any(
            decode_memory(value).held
            for (topic, _), shard in self.shards.items()
            if topic != SOURCE
            for _, value in shard.table.items()
        )
        self.now_ms += 500 if held else 0
        return held

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


def _mark(conversation: Conversation) -> str:
    return conversation.tenant
