"""A line with a million to send, and 50 neighbours on its partition: for how many of its calls does each of them wait?

    python -m bench.neighbours --work campaign --json
    python -m bench.neighbours --work singles --recipients 100000

A worker as it is deployed, on a genuine Kafka, with a server that takes every call and keeps its body in their order.
While the big line sends, as one campaign or as single templates, each neighbour has a template or a reply to send now
and then. Told is how many calls of the big line came between a neighbour's message and its call, of each kind:

- `before`: a template that stands before the big line's records on Kafka when the worker starts;
- `last`: one that stands behind them then: the wait is counted from the worker's start;
- `behind`: one that is put while it runs, behind records of the big line that it has not read yet;
- `later`: one that is put when it has read them all;
- `reply`: a reply.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson

from bench import cpu, report
from bench.cluster import PARTITIONS, Cluster
from bench.egress import stage, world
from bench.processes import ProcessFailed
from egress.lines.process.owner import GROUP
from runtime.clock import now_ms
from runtime.kafka.record import Record
from runtime.secrets import KeyRing, generate_key
from schemas import ids, keys, topics
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Recipient
from schemas.headers import Headers
from schemas.outbound import OutboundMessage
from schemas.record import encode
from schemas.session import Template, Text
from schemas.tenant import Account, Line, TemplateSpec, Tenant

MILLION = 1_000_000
NEIGHBOURS = 50
MOST = 3  # calls of the big line that a neighbour's message may wait for
RATE = 1000.0  # of each line, the highest that WhatsApp gives: a full call a second
CALLS = 60  # of the big line, while neighbours are at work
TENANT, CAMPAIGN = "acme", "million"
_ROUNDS = 4  # messages of each neighbour
_FEW = 10  # neighbours that have a template before the big line's records, and one behind them
_SLICE = 10_000
_JUST_COMING = 100  # so few records are not unread but on their way
_FAR_MS = 10**13
_POLL_S = 0.05
_WORK_S = 900.0
_TEMPLATE = Template(name="promo", language="es", body=["x"])


def lines_of_one_partition(count: int) -> list[str]:
    """So many numbers that share partition 0."""
    every = (f"5691{number:07d}" for number in itertools.count())
    return list(itertools.islice((did for did in every if keys.partition(did, PARTITIONS) == 0), count))


def tenant(base: str, dids: list[str]) -> Tenant:
    """All lines have the same accounts, so they share the calls that these may have at once. A neighbour's call is full
    with one recipient, so that none waits for others to fill it."""
    accounts = {
        service: Account(service=service, base=base, username="a@acme", password="", destination_ids=True)
        for service in ("hsm", "isv")
    }
    return Tenant(
        tenant=TENANT,
        accounts=accounts,
        lines=[
            Line(did=did, sends="isv", templates="hsm", rate=RATE, batch_max=1 if neighbour else world.CALL)
            for neighbour, did in enumerate(dids)
        ],
        templates=[TemplateSpec(name="promo", language="es", category="marketing", body=1)],
    )


def message(did: str, name: str, to: str, *, reply: bool) -> Record:
    """A template for one person, or a reply; its text or its parameter is its name."""
    said = OutboundMessage(
        id=ids.message_id_of_request(TENANT, name),
        tenant=TENANT,
        did=did,
        contact=to,
        to=to,
        content=Text(body=name) if reply else Template(name="promo", language="es", body=[name]),
        send_class="reply" if reply else "marketing",
        window_expires_ms=_FAR_MS,
        at_ms=now_ms(),
    )
    topic = topics.OUTBOUND_REPLIES if reply else topics.OUTBOUND_TEMPLATES
    key = keys.conversation(did, to) if reply else said.id
    headers = Headers(id=said.id, type="message", tenant=TENANT, at_ms=said.at_ms).to_kafka()
    return Record(topic.name, encode(said), key.encode(), headers, partition=0)


def campaign(cluster: Cluster, did: str, recipients: int) -> None:
    """Chunks first, then the commit point."""
    counts = [min(world.CALL, recipients - first) for first in range(0, recipients, world.CALL)]
    chunks = (_chunk(did, index, count) for index, count in enumerate(counts))
    cluster.feed(chunks)  # in order, and alone on their topic: the nth stands at offset n
    refs = [ChunkRef(index, count) for index, count in enumerate(counts)]
    definition = Definition(
        campaign=CAMPAIGN, tenant=TENANT, did=did, template=_TEMPLATE, created_ms=now_ms(), send_class="marketing"
    )
    digest = hashlib.blake2b(encode(refs), digest_size=16).hexdigest()
    contents = Contents(campaign=CAMPAIGN, did=did, total=recipients, chunks=refs, digest=digest, committed_ms=now_ms())
    parts = {"definition": definition, "contents": contents}
    cluster.feed(_part(did, name, encode(part)) for name, part in parts.items())


def _chunk(did: str, index: int, count: int) -> Record:
    first = index * world.CALL
    people = [Recipient(f"57{first + n:010d}", ["x"]) for n in range(count)]
    digest = hashlib.blake2b(encode(people), digest_size=16).hexdigest()
    chunk = Chunk(campaign=CAMPAIGN, did=did, index=index, first=first, recipients=people, digest=digest)
    key = keys.join(CAMPAIGN, f"{did}-{index}")
    headers = Headers(id=key, type="campaign", tenant=TENANT, at_ms=0).to_kafka()
    return Record(topics.CAMPAIGNS_CHUNKS.name, encode(chunk), key.encode(), headers, partition=0)


def _part(did: str, part: str, value: bytes) -> Record:
    key = keys.join(did, CAMPAIGN, part)
    headers = Headers(id=key, type="campaign", tenant=TENANT, at_ms=0).to_kafka()
    return Record(topics.CAMPAIGNS.name, value, key.encode(), headers, partition=0)


def singles(cluster: Cluster, did: str, recipients: int) -> None:
    """The same people, a record each."""
    for first in range(0, recipients, _SLICE):
        people = range(first, min(first + _SLICE, recipients))
        cluster.feed(message(did, f"b{n}", f"57{n:010d}", reply=False) for n in people)


class Calls:
    """What came at the server, in its order. A neighbour's message is known by its name."""

    def __init__(self, server: stage.Server, big: str) -> None:
        self._server, self._big = server, big
        self.big = 0
        self.largest = 0
        self.people: Counter[str] = Counter()
        self.came: dict[str, list[int]] = {}  # of each name how many of the big line's calls had come before

    def look(self) -> Calls:
        for body in self._server.calls():
            call = orjson.loads(body)
            hsm = call.get("hsm")
            if hsm is None:
                self._name(call["text"]["body"])
            elif call["did"] == self._big:
                self.big += 1
                self.largest = max(self.largest, len(hsm["destinations"]))
                self.people.update(one["destination"] for one in hsm["destinations"])
            else:
                for one in hsm["destinations"]:
                    self._name(one["parameters"][0])
        return self

    def _name(self, name: str) -> None:
        self.came.setdefault(name, []).append(self.big)


def neighbours(dids: list[str], calls: int) -> Iterator[tuple[int, str, str, bool]]:
    """Behind which call of the big line a message is put: its line, its name, and whether it is a reply. The first
    and the last of the calls have none."""
    dice = random.Random(51)
    probes = [(dice.uniform(0.1, 0.8) * calls, did, turn) for turn in range(_ROUNDS) for did in dids]
    for number, (at, did, turn) in enumerate(sorted(probes)):
        yield int(at), did, f"n{number}", turn % 2 == 0


def play(folder: Path, work: str, recipients: int, watched: int, stack: ExitStack) -> dict[str, Any]:
    """The whole of it; the figures."""
    cores = cpu.plan().others | cpu.plan().measured
    cluster = stack.enter_context(Cluster(cores))
    cluster.create(())
    server = stack.enter_context(stage.Server(folder, "chattigo", cores))
    big, *others = lines_of_one_partition(1 + NEIGHBOURS)
    _set(cluster, tenant(server.address, [big, *others]), folder / "keys")
    probes = Probes(cluster, Calls(server, big))
    probes.put_all(others[:_FEW], "before")
    (campaign if work == "campaign" else singles)(cluster, big, recipients)
    probes.put_all(others[:_FEW], "last")
    worker = stack.enter_context(stage.worker(cluster, folder / "keys", folder, {}))
    calls = probes.calls
    unread = cluster.progress(GROUP, topics.OUTBOUND_TEMPLATES.name)
    stack.callback(unread.close)
    for after, did, name, reply in neighbours(others, watched):
        _until(calls, worker, lambda after=after: calls.big >= after)  # type: ignore[misc]
        behind = not reply and unread.left() > _JUST_COMING
        probes.put(did, name, "reply" if reply else "behind" if behind else "later")
    _until(calls, worker, probes.all_came)
    waits = probes.waits()
    return {
        "work": work,
        "recipients": recipients,
        "lines": 1 + NEIGHBOURS,
        "calls": calls.big,
        "largest_call": calls.largest,
        "neighbours_messages": len(calls.came),
        "waited_calls": {kind: [len(found), found[len(found) // 2], found[-1]] for kind, found in waits.items()},
        "waited_calls_max": max(found[-1] for found in waits.values()),
        "waited_too_long": sum(count > MOST for found in waits.values() for count in found),
        "doubled": sum(count > 1 for count in calls.people.values()) + sum(len(c) > 1 for c in calls.came.values()),
    }


class Probes:
    """The neighbours' messages: of which kind each is, and how many of the big line's calls had come before it."""

    def __init__(self, cluster: Cluster, calls: Calls) -> None:
        self._cluster, self.calls = cluster, calls
        self._asked: dict[str, int] = {}
        self._kinds: dict[str, str] = {}

    def put(self, did: str, name: str, kind: str) -> None:
        to = f"56{len(self._kinds):09d}"
        self._cluster.feed([message(did, name, to, reply=kind == "reply")])
        self._asked[name], self._kinds[name] = self.calls.look().big, kind  # it waits from when Kafka has it

    def put_all(self, dids: list[str], kind: str) -> None:
        for number, did in enumerate(dids):
            self.put(did, f"{kind}{number}", kind)

    def all_came(self) -> bool:
        return len(self.calls.came) == len(self._asked)

    def waits(self) -> dict[str, list[int]]:
        """Of each kind for how many calls its messages waited, the least first."""
        found: dict[str, list[int]] = {}
        for name, came in self.calls.came.items():
            found.setdefault(self._kinds[name], []).append(max(0, came[0] - self._asked[name]))
        return {kind: sorted(counts) for kind, counts in sorted(found.items())}


def _set(cluster: Cluster, only: Tenant, keyring: Path) -> None:
    key = generate_key("bench")
    keyring.write_text(key)
    tokens = [world.token(account, "a token", KeyRing.parse(key), now_ms()) for account in only.accounts.values()]
    cluster.feed([Record(topics.TENANTS.name, encode(only), TENANT.encode(), partition=0), *tokens])


def _until(calls: Calls, worker: stage.Program, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WORK_S
    while not true():
        calls.look()
        worker.check()
        if time.monotonic() > deadline:
            raise ProcessFailed(f"{calls.big} calls of the big line after {_WORK_S:g} s: {worker.tail()}")
        time.sleep(_POLL_S)


def main() -> int:
    """Returns the exit code: 1 where a neighbour waited for more calls than it may, or anybody was sent to twice."""
    parser = argparse.ArgumentParser("python -m bench.neighbours", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--work", choices=("campaign", "singles"), default="campaign")
    parser.add_argument("--recipients", type=int, default=MILLION)
    parser.add_argument("--calls", type=int, default=CALLS, help="of the big line, during which neighbours send")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        found = play(Path(folder), options.work, options.recipients, options.calls, stack)
    found |= {"seconds": round(time.monotonic() - started, 1), "machine": cpu.machine()}
    report.show(found, as_json=options.json)
    return 1 if found["waited_too_long"] or found["doubled"] else 0


if __name__ == "__main__":
    sys.exit(main())
