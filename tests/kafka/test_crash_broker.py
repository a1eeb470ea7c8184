"""The crash matrix, by the broker: it is stopped or frozen in the middle of a load, longer than a transaction may take.

Workers whose transaction failed end and are started again, as Kubernetes does it. They stand for a moment before a
broker is stopped: a lone one that ends in the middle of a commit may forget markers, which is Kafka's own
(docs/engine.md).
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from sandbox.kafka import Broker
from tests.builders.accounts import closed
from tests.builders.egress import until
from tests.builders.scene import Load, Scene

# Stopping and starting takes some seconds more. A transaction may take four.
AWAY_S = {"stopped": 3.0, "frozen": 7.0}
# What was let through before ends meanwhile: a commit takes milliseconds.
STAND_S = 1.0
LOAD = Load(people=4, replies=10, singles=10, recipients=40)


@pytest.fixture(scope="module")
def own() -> Iterator[Broker]:
    with Broker() as broker:
        yield broker


@pytest.mark.parametrize(("number", "how"), [(0, "stopped"), pytest.param(1, "frozen", marks=pytest.mark.long)])
async def test_a_broker_that_goes_away_and_comes_back(own: Broker, number: int, how: str) -> None:
    async with Scene(own.bootstrap, 400 + number, LOAD, rate=20.0) as scene:
        await scene.start("a", "b")
        await scene.shared("a", "b")
        scene.supervise("a", "b")
        await scene.load()
        await until(lambda: len(scene.chattigo.accepted) > 20, "calls are made")
        await (stopped(own, scene) if how == "stopped" else asyncio.to_thread(own.pause))
        planned = len(scene.chattigo.calls)
        await asyncio.sleep(AWAY_S[how])
        await asyncio.to_thread(own.start if how == "stopped" else own.resume)
        await until(lambda: len(scene.chattigo.calls) > planned + 20, "calls are made again", 60)
        await until(scene.accounted, "every message has an end or is in doubt", 60)
        again = scene.exits or await scene.replayed() or scene.tail.doubts
        print(how, scene.exits, len(await scene.replayed()), len(scene.tail.doubts))
        assert again, "a run in which no transaction was lost, made again or left in doubt proves nothing"
        await closed(scene)


async def stopped(own: Broker, scene: Scene) -> None:
    """The broker ends in order, with transactions open and no commit under way."""
    workers = list(scene.workers.values())
    for worker in workers:
        worker.signal(signal.SIGSTOP)
    await asyncio.sleep(STAND_S)
    await asyncio.to_thread(own.stop)
    for worker in workers:
        worker.signal(signal.SIGCONT)
