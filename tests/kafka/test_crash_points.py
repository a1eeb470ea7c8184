"""The crash matrix, by points: a worker of two or three is killed at each point of the way of a call.

Every run has replies, single templates and a campaign on five lines over all partitions; calls are under way
whenever the worker dies. Either the others take its partitions over, or it is started again under its name at once.
"""

from __future__ import annotations

import signal

import pytest

from tests.builders.accounts import account
from tests.builders.egress import until
from tests.builders.scene import Hold, Scene

KILLED = -signal.SIGKILL
POINTS = [
    ("plan_written=kill:3", 2, "others"),
    ("transaction_open=kill:3", 2, "others"),
    ("before_post=kill:9", 2, "others"),
    ("plan_committed=kill:3", 3, "itself"),
    ("after_post=kill:9", 3, "itself"),
    ("outcome_recorded=kill:2", 3, "others"),
]
AT_ONCE = ("before_post", "after_post")


async def test_a_worker_killed_while_chattigo_has_its_requests(broker: str) -> None:
    async with Scene(broker, 120) as scene:
        hold = scene.chattigo.behave = Hold(scene, "a", 6)
        await scene.start("a", "b")
        await scene.shared("a", "b")
        await scene.load()
        await until(lambda: len(hold.taken) > 1 and len(hold.refused) > 1, "requests hang, some of them taken")
        assert await scene.workers["a"].kill() == KILLED
        hold.over()
        await account(scene)
        never = {one for call in hold.refused for one in scene.taken(call)}
        assert never <= scene.in_doubt, "what Chattigo never got stays in doubt"
        assert not {one for call in hold.taken for one in scene.taken(call)} & scene.in_doubt


@pytest.mark.parametrize(
    ("number", "point", "workers", "heir"),
    [
        pytest.param(n, *case, marks=() if case[0].partition("=")[0] in AT_ONCE else pytest.mark.long)
        for n, case in enumerate(POINTS)
    ],
)
async def test_a_worker_killed_at_a_point(broker: str, number: int, point: str, workers: int, heir: str) -> None:
    names = ["a", "b", "c"][:workers]
    async with Scene(broker, 100 + number) as scene:
        await scene.start(*names, points=point)
        await scene.shared(*names)
        await scene.load()
        assert await scene.workers["a"].ended() == KILLED, scene.workers["a"].log.decode()[-4000:]
        if heir == "itself":
            await scene.start("a")
        await account(scene)
