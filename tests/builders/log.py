"""All topics in memory, with the real cores of conversations and agents between them: what they leave in Kafka."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from processors.agents.agent import Agent, AgentFunction
from processors.agents.memory import Memory
from processors.agents.step import Scene, step
from processors.conversations.process import process
from processors.conversations.world import World
from relevo.dead_letters.letter import gathered
from relevo.why.seen import Again, Seen
from relevo.why.trail import Trail
from runtime.kafka.offsets import Partition
from runtime.kafka.record import Record
from schemas import topics
from tests.builders.conversations import NOW, SOURCE, Source, conversation_key, world
from tests.builders.webhooks import LINE, PERSON

_LETTERS = topics.DEAD_LETTERS


class Log:
    """One partition of each topic. `passed` is how far conversations and agents have come."""

    def __init__(
        self, of: World | None = None, config: Mapping[str, Any] | None = None, **agents: AgentFunction
    ) -> None:
        """`config` is what the tenant's file has for each agent."""
        self._config = config or {}
        self.world = of or world(agents=("menu", "echo", "crm", *agents))
        self.records: dict[str, list[Seen]] = defaultdict(list)
        self.passed: dict[Partition, int | None] = {}
        self.now_ms = NOW
        self._agents = {name: Agent(name, function) for name, function in agents.items()}
        self._states: dict[bytes, bytes] = {}
        self._memories: dict[tuple[str, bytes], Memory] = {}

    def write(self, record: Record) -> Seen:
        """Append one record."""
        topic = self.records[record.topic]
        seen = Seen(record.topic, 0, len(topic), self.now_ms, record.key or b"", record.value, dict(record.headers))
        topic.append(seen)
        return seen

    def feed(self, *sources: Source) -> None:
        """Records to `inbound.conversations`, which nobody has handled yet."""
        for source in sources:
            self.write(Record(SOURCE, source.value, source.key, source.headers))

    def run(self) -> None:
        """Conversations and agents handle what there is, until nothing is left."""
        while self._conversations() or sum(map(self._agent, self._agents.values())):
            pass

    def conversations(self) -> bool:
        """Conversations alone handles what there is."""
        return self._conversations()

    def _left(self, topic: str) -> list[Source]:
        at = self.passed.get((topic, 0)) or 0
        found = self.records[topic][at:]
        self.passed[topic, 0] = at + len(found)
        return [_source(one) for one in found]

    def _conversations(self) -> bool:
        left = self._left(SOURCE)
        effects, _ = process(left, self._states.get, self.world, self.now_ms)
        for output in effects.outputs:
            self.write(output)
        for key, value in effects.writes.items():
            if value is None:
                self._states.pop(key, None)
            else:
                self._states[key] = value
        return bool(left)

    def _agent(self, agent: Agent) -> bool:
        left = self._left(topics.agent(agent.kind).name)
        scene = Scene(agent, lambda tenant: self._config, self.world.partitions)
        for record in left:
            place = agent.kind, record.key or b""
            done = asyncio.run(step(scene, record, self._memories.get(place, Memory()), self.now_ms))
            if done.memory is not None:
                self._memories[place] = done.memory
            for output in done.records:
                self.write(output)
        return bool(left)

    def all(self) -> list[Seen]:
        return [record for topic in self.records.values() for record in topic]

    def trail(self, did: str = LINE, contact: str = PERSON) -> Trail:
        """The trail of a conversation, with its dead letters."""
        letters = [one for one in self.all() if one.topic.endswith(_LETTERS)]
        others = [one for one in self.all() if not one.topic.endswith(_LETTERS)]
        trail = Trail(conversation_key(contact, did).decode(), self.passed)
        return trail.read(others).read(letters, gathered(map(Again, letters)))


def _source(one: Seen) -> Source:
    return Source(one.value, one.key, list(one.headers.items()), one.offset, one.topic, one.partition, one.at_ms)
