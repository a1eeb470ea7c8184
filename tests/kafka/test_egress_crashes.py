"""What becomes of single calls when their worker is killed or frozen at a point, told call by call.

Whole loads, with all points and several workers, are in `test_crash_points.py`, `test_crash_members.py` and
`test_crash_broker.py`.
"""

from __future__ import annotations

import signal
from collections import Counter

from tests.builders.egress import SmallChattigo, World, cloud_status, flat_notice, until

PEOPLE = [f"5697{n}" for n in range(6)]
REPLIES = [(f"{n:02}-{p}", p) for n in range(5) for p in PEOPLE]
KILLED = -signal.SIGKILL


def told(chattigo: SmallChattigo, person: str) -> list[str]:
    return [call.body["text"]["body"] for call in chattigo.accepted if call.recipients == [person]]


def assert_once_and_in_order(chattigo: SmallChattigo, pairs: list[tuple[str, str]]) -> None:
    twice = [pair for pair, count in Counter(chattigo.accepted_pairs()).items() if count > 1]
    assert twice == []
    for person in {contact for _, contact in pairs}:
        assert told(chattigo, person) == sorted(told(chattigo, person))


async def test_a_killed_recovery_is_begun_anew(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000005") as world:
        await world.replies(*REPLIES)
        killed = await world.worker(points="in_recovery=kill:6")
        assert await killed.ended() == KILLED
        await world.worker()
        await until(lambda: len(chattigo.accepted) == len(REPLIES), "all replies are posted")
        assert_once_and_in_order(chattigo, REPLIES)
        assert await world.messages_in("in_doubt") == set()


async def test_one_receipt_settles_a_whole_call_in_doubt(broker: str) -> None:
    numbers = [f"5698{n:06}" for n in range(2500)]
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000006", rate=1000.0) as world:
        killed = await world.worker(points="after_post=kill:2")
        await world.campaign("spring", numbers)
        assert await killed.ended() == KILLED
        await world.worker()

        async def doubtful() -> bool:
            return len(await world.messages_in("in_doubt")) in (1000, 2000)

        await until(doubtful, "calls without outcome are in doubt")
        await until(lambda: len(chattigo.accepted) == 3, "the rest is sent")
        assert sorted(len(c.recipients) for c in chattigo.accepted) == [500, 1000, 1000]
        assert_once_and_in_order(chattigo, [])
        for call in chattigo.accepted:
            await world.receipt(flat_notice(world.did, call.body["id"], call.recipients[0], "SENT"))

        async def settled() -> bool:
            return len(await world.messages_in("accepted")) == 2500

        await until(settled, "every call is settled")
        assert "settled" in {outcome.result for outcome in await world.call_outcomes()}


async def test_an_unknown_wamid_settles_the_only_reply_that_it_can_mean(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000007") as world:
        killed = await world.worker(points="after_post=kill")
        await world.replies(("e1", "5691"))
        assert await killed.ended() == KILLED
        await world.worker()
        message = world.message("e1", "5691")

        async def doubtful() -> bool:
            return message.id in await world.messages_in("in_doubt")

        await until(doubtful, "the reply is in doubt")
        await world.receipt(cloud_status(world.did, "wamid.unheard", "5691", "delivered"))

        async def delivered() -> bool:
            return message.id in await world.messages_in("delivered")

        await until(delivered, "the receipt is bound")
        assert [o.result for o in await world.call_outcomes()] == ["in_doubt", "settled"]
        assert len(chattigo.accepted) == 1


async def test_a_worker_that_was_frozen_before_its_post_does_not_send_late(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000009") as world:
        frozen = await world.worker("frozen", points="before_post=stop")
        await world.replies(("e1", "5691"), ("e2", "5691"))

        async def planned() -> bool:
            return len(await world.plans()) == 1

        await until(planned, "the first reply is planned")
        await world.worker("heir")
        message = world.message("e1", "5691")

        async def doubtful() -> bool:
            return message.id in await world.messages_in("in_doubt")

        await until(doubtful, "the heir has declared the doubt", 60)
        frozen.signal(signal.SIGCONT)
        await until(lambda: told(chattigo, "5691") == ["e1", "e2"], "what was surely not sent is sent by the heir", 60)
        assert [p.attempt for p in await world.plans() if p.messages[0].id == message.id] == [1, 2]
        assert "late" in {o.code for o in await world.call_outcomes()}


async def test_a_worker_that_was_frozen_before_its_transaction_is_refused_and_posts_nothing(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000010") as world:
        frozen = await world.worker("frozen", points="plan_written=stop")
        await world.replies(("e1", "5691"), ("e2", "5691"))
        await until(lambda: frozen.stopped, "it is frozen")
        await world.worker("heir")
        await until(lambda: told(chattigo, "5691") == ["e1", "e2"], "the heir sends both", 60)
        frozen.signal(signal.SIGCONT)
        assert await frozen.ended() == 73, frozen.log.decode()
        assert told(chattigo, "5691") == ["e1", "e2"]
        assert [p.attempt for p in await world.plans()] == [1, 1]
        assert await world.messages_in("in_doubt") == set()
