"""Calls that hang for one account leave room for the calls of the others."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from egress.chattigo.result import CallResult
from egress.lines.incoming import Incoming
from egress.lines.item import REPLIES
from egress.lines.partition import COMMITTED, Partition
from egress.lines.process.owner import Owner
from egress.lines.process.posting import Poster
from runtime import metrics
from runtime.health import Health
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from schemas.record import encode
from schemas.tenant import Account, Line
from tests.builders.lines import START, message, rules, tenant

HUNG, WELL = "isv|hung", "isv|well"
LINES = [f"5691111112{n}" for n in range(4)]
OTHER = "56911111130"


class Chattigo:
    """Never answers one account until it is let; remembers who was called."""

    def __init__(self) -> None:
        self.called: list[str] = []
        self.released = asyncio.Event()

    async def post(self, account: Account, *_: object, **__: object) -> CallResult:
        self.called.append(account.key)
        if account.key == HUNG:
            await self.released.wait()
        return CallResult(kind="accepted", status=200)


class Kafka:
    """Takes everything at once."""

    def group_metadata(self) -> object:
        return self

    async def commit(self, *_: object, marked: bool = True) -> None: ...
    async def apply(self, partitions: object) -> None: ...
    async def send_all(self, records: Sequence[Record]) -> None: ...


def worker(chattigo: Chattigo) -> tuple[Any, Partition]:
    """An owner of four lines of an account that hangs and one of another; eight calls at once, a quarter an account."""
    accounts = {
        name: Account(service="isv", base=f"http://{name}", username=name, password="x") for name in ("hung", "well")
    }
    lines = [Line(did=did, sends="hung", rate=1000) for did in LINES] + [Line(did=OTHER, sends="well", rate=1000)]
    made = rules(tenant(accounts=accounts, lines=lines), calls_parallel=8, line_parallel=2)
    kafka = Kafka()
    owner = cast("Any", Owner(KafkaSettings(), made, cast("Any", chattigo), Health(), "0"))
    owner._transactions = owner._consumer = owner._pressure = kafka
    owner._poster = Poster(made, cast("Any", chattigo), cast("Producer", kafka), owner._wake.set)
    partition = Partition(0, made, dict.fromkeys(COMMITTED, 0))
    partition.recover(START)
    owner._partitions = {0: partition}
    return owner, partition


def reply(partition: Partition, offset: int, did: str) -> None:
    said = msgspec.structs.replace(message(f"m{offset}", f"569{offset}"), did=did)
    partition.read(Incoming(REPLIES, 0, offset, b"k", encode(said), []), START)


async def cycles(owner: Any, until: Any) -> None:
    async with asyncio.timeout(10):
        while not until():
            await owner._cycle()
            await asyncio.sleep(0)


async def test_calls_that_hang_for_one_account_never_keep_another_from_its_own() -> None:
    chattigo = Chattigo()
    owner, partition = worker(chattigo)
    for offset in range(40):
        reply(partition, offset, LINES[offset % 4])
    await cycles(owner, lambda: chattigo.called.count(HUNG) == 2)
    for offset in range(40, 60):
        reply(partition, offset, OTHER)
    await cycles(owner, lambda: chattigo.called.count(WELL) == 20)
    assert chattigo.called.count(HUNG) == 2, "its share is a quarter of eight"
    chattigo.released.set()
    await cycles(owner, lambda: chattigo.called.count(HUNG) == 40)
    await owner._poster.drained()
    assert chattigo.called.count(WELL) == 20


async def test_calls_are_shown_while_they_run_and_their_messages_counted_with_how_long_they_waited() -> None:
    chattigo = Chattigo()
    owner, partition = worker(chattigo)
    due = {"suffix": "_count", "message_class": "reply"}
    before = metrics.PROCESS.value(metrics.EGRESS_DUE_SECONDS, **due)
    messages = {"tenant": "acme", "message_class": "reply", "outcome": "accepted"}
    accepted = metrics.PROCESS.value(metrics.EGRESS_MESSAGES, **messages)
    reply(partition, 0, LINES[0])
    await cycles(owner, lambda: HUNG in chattigo.called)
    owner._report()
    assert metrics.PROCESS.value(metrics.EGRESS_OPEN_CALLS) == 1
    assert metrics.PROCESS.value(metrics.EGRESS_CALLS_LIMIT) == 8
    assert metrics.PROCESS.value(metrics.EGRESS_DUE_SECONDS, **due) == before + 1, "told when it goes"
    chattigo.released.set()
    await owner._poster.drained()
    assert metrics.PROCESS.value(metrics.EGRESS_MESSAGES, **messages) == accepted + 1
    assert metrics.PROCESS.value(metrics.EGRESS_DUE_SECONDS, **due) == before + 1


async def test_partitions_that_all_have_something_to_send_share_the_calls_of_a_worker() -> None:
    """One call at a time: the first partition, with a backlog, does not keep the others from theirs."""
    chattigo = Chattigo()
    owner, first = worker(chattigo)
    partitions = [first, *(Partition(n, owner._rules, dict.fromkeys(COMMITTED, 0)) for n in (1, 2))]
    for partition in partitions[1:]:
        partition.recover(START)
    owner._partitions = dict(enumerate(partitions))
    for offset in range(30):
        for number, partition in enumerate(partitions):
            partition.read(_said(number, offset), START)
    owner._poster = Narrow(7)
    counts = {0: 0, 1: 0, 2: 0}
    for _ in range(30):
        for partition, work in owner._gather():
            counts[partition.number] += len(work.grants)
            for grant in work.grants:
                partition.lines[grant.plan.did].calls -= 1
                owner._rules.accounts.ended(grant.plan.account, grant.plan.plan_id, OK, START.s, owner._rules.settings)
    assert sum(counts.values()) == 30
    assert set(counts.values()) == {10}


class Narrow:
    """So many calls are under way always."""

    def __init__(self, calls: int) -> None:
        self._calls = calls

    def __len__(self) -> int:
        return self._calls


OK = CallResult(kind="accepted", status=200)


def _said(number: int, offset: int) -> Incoming:
    said = msgspec.structs.replace(message(f"m{number}-{offset}", f"569{number}{offset:04}"), did=OTHER)
    return Incoming(REPLIES, number, offset, b"k", encode(said), [])
