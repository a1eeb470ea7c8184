"""What must come out of `ours`, computed offline from the input alone, and what did.

Each event goes once, in order and with the headers that came, to the agent that the first matching rule names and to
every tap; of each conversation the recent ids, the last time, the window and the name are kept. Rules are tried by the
code of `truth`, not by the processor's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from bench.cluster import Cluster
from bench.processors.settings import RING, WINDOW_S
from bench.processors.truth import Heard, heard, picked
from bench.processors.verdict import Verdict, lost_of
from runtime.kafka.record import Record
from schemas.tenant import Tenant

Place = tuple[str, bytes]


class Told(NamedTuple):
    """What an agent is told; `cause` are the headers."""

    id: str
    did: str
    contact: str
    at_s: int
    name: str
    window: int
    id_chat: str
    cause: tuple[tuple[str, bytes], ...]


class Facts(NamedTuple):
    """What is kept of a conversation at the end."""

    seen: tuple[str, ...] = ()
    last_inbound: int = 0
    window: int = 0
    name: str = ""

    def after(self, event: Heard) -> Facts:
        seen = (*self.seen, event.id)[-RING:]
        return Facts(seen, max(self.last_inbound, event.at_s), event.at_s + WINDOW_S, event.name)


class Truth(NamedTuple):
    """By (agent, conversation's key) what it is told, in order; by key what is kept."""

    told: dict[Place, list[Told]]
    facts: dict[bytes, Facts]


def compute(owners: Iterable[Tenant], sources: Iterable[Record]) -> Truth:
    """The truth of these records, read in this order."""
    lines = {line.did: owner for owner in owners for line in owner.lines}
    told: dict[Place, list[Told]] = defaultdict(list)
    facts: dict[bytes, Facts] = {}
    for record in sources:
        key = record.key or b""
        did, person = key.decode().split("|")
        event, before = heard(orjson.loads(record.value or b"")), facts.get(key, Facts())
        if event.id in before.seen:
            continue
        facts[key] = before.after(event)
        cause = tuple(sorted(record.headers))
        what = Told(event.id, did, person, event.at_s, event.name, event.at_s + WINDOW_S, event.id_chat, cause)
        for agent in dict.fromkeys((picked(lines[did], did, event, "bot"), *lines[did].routing.also)):
            told[agent, key].append(what)
    return Truth(dict(told), facts)


def judge(cluster: Cluster, topics: Mapping[str, str], changelog: str, truth: Truth) -> Verdict:
    """Read what `ours` wrote and compare. `topics` are by agent."""
    told: dict[Place, list[Told]] = defaultdict(list)
    read = cluster.read(*topics.values(), changelog)
    for agent, topic in topics.items():
        for record in read[topic]:
            told[agent, record.key].append(told_of(record.value, record.headers))
    states = {record.key: record.value for record in read[changelog]}
    return verdict_of(truth, told, {key: facts_of(value) for key, value in states.items() if value is not None})


def verdict_of(truth: Truth, told: Mapping[Place, Sequence[Told]], facts: Mapping[bytes, Facts]) -> Verdict:
    """What differs."""
    lost, examples = lost_of(truth.told, told)
    wrong = [key for key in truth.facts.keys() | facts.keys() if truth.facts.get(key) != facts.get(key)]
    shown = [f"{key!r}: {facts.get(key)}, expected {truth.facts.get(key)}" for key in wrong[:5]]
    return Verdict(lost, len(wrong), (*examples, *shown))


def told_of(value: bytes | None, headers: Mapping[str, bytes]) -> Told:
    """A record on an agent's topic."""
    found: dict[str, Any] = orjson.loads(value or b"{}")
    fields = {name: found[name] for name in Told._fields if name != "cause"}
    return Told(**fields, cause=tuple(sorted(headers.items())))


def facts_of(value: bytes) -> Facts:
    """A record on the changelog."""
    found: dict[str, Any] = orjson.loads(value)
    return Facts(**{**found, "seen": tuple(found["seen"])})
