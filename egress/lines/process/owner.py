"""The owner: one worker's partitions, from the group's assignment to the calls, in group commits.

A cycle gathers what all lines can decide now, commits plans, refusals, receipts, progress and offsets in one
transaction fenced by the group's generation, and only then starts the calls; the next cycle does not wait for them.
Any error of a transaction ends the process, since memory ran ahead of Kafka. On revocation granting stops at once,
calls under way are waited for, then the partitions are let go.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from typing import Any

from confluent_kafka import TopicPartition

from egress.lines.gate.rules import Rules
from egress.lines.incoming import Incoming
from egress.lines.item import REPLIES
from egress.lines.now import Now
from egress.lines.partition import Partition
from egress.lines.process import gauges, posting
from egress.lines.process.backpressure import Backpressure
from egress.lines.process.behind import Behind
from egress.lines.process.fetching import Fetcher
from egress.lines.process.posting import Client, Poster
from egress.lines.process.recovery import Barrier, barriers, recover
from egress.lines.process.scout import Scout
from egress.lines.process.supplies import Supplies
from egress.lines.queues.crowd import Crowd
from egress.lines.queues.turns import Turns, share
from egress.lines.work import Work
from runtime import garbage, logs, metrics, points
from runtime.health import Health
from runtime.kafka.consumer import GroupConsumer, Membership
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from runtime.kafka.transactions import TransactionalProducer, TransactionFailed
from runtime.settings import KafkaSettings

GROUP = "relevo-egress"
IDLE_S = 1.0
PAUSE_S = 0.005
# While a backlog is read a cycle gathers more: each looks at every line.
BACKLOG_S = 0.02
COUNT_S = 5.0
REBALANCE_MARGIN_S = 3.0
# The client has one queue for all that it fetched: a reply stands in it behind what was fetched of a flood of
# templates. So it fetches at most so many bytes of a partition at a time, and more only when few records wait; how few,
# it looks often, for without being told so it would pause for a second each time that there are more.
READING: dict[str, Any] = {
    "max_partition_fetch_bytes": 256 * 1024,
    "queued_min_messages": 500,
    "fetch_queue_backoff_ms": 5,
}
BATCH, BATCHES = 500, 2
_log = logs.get(__name__)


class Owner:
    """Owns what the group gives it. `run` until it ends or raises, then `stop`."""

    def __init__(self, kafka: KafkaSettings, rules: Rules, client: Client, health: Health, instance: str) -> None:
        name = f"{GROUP}-{instance}"
        self._kafka, self._rules, self._health = kafka, rules, health
        posting.begin()
        self._partitions: dict[int, Partition] = {}
        self._turns: Turns[int] = Turns()
        self._wake, self._turn = asyncio.Event(), asyncio.Lock()
        self._producer = Producer(kafka)
        transaction_s = rules.settings.transaction_timeout_s
        self._transactions = TransactionalProducer(kafka, name, timeout_s=transaction_s)
        self._poster = Poster(rules, client, self._producer, self._wake.set)
        self._fetcher = Fetcher(kafka)
        self._supplies = Supplies(self._fetcher, self._wake.set)
        self._member = _membership(rules, name)
        self._crowd = Crowd(rules.settings.worker_memory, rules.settings.line_memory)
        self._consumer = GroupConsumer(
            kafka,
            self._member,
            on_assign=self._assigned,
            on_revoke=self._revoked,
            **READING,
        )
        self._pressure = Backpressure(self._consumer)
        self._behind = Behind(kafka)
        self._scout = Scout(kafka, self._behind, lambda: list(self._partitions.values()), self._wake.set)
        self._recovering: set[asyncio.Task[None]] = set()
        self._reported_s = self._counted_s = 0.0
        self._joined = False

    async def run(self, stopping: asyncio.Event) -> None:
        """Works until `stopping` is set. What it raises says why nothing more may be granted."""
        self._health.wait_for("recovery", "no partitions yet")
        await self._producer.start()
        await self._transactions.start()
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._consumer.start()
                self._joined = True
                reading = self._tasks.create_task(self._read(), name="reading")
                scouting = self._tasks.create_task(self._scout.run(), name="scouting")
                working = self._tasks.create_task(self._work(stopping), name="working")
                await stopping.wait()
                self._wake.set()
                await working
                reading.cancel()
                scouting.cancel()
        finally:
            self._forbid()

    async def stop(self) -> None:
        """Waits for the calls under way and their outcomes, then leaves the group."""
        self._forbid()
        if self._joined:
            await self._consumer.stop()
        await self._poster.drained()
        await self._fetcher.stop()
        await self._transactions.stop()
        await self._producer.stop()

    def wake(self) -> None:
        """Something changed that the next cycle should know at once."""
        self._wake.set()

    def _forbid(self) -> None:
        for partition in self._partitions.values():
            partition.granting = False

    # -- ownership

    async def _assigned(self, numbers: list[int]) -> list[TopicPartition]:
        self._health.wait_for("recovery", "partitions are being recovered")
        found = await barriers(self._kafka, self._consumer, numbers)
        crowd = self._crowd = Crowd(self._rules.settings.worker_memory, self._rules.settings.line_memory)
        pairs = {n: (Partition(n, self._rules, found[n].starts, crowd), found[n]) for n in numbers}
        self._partitions = {n: partition for n, (partition, _) in pairs.items()}
        task = self._tasks.create_task(self._recover(pairs), name="recovery")
        self._recovering.add(task)
        task.add_done_callback(self._recovering.discard)
        metrics.gauge(metrics.EGRESS_PARTITIONS).labels().set(len(numbers))
        return [part for n in numbers for part in found[n].assignment(n)]

    async def _recover(self, pairs: dict[int, tuple[Partition, Barrier]]) -> None:
        began = Now.read().s
        async with asyncio.timeout(self._rules.settings.recovery_s):
            await recover(self._kafka, pairs, self._wake.set)
        garbage.keep()
        self._health.met("recovery")
        metrics.histogram(metrics.EGRESS_RECOVERY_SECONDS).labels().observe(Now.read().s - began)

    async def _revoked(self, numbers: list[int]) -> None:
        """Stops granting at once, then waits for the transaction and the calls under way."""
        self._forbid()
        for task in self._recovering:
            task.cancel()
        self._supplies.cancel(set(self._partitions))
        async with self._turn:
            self._partitions = {}
        points.reach("lines_revoked")
        garbage.let_go()
        await self._poster.drained()
        self._pressure.forget()
        for n in numbers:
            self._health.progress.forget(f"{REPLIES}-{n}")
        metrics.gauge(metrics.EGRESS_PARTITIONS).labels().set(0)

    # -- reading

    async def _read(self) -> None:
        async for batch in self._consumer:
            now = Now.read()
            if len(batch.messages) >= self._member.batch:
                self._crowd.expect(now.s)
            self._behind.read(batch.messages)
            for message in batch.messages:
                incoming = Incoming.of(message)
                partition = self._partitions.get(incoming.partition)
                if partition is not None:
                    partition.read(incoming, now)
            await self._pressure.apply(self._partitions.values())
            self._wake.set()
            await asyncio.sleep(0)  # however much there is to read: a cycle that is due comes between two batches

    # -- the work cycle

    async def _work(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            self._wake.clear()
            self._poster.check()
            self._supplies.check()
            await self._cycle()
            for partition in self._partitions.values():
                if partition.recovered:
                    self._supplies.fetch(partition, Now.read())
            self._report()
            await self._rest()

    async def _rest(self) -> None:
        now = Now.read()
        if self._crowd.more(now.s):
            await asyncio.sleep(BACKLOG_S)
        full = len(self._poster) >= self._rules.settings.calls_parallel
        due = [p.next_at(now) for p in self._partitions.values() if p.recovered and not full]
        rest = min(IDLE_S, max(PAUSE_S, min(due, default=IDLE_S + now.s) - now.s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(rest):
                await self._wake.wait()

    async def _cycle(self) -> None:
        async with self._turn:
            works = self._gather()
            if not works:
                return
            records = list(itertools.chain.from_iterable(work.records() for _, work in works))
            await self._commit(records, _offsets(works), sum(len(work.grants) for _, work in works))
            for partition, work in works:
                for grant in work.grants:
                    self._poster.start(grant, partition.lines[grant.plan.did])
        await self._pressure.apply(self._partitions.values())

    def _gather(self) -> list[tuple[Partition, Work]]:
        now, settings = Now.read(), self._rules.settings
        room = min(settings.calls_parallel - len(self._poster), settings.group_max)
        works = []
        recovered = {n: partition for n, partition in self._partitions.items() if partition.recovered}
        hungry = self._turns.order(n for n, partition in recovered.items() if partition.hungry)
        for place, n in enumerate([*hungry, *(recovered.keys() - set(hungry))]):
            partition = recovered[n]
            work, granted = partition.cycle(now, share(room, len(hungry) - place))
            room -= granted
            if granted:
                self._turns.took(n, granted)
            if not work.empty:
                works.append((partition, work))
        return works

    async def _commit(self, records: list[Record], offsets: list[TopicPartition], plans: int) -> None:
        began = Now.read().s
        if plans:
            points.reach("plan_written")
        try:
            metadata = self._consumer.group_metadata()
            await self._transactions.commit(records, offsets, metadata, marked=plans > 0)
        except TransactionFailed:
            self._consumer.give_up()  # before anything else: a revocation may be waiting for this very commit
            raise
        if plans:
            points.reach("plan_committed")
            metrics.histogram(metrics.EGRESS_TRANSACTION_PLANS).labels().observe(plans)
        metrics.histogram(metrics.EGRESS_TRANSACTION_SECONDS).labels().observe(Now.read().s - began)

    def _report(self) -> None:
        """That the cycle turns is the progress: messages may wait for their turn as long as pacing says."""
        now = Now.read()
        if now.s - self._reported_s < IDLE_S:
            return
        self._reported_s = now.s
        metrics.gauge(metrics.EGRESS_OPEN_CALLS).labels().set(len(self._poster))
        metrics.gauge(metrics.EGRESS_CALLS_LIMIT).labels().set(self._rules.settings.calls_parallel)
        for n, partition in self._partitions.items():
            position = partition.anchor
            self._health.progress.record(f"{REPLIES}-{n}", position, position)
        if now.s - self._counted_s >= COUNT_S:
            self._counted_s = now.s
            gauges.show(list(self._partitions.values()), now)
            self._rules.accounts.report(now.s)


def _offsets(works: list[tuple[Partition, Work]]) -> list[TopicPartition]:
    """New offsets, and where there are none the anchor's as it is: without offsets nothing would be fenced."""
    offsets = [
        TopicPartition(topic, number, offset) for _, work in works for (topic, number), offset in work.offsets.items()
    ]
    return offsets or [TopicPartition(REPLIES, works[0][0].number, works[0][0].anchor)]


def _membership(rules: Rules, name: str) -> Membership:
    rebalance_s = rules.settings.rebalance_timeout_s
    return Membership(
        group=GROUP,
        topic=REPLIES,
        instance=name,
        session_s=rules.settings.session_timeout_s,
        rebalance_s=rebalance_s,
        callback_s=max(rebalance_s - REBALANCE_MARGIN_S, rebalance_s / 2),
        batch=BATCH,
        batches=BATCHES,
    )
