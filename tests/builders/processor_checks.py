"""What must hold of the processors' model, in the middle, after an erasure, and when all was idle for long."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from processors.agents.memory import HELD, Memory
from processors.agents.memory import decode as decode_memory
from processors.conversations.state import State
from processors.conversations.state import decode as decode_state
from schemas import topics
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import decode
from tests.builders.conversations import SOURCE
from tests.builders.processor_model import Model
from tests.builders.processor_world import AGENTS, PARTITIONS, Person


class Checked(Model):
    """A model that is judged."""

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


async def _play(model: Checked, steps: int) -> list[str]:
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
    model = Checked(seed, remembers=seed % 2 == 0, trades=seed % 3 == 0)
    return list(dict.fromkeys(asyncio.run(_play(model, steps))))
