"""The world of the processors' model: tenants, lines, people, partitions that are logs, and what left."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable

from processors.agents.limits import Limits
from processors.agents.loops import Loops
from processors.conversations.world import Rules, World
from runtime.engine import Effects, TableView
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.dead_letter import Cause
from schemas.tenant import Account, Line, Routing, Rule, Tenant, When
from tests.builders.conversations import NOW, SOURCE, Source

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


class ModelWorld:
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
        self.outputs: list[Record] = []
        self.letters: list[Record] = []
        self.wrong: list[str] = []
        self.posted: dict[str, Person] = {}
        self.asked: dict[str, str] = {}  # ids of poison, by what they are
        self.handled: Counter[tuple[str, str]] = Counter()
        self.forgiven: set[str] = set()  # ids that may be handled again: put back
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

    def _person(self, name: str) -> Person:
        return next(person for person in self.people if person.name == name)

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
