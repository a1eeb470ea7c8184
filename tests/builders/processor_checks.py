"""What must hold of the processors' model, in the middle, after an erasure, and when all was idle for long."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import orjson

from processors.agents.memory import Memory
from processors.agents.memory import decode as decode_memory
from processors.conversations.state import State
from processors.conversations.state import decode as decode_state
from schemas import phone, topics
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import decode
from tests.builders.conversations import SOURCE
from tests.builders.processor_model import Model
from tests.builders.processor_world import AGENTS, LIMITS, PARTITIONS, Person


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

    async def stuck(self) -> list[str]:
        """People whom no agent hears, though all is done, the bot owns their conversation, and hand-offs had their
        time to come about."""
        self.now_ms += int(LIMITS.hand_off_s * 1000) + 1_000_000  # budgets against loops are full again, too
        written: dict[str, bytes] = {}
        for key, state in sorted(self.states().items()):
            did, contact = key.decode().split("|")
            if state.owner == "bot" and not state.alias and phone.is_number(contact):
                written[self.writes_plainly(did, contact)] = key
        await self.settle()
        heard = {event_id for agent, event_id in self.handled if agent == "menu"}
        return [
            f"menu does not hear {key!r} in {event_id}" for event_id, key in written.items() if event_id not in heard
        ]

    def remains(self) -> list[str]:
        """What is left of people after long idling, beyond their wishes and what agents keep."""
        left = [f"state of {key!r}: {state}" for key, state in self.states().items() if state != state.wish()]
        return left + [
            f"memory of {place}: {memory}"
            for place, memory in self.memories().items()
            if memory.lines or memory.alarms or memory.held or memory.muted_since != -1 or memory.is_idle()
        ]

    def traces(self, person: Person) -> list[str]:
        """What is still known of a person who was erased."""
        found = []
        for key, state in self.states().items():
            if key.decode().rpartition("|")[2] in person.contacts and not state.forgotten:
                found.append(f"state of {key!r}: {state}")
            if (
                key.decode().rpartition("|")[2] not in person.contacts
                and {state.user_id, state.alias} & person.contacts
            ):
                found.append(f"state of {key!r} names the person")
        for (agent, key), memory in self.memories().items():
            if key.decode().rpartition("|")[2] in person.contacts and (
                memory.said or memory.lines or memory.alarms or memory.held
            ):
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
    wrong = [*model.judge(), *await model.stuck()]
    if model.random.random() < 0.5:
        for person in model.people:
            model.erase(person)
        await model.settle()
        wrong += [trace for person in model.people for trace in model.traces(person)]
    await model.idle()
    return [*wrong, *model.judge(), *model.remains()]


def played(seed: int, steps: int = 400) -> list[str]:
    """A run from beginning to end; what was wrong."""
    model = Checked(seed, remembers=seed % 2 == 0, trades=seed % 3 == 0, rows=seed % 4 != 1)
    return list(dict.fromkeys(asyncio.run(_play(model, steps))))
