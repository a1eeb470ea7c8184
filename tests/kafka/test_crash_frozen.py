"""The crash matrix, by frozen workers: one that wakes up after its session time-out has lost its lines.

The others have declared its calls in doubt by then. What it still says of them counts, what it still wants does not.
"""

from __future__ import annotations

import signal

import pytest
from aiohttp import web

from tests.builders.accounts import closed, declared
from tests.builders.egress import Call, until
from tests.builders.scene import Hold, Scene

LOST = 73


class UnderWay:
    """The first worker's second call is answered when a third one is under way, which is never answered: so whatever is
    recorded second, something is in flight then."""

    def __init__(self, scene: Scene) -> None:
        self.hold = Hold(scene, "a", 3)
        self._calls = 0

    async def __call__(self, call: Call, request: web.Request) -> web.StreamResponse | None:
        self._calls += call.instance == "a"
        if call.instance == "a" and self._calls == 2:
            await until(lambda: self._calls > 2, "a third call is under way")
        return await self.hold(call, request)


@pytest.mark.parametrize(
    ("number", "point"),
    [
        pytest.param(0, "plan_written=stop:3", marks=pytest.mark.long),
        pytest.param(1, "before_post=stop:6", marks=pytest.mark.long),
        (2, "after_post=stop:6"),
        pytest.param(3, "transaction_open=stop:3", marks=pytest.mark.long),
        pytest.param(4, "outcome_recorded=stop:2", marks=pytest.mark.long),
    ],
)
async def test_a_worker_frozen_at_a_point_longer_than_its_session(broker: str, number: int, point: str) -> None:
    async with Scene(broker, 200 + number) as scene:
        under_way = UnderWay(scene)
        if point.startswith("outcome_recorded"):
            scene.chattigo.behave = under_way
        await scene.start("a", "b", "c", points=point)
        await scene.shared("a", "b", "c")
        await scene.load()
        await until(lambda: scene.workers["a"].stopped, "it is frozen")
        under_way.hold.over()
        await scene.shared("b", "c")
        await account_then_wake(scene)


async def account_then_wake(scene: Scene) -> None:
    """The heirs declare what is in doubt; then the frozen worker wakes up, and must not spoil it."""
    await declared(scene)
    scene.supervise("a")
    scene.workers["a"].signal(signal.SIGCONT)
    await scene.receipts()
    await until(scene.accounted, "every message has an end or is in doubt", 60)
    await scene.shared("a", "b", "c")
    await closed(scene)
    assert scene.exits in ([], [("a", LOST)]), "\n".join(scene.last_words)
