"""The crash matrix, by members: workers join, leave, are restarted and killed under load.

Joining, leaving and a rolling restart without faults leave no doubt at all.
"""

from __future__ import annotations

import asyncio
import signal

from tests.builders.accounts import account, closed
from tests.builders.egress import until
from tests.builders.scene import Hold, Load, Scene

KILLED = -signal.SIGKILL
LONG = Load(people=4, replies=14, singles=20, recipients=80)


async def test_workers_that_join_and_leave_under_load_leave_no_doubt(broker: str) -> None:
    async with Scene(broker, 210, LONG, rate=12.0) as scene:
        await scene.start("a")
        await scene.shared("a")
        await scene.load()
        await until(lambda: len(scene.chattigo.accepted) > 30, "the first works")
        await scene.start("b", "c")
        await until(lambda: {c.instance for c in scene.chattigo.accepted} == {"a", "b", "c"}, "all three work")
        assert await scene.workers["a"].stop() == 0, scene.workers["a"].log.decode()[-4000:]
        await undisturbed(scene)


async def test_a_rolling_restart_of_three_workers_leaves_no_doubt(broker: str) -> None:
    async with Scene(broker, 211, LONG, rate=12.0) as scene:
        names = ("a", "b", "c")
        await scene.start(*names)
        await scene.shared(*names)
        await scene.load()
        for name in names:
            count = len(scene.chattigo.accepted)
            await until(lambda count=count: len(scene.chattigo.accepted) > count + 10, "calls are made")
            assert await scene.workers[name].stop() == 0, scene.workers[name].log.decode()[-4000:]
            await scene.start(name)
        assert not await scene.accounted(), "the load outlasts the restarts"
        await undisturbed(scene)


async def undisturbed(scene: Scene) -> None:
    """Lines moved between workers, and nothing was ever in doubt."""
    await until(scene.accounted, "every message has an end", 90)
    assert scene.moved(), "a run in which no line moved proves nothing"
    report = await closed(scene)
    assert scene.tail.doubts == set()
    assert report.messages.in_doubt == []
    assert report.messages.resent == 0


async def test_two_of_three_workers_are_killed_one_after_the_other(broker: str) -> None:
    async with Scene(broker, 212, Load(replies=8), rate=20.0) as scene:
        await scene.start("a", "b", "c", points="transaction_open=kill:3")
        await scene.shared("a", "b", "c")
        await scene.load()
        assert await scene.workers["a"].ended() == KILLED
        assert await scene.workers["b"].kill() == KILLED
        await scene.start("b")
        await account(scene)


async def test_a_resend_by_policy_is_on_record_and_nothing_else_is_sent_again(broker: str) -> None:
    async with Scene(broker, 213) as scene:
        for world in scene.worlds:
            world.policies = {"reply": {"resend_after_s": 7.5, "times": 1}}
        await asyncio.gather(*(world.configure() for world in scene.worlds))
        hold = scene.chattigo.behave = Hold(scene, "a", 4)
        await scene.start("a", "b", "c")
        await scene.shared("a", "b", "c")
        await scene.load()
        await until(lambda: len(hold.taken) > 1 and len(hold.refused) > 1, "requests hang, some of them taken")
        assert await scene.workers["a"].kill() == KILLED
        hold.over()
        await until(scene.accounted, "every message has an end or is in doubt", 60)
        doubtful = scene.replies_in(scene.tail.doubts)
        assert {one for call in hold.taken if not call.is_batch for one in scene.taken(call)} <= doubtful
        await until(scene.quiet, "no call is under way", 60)
        await closed(scene)
        assert scene.resent() == doubtful
        assert scene.twice() & doubtful, "a resend of what Chattigo had is taken a second time, on record"
