"""Workers that are killed, frozen or joined by others at named points: nobody gets anything twice, nothing is lost."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from tests.builders.egress import SmallChattigo, World, cloud_status, flat_notice, until

PEOPLE = [f"5697{n}" for n in range(6)]
REPLIES = [(f"{n:02}-{p}", p) for n in range(5) for p in PEOPLE]
KILLED = -signal.SIGKILL


async def accounted(world: World, pairs: list[tuple[str, str]]) -> bool:
    """Every message has been accepted or is in doubt, on record."""
    told = await world.messages_in("accepted") | await world.messages_in("in_doubt")
    return {world.message(event, contact).id for event, contact in pairs} <= told


def told(chattigo: SmallChattigo, person: str) -> list[str]:
    return [call.body["text"]["body"] for call in chattigo.accepted if call.recipients == [person]]


def assert_once_and_in_order(chattigo: SmallChattigo, pairs: list[tuple[str, str]]) -> None:
    twice = [pair for pair, count in Counter(chattigo.accepted_pairs()).items() if count > 1]
    assert twice == []
    for person in {contact for _, contact in pairs}:
        assert told(chattigo, person) == sorted(told(chattigo, person))


@pytest.mark.parametrize(
    ("point", "doubts", "did"),
    [
        ("plan_written=kill", 0, "56910000001"),
        ("plan_committed=kill:2", None, "56910000002"),
        ("before_post=kill:8", None, "56910000003"),
        ("after_post=kill:8", None, "56910000004"),
    ],
)
async def test_a_worker_killed_at_a_point_repeats_nothing(
    broker: str, point: str, doubts: int | None, did: str
) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, did) as world:
        killed = await world.worker(points=point)
        await world.replies(*REPLIES)
        assert await killed.ended() == KILLED, killed.log.decode()
        await world.worker()
        await until(lambda: accounted(world, REPLIES), "every reply is accepted or in doubt", 60)
        assert_once_and_in_order(chattigo, REPLIES)
        in_doubt = await world.messages_in("in_doubt")
        assert len(in_doubt) == doubts if doubts is not None else len(in_doubt) > 0
        unaccounted = len(REPLIES) - len(chattigo.accepted)
        assert 0 <= unaccounted <= len(in_doubt), "only what is in doubt may be missing"


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


async def test_a_graceful_restart_under_load_leaves_no_doubt(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56910000008", rate=60.0) as world:
        pairs = [(f"{n:03}-{p}", p) for n in range(20) for p in PEOPLE]
        worker = await world.worker()
        await world.replies(*pairs)
        for count in (30, 70):
            await until(lambda count=count: len(chattigo.accepted) >= count, "it is under way")
            assert await worker.stop() == 0, worker.log.decode()
            worker = await world.worker()
        await until(lambda: len(chattigo.accepted) == len(pairs), "all replies are posted")
        assert_once_and_in_order(chattigo, pairs)
        assert await world.messages_in("in_doubt") == set()


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


async def test_workers_that_join_and_leave_under_load_double_nothing(broker: str) -> None:
    dids = [f"5692000000{n}" for n in range(8)]
    async with SmallChattigo() as chattigo:
        worlds = [World(broker, chattigo, did, rate=30.0) for did in dids]
        for world in worlds:
            await world.__aenter__()
        first = await worlds[0].worker("a")
        pairs = [(f"{n:03}-{p}", p) for n in range(20) for p in PEOPLE]
        for world in worlds:
            await world.replies(*((f"{world.did}-{event}", contact + world.did[-1]) for event, contact in pairs))
        await until(lambda: len(chattigo.accepted) > 150, "the first works")
        second = await worlds[0].worker("b")
        await until(lambda: b"partition recovered" in second.log, "the second owns some")
        await until(lambda: len(chattigo.accepted) > 400, "both work")
        assert await first.stop() == 0, first.log.decode()
        total = len(worlds) * len(pairs)
        await until(lambda: len(chattigo.accepted) >= total, "all replies are posted", 90)
        everyone = [(e, c + w.did[-1]) for w in worlds for e, c in pairs]
        assert_once_and_in_order(chattigo, everyone)
        assert len(chattigo.accepted) == total
        for world in worlds:
            assert await world.messages_in("in_doubt") == set()
            await world.__aexit__()


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
