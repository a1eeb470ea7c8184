"""A worker program for the tests: a keyed processor that drops duplicates and forwards the rest.

Its table holds a counter and the ids seen, by key, as JSON; its output is the input with the key's new counter as
a header. So a lost, doubled or swapped event, and a table that does not fit the outputs, all show in Kafka.

One argument, a JSON object; see `Plan`. `stop_at` and `kill_at` freeze or kill the process itself just before the
n-th commit, when the transaction already holds outputs, changes and offsets; `stop_before` freezes it before the
n-th transaction begins, with the works of it in hand; `kill_in` kills it in the middle of the n-th chunk, or
of the next one that has a middle. With `counts_with` only transactions count that begin while it has so many
partitions.
"""

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import confluent_kafka
import uvloop

from runtime.engine import (
    Chunk,
    ChunkHandler,
    Effects,
    Engine,
    EngineSettings,
    EventHandler,
    Exit,
    SilentObserver,
    SourceRecord,
    StopTimeout,
    TableView,
)
from runtime.engine.fatal import end_process
from runtime.kafka import transactions
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings

log = logging.getLogger("worker")


@dataclass
class Plan:
    """How to run. `pause_s` slows every chunk down; `expire_s` removes keys, all of them, so often; a key remembers
    its last `ring` events, all if that is 0; the changelog must move within `stall_s` while it is read."""

    bootstrap: str
    app_id: str
    source: str
    output: str
    changelog: str
    instance: str = "0"
    session_s: float = 6.0
    transaction_s: float = 5.0
    chunk_max: int = 200
    pause_s: float = 0.0
    stop_s: float = 10.0
    expire_s: float = 0.0
    stall_s: float = 60.0
    ring: int = 0
    kill_in: int = 0
    stop_before: int = 0
    stop_at: int = 0
    kill_at: int = 0
    counts_with: int = 0


def state_of(table: TableView, key: bytes) -> dict[str, Any]:
    raw = table.get(key)
    return {"count": 0, "seen": []} if raw is None else dict(json.loads(raw))


def absorb(plan: Plan, record: SourceRecord, state: dict[str, Any], effects: Effects) -> None:
    """One event into its key's state, and out, unless it was seen before."""
    assert record.key is not None
    assert record.value is not None
    event = record.value[: record.value.index(b" ")].decode()
    if event == "forget":
        state.update(count=0, seen=[])
        effects.writes[record.key] = None
    elif event not in state["seen"]:
        state["seen"] = [*state["seen"], event][-plan.ring :]
        state["count"] += 1
        headers = [*record.headers, ("count", str(state["count"]).encode())]
        effects.outputs.append(Record(plan.output, record.value, record.key, headers))
        effects.writes[record.key] = json.dumps(state).encode()


class Processor:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.chunks = 0

    async def handle(self, chunk: Chunk, table: TableView) -> Effects:
        effects = Effects()
        states: dict[bytes, dict[str, Any]] = {}
        self.chunks += 1
        for number, record in enumerate(chunk):
            if 0 < self.plan.kill_in <= self.chunks and 0 < number == len(chunk) // 2:
                log.info("%r: in the middle of a chunk, at record %d", chunk, number)
                signal_itself(signal.SIGKILL)
            assert record.key is not None
            state = states.setdefault(record.key, state_of(table, record.key))
            absorb(self.plan, record, state, effects)
        if self.plan.pause_s:
            await asyncio.sleep(self.plan.pause_s)
        return effects

    def expire(self, table: TableView) -> Effects:
        return Effects(writes={key: None for key, _ in table.sweep(50)})


class SelfStoppingProducer(confluent_kafka.Producer):
    plan: Plan
    begun = 0
    partitions = 0

    def begin_transaction(self) -> None:
        type(self).begun += self.plan.counts_with in (0, self.partitions)
        if self.plan.stop_before and self.plan.stop_before == self.begun:
            signal_itself(signal.SIGSTOP)
        super().begin_transaction()

    def commit_transaction(self, *args: Any) -> None:
        for at, number in ((self.plan.stop_at, signal.SIGSTOP), (self.plan.kill_at, signal.SIGKILL)):
            if at and at == self.begun:
                self.flush(5)
                signal_itself(number)
        super().commit_transaction(*args)


class Holdings(SilentObserver):
    def recovered(self, partitions: int, records: int, seconds: float) -> None:
        SelfStoppingProducer.partitions = partitions


def signal_itself(number: signal.Signals) -> None:
    log.info("stopping itself")
    os.kill(os.getpid(), number)
    time.sleep(0.1)
    log.info("going on")


async def main(plan: Plan, handler: ChunkHandler | EventHandler) -> None:
    engine = Engine(
        app_id=plan.app_id,
        source=plan.source,
        changelog=plan.changelog,
        kafka=KafkaSettings(bootstrap=plan.bootstrap),
        handler=handler,
        instance=plan.instance,
        outputs=[plan.output],
        observer=Holdings(),
        settings=EngineSettings(
            session_s=plan.session_s,
            heartbeat_s=1.0,
            rebalance_s=10.0,
            transaction_s=plan.transaction_s,
            drain_s=5.0,
            recovery_stall_s=plan.stall_s,
            chunk_max=plan.chunk_max,
        ),
    )
    if plan.expire_s:
        engine.every(plan.expire_s, Processor(plan).expire)
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    await engine.start()
    await engine.wait_ready()
    log.info("worker ready: keys=%d", sum(one.keys for one in engine.progress()))
    await stopping.wait()
    log.info("stopping: keys=%d %s", sum(one.keys for one in engine.progress()), engine.progress())
    try:
        await engine.stop(plan.stop_s)
    except StopTimeout as error:
        end_process(Exit.STOP, "%s", error)
    log.info("stopped")


def run(handler_of: Callable[[Plan], ChunkHandler | EventHandler]) -> None:
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(message)s", stream=sys.stdout)
    plan = SelfStoppingProducer.plan = Plan(**json.loads(sys.argv[1]))
    setattr(transactions, "Client", SelfStoppingProducer)  # noqa: B010 - it is not exported
    uvloop.run(main(plan, handler_of(plan)))


if __name__ == "__main__":
    run(lambda plan: Processor(plan).handle)
