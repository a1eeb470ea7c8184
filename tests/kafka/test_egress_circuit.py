"""An account whose service is down: its messages wait without being called for, the other account's go on."""

from __future__ import annotations

import time

from tests.builders.egress import SmallChattigo, World, status, until

PEOPLE = [f"569{n:04}" for n in range(40)]


async def test_a_service_that_is_down_is_probed_and_everything_goes_out_when_it_is_back(broker: str) -> None:
    async with (
        SmallChattigo(behave=status(503)) as sick,
        SmallChattigo() as well,
        World(broker, sick, "56950000001") as patient,
        World(broker, well, "56950000002") as other,
    ):
        worker = await patient.worker(circuit_failures=3, circuit_pause_s=1, circuit_pause_max_s=2, line_parallel=4)
        await patient.replies(*((f"e{person}", person) for person in PEOPLE))
        await until(lambda: b"circuit is open" in worker.log, "the circuit opens")
        first = len(sick.calls)
        assert first <= 2 * 4, "a few calls in a row were enough"
        await other.replies(*((f"e{person}", person) for person in PEOPLE))
        await until(lambda: len(well.accepted) == len(PEOPLE), "the other account's replies go out")
        began, before = time.monotonic(), len(sick.calls)
        await until(lambda: len(sick.calls) >= before + 3, "it is probed")
        assert time.monotonic() - began >= 2, "one call a pause"
        sick.behave = None
        await until(lambda: len(sick.accepted) == len(PEOPLE), "everything goes out")
        assert {call.recipients[0] for call in sick.accepted} == set(PEOPLE)
        assert b"circuit is closed" in worker.log
        plans = await patient.plans()
        assert len(plans) == len(sick.calls), "no plan without a call"
        assert len(plans) <= len(PEOPLE) + first + 8
        assert await patient.messages_in("dead") == await patient.messages_in("in_doubt") == set()


async def test_what_waits_for_a_sick_account_is_not_lost_when_its_worker_is_killed(broker: str) -> None:
    async with SmallChattigo(behave=status(503)) as chattigo, World(broker, chattigo, "56950000003") as world:
        killed = await world.worker(circuit_failures=2, circuit_pause_s=30, circuit_pause_max_s=30, line_parallel=2)
        await world.replies(*((f"e{person}", person) for person in PEOPLE))
        await until(lambda: b"circuit is open" in killed.log, "the circuit opens")
        await killed.kill()
        chattigo.behave = None
        await world.worker()
        wanted = {world.message(f"e{person}", person).id for person in PEOPLE}

        async def accounted() -> bool:
            return wanted == await world.messages_in("accepted") | await world.messages_in("in_doubt")

        await until(accounted, "everything goes out, but for what was being called", 60)
        assert len(await world.messages_in("in_doubt")) <= 2
        told = [call.recipients[0] for call in chattigo.accepted]
        assert len(told) == len(set(told)) >= len(PEOPLE) - 2
