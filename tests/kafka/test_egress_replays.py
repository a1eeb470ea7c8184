"""Dead letters that are put back on a genuine Kafka: sent once a run, also by a worker that is killed over it."""

from __future__ import annotations

import asyncio
import signal

import pytest

from relevo.dead_letters import shelf
from relevo.dead_letters.letter import Letter
from tests.builders.egress import SmallChattigo, World, status, until

KILLED = -signal.SIGKILL
PEOPLE = [f"569{n}" for n in range(6)]


async def letters(world: World, topic: str) -> list[Letter]:
    """The line's letters that nobody did anything about."""
    found = await asyncio.to_thread(shelf.letters, world.kafka, [topic])
    return [one for one in found if one.done is None and one.tenant == world.tenant and one.reason == "attempts"]


async def put_back(world: World, topic: str) -> int:
    """Puts all letters of the line back, in one run."""
    wanted = {one.address for one in await letters(world, topic)}
    run = shelf.Run(world.kafka, [topic], "requeued")
    return await run.carry_out(lambda standing: [one for one in standing if one.address in wanted])


async def buried(world: World, *messages: str) -> None:
    """Replies, one to each person, that nobody would take are dead letters."""
    await world.replies(*((name, person) for name, person in zip(messages, PEOPLE, strict=False)))

    async def dead() -> bool:
        return len(await world.messages_in("dead")) == len(messages)

    await until(dead, "all are given up")


async def test_a_message_that_was_given_up_is_sent_when_it_is_put_back(broker: str) -> None:
    async with SmallChattigo(behave=status(503)) as chattigo, World(broker, chattigo, "56960000001") as world:
        await world.worker(attempts_max=2, circuit_failures=0)
        await buried(world, "e1")
        [letter] = await letters(world, "outbound.replies.dlq")
        assert [(one.result, one.status) for one in letter.attempts] == [("throttled", 503)] * 2
        chattigo.behave = None
        assert await put_back(world, "outbound.replies.dlq") == 1
        await until(lambda: len(chattigo.accepted) == 1, "it goes out")

        async def told() -> bool:
            return await world.messages_in("accepted") == {world.message("e1", "5690").id}

        await until(told, "and is accepted on record")
        plans = await world.plans()
        assert [plan.attempt for plan in plans] == [1, 2, 3]
        assert plans[2].retry_of == plans[1].plan_id
        assert plans[2].replay.startswith("dlq-")
        assert [one.plan for one in letter.attempts] == [plan.plan_id for plan in plans[:2]]


@pytest.mark.parametrize(
    ("point", "did"),
    [
        ("plan_written=kill", "56960000002"),
        ("plan_committed=kill", "56960000003"),
        ("before_post=kill:3", "56960000004"),
        ("after_post=kill:3", "56960000005"),
    ],
)
async def test_a_worker_killed_over_a_run_repeats_nothing_and_loses_nothing(broker: str, point: str, did: str) -> None:
    names = [f"e{n}" for n in range(6)]
    async with SmallChattigo(behave=status(503)) as chattigo, World(broker, chattigo, did) as world:
        first = await world.worker(attempts_max=2, circuit_failures=0)
        await buried(world, *names)
        assert await first.stop() == 0
        chattigo.behave = None
        assert await put_back(world, "outbound.replies.dlq") == len(names)
        killed = await world.worker(points=point, attempts_max=2)
        assert await killed.ended() == KILLED, killed.log.decode()
        await world.worker()
        wanted = {world.message(name, person).id for name, person in zip(names, PEOPLE, strict=True)}

        async def accounted() -> bool:
            return wanted <= await world.messages_in("accepted") | await world.messages_in("in_doubt")

        await until(accounted, "each is accepted or in doubt", 60)
        pairs = chattigo.accepted_pairs()
        assert len(pairs) == len(set(pairs))
        doubts = await world.messages_in("in_doubt")
        assert len(wanted) - len(pairs) <= len(doubts)
        assert bool(doubts) == (point != "plan_written=kill")
        runs = [(m.id, plan.replay) for plan in await world.plans() if plan.replay for m in plan.messages]
        assert sorted(runs) == sorted(set(runs)), "one plan a message and run"
