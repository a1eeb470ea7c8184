"""What answers and receipts lead to, on a genuine Kafka and over kill -9: refused batches, late failures, silence."""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest
from aiohttp import web

from schemas.line_command import DecideDoubt
from schemas.session import Template
from tests.builders.egress import Call, SmallChattigo, World, cloud_status, flat_notice, in_turn, until

NUMBERS = [f"5698{n:06}" for n in range(200)]
BAD = NUMBERS[37]
KILLED = -signal.SIGKILL


async def refuses_the_bad(call: Call, request: web.Request) -> web.StreamResponse | None:
    return web.json_response({"error": {"code": 100}}, status=400) if BAD in call.recipients else None


async def never_answers(call: Call, request: web.Request) -> web.StreamResponse | None:
    """It took nothing, and says nothing."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def by_person(world: World) -> dict[str, set[str]]:
    told: dict[str, set[str]] = {}
    for outcome in await world.outcomes():
        for contact in outcome.contacts:
            told.setdefault(contact, set()).add(outcome.state)
    return told


@pytest.mark.parametrize(
    ("points", "did"),
    [
        ("", "56920000001"),
        pytest.param("plan_written=kill:3", "56920000002", marks=pytest.mark.long),
        pytest.param("plan_committed=kill:3", "56920000003", marks=pytest.mark.long),
        pytest.param("before_post=kill:4", "56920000004", marks=pytest.mark.long),
        ("after_post=kill:2", "56920000005"),
    ],
)
async def test_the_bad_recipient_of_a_batch_is_found_whoever_owns_the_line(broker: str, points: str, did: str) -> None:
    async with SmallChattigo(behave=refuses_the_bad) as chattigo, World(broker, chattigo, did) as world:
        worker = await world.worker(points=points)
        await world.campaign("c", NUMBERS)
        if points:
            assert await worker.ended() == KILLED, worker.log.decode()
            await world.worker()

        async def all_told() -> bool:
            told = await by_person(world)
            return len(told) == len(NUMBERS) and bool(await world.progress())

        await until(all_told, "everybody has an outcome", 60)

        async def finished() -> bool:
            return (await world.progress())[-1].state == "finished"

        await until(finished, "the campaign is finished")
        reached = Counter(to for call in chattigo.accepted for to in call.recipients)
        assert set(reached.values()) <= {1}
        told = await by_person(world)
        assert told[BAD] <= {"refused", "in_doubt"}
        doubtful = {person for person, states in told.items() if "in_doubt" in states}
        assert set(NUMBERS) - set(reached) - {BAD} <= doubtful
        assert not doubtful or points, "only the calls of a worker that died are in doubt"
        assert all(not plan.resend_of for plan in await world.plans())
        calls = [plan.part.call for plan in await world.plans() if plan.part]
        assert len(set(calls)) == len(calls) <= 24


def invalid(did: str, root: str, contact: str, code: int) -> dict[str, Any]:
    return flat_notice(did, root, contact, "INVALID") | {"errors": [{"code": code, "title": "too fast"}]}


@pytest.mark.parametrize(
    ("point", "did"),
    [
        pytest.param("", "56920000011", marks=pytest.mark.long),
        ("plan_written=kill", "56920000012"),
        pytest.param("recovered", "56920000013", marks=pytest.mark.long),
    ],
)
async def test_who_failed_later_is_sent_to_again_alone_over_a_kill(broker: str, point: str, did: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, did) as world:
        first = await world.worker()
        await world.campaign("c", NUMBERS[:20])
        await until(lambda: len(chattigo.accepted) == 1, "the batch is posted")

        async def on_record() -> bool:
            return bool(await world.call_outcomes())

        await until(on_record, "and on record")
        [plan] = await world.plans()
        if point == "plan_written=kill":
            assert await first.stop() == 0
            first = await world.worker(points=point)
        await world.receipt(invalid(did, plan.root_id, NUMBERS[7], 130429))

        async def ordered() -> bool:
            return any(outcome.message_id for outcome in await world.call_outcomes())

        await until(ordered, "the next attempt is ordered")
        if point == "plan_written=kill":
            assert await first.ended() == KILLED
            await world.worker()
        elif point:
            await first.kill()
            await world.worker()
        await until(lambda: len(chattigo.accepted) == 2, "it is posted again", 60)
        assert chattigo.accepted[1].recipients == [NUMBERS[7]]
        again = (await world.plans())[-1]
        assert (again.resend_of, again.resend_why) == (plan.plan_id, "failed_130429")
        await world.receipt(invalid(did, plan.root_id, NUMBERS[7], 130429))
        await world.receipt(flat_notice(did, again.root_id, NUMBERS[7], "DELIVERY"))

        async def delivered() -> bool:
            return bool(await world.messages_in("delivered"))

        await until(delivered, "and delivered")
        assert await world.messages_in("failed") == set()
        assert len(chattigo.accepted) == 2


async def test_a_text_outside_its_window_goes_as_its_fallback(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56920000021") as world:
        await world.worker()
        fallback = Template(name="order", language="es", body=["x"])
        message = world.message("e1", "5691", fallback=fallback)
        await world.send("outbound.replies", message)
        await until(lambda: len(chattigo.accepted) == 1, "the text is posted")
        failed = cloud_status(world.did, "wamid.1.5691", "5691", "failed")
        failed["entry"][0]["changes"][0]["value"]["statuses"][0]["errors"] = [
            {"code": 131047, "title": "Re-engagement"}
        ]
        await world.receipt(failed)
        await until(lambda: len(chattigo.accepted) == 2, "the template is posted")
        assert [call.body["type"] for call in chattigo.accepted] == ["text", "template"]
        assert (await world.plans())[-1].resend_why == "failed_131047"
        assert await world.messages_in("failed") == set()


async def test_a_policy_resends_once_receipts_of_other_sends_arrive(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56920000031") as world:
        world.policies = {"reply": {"resend_after_s": 11, "times": 1}}
        await world.configure()
        chattigo.behave = in_turn(never_answers)
        await world.worker()
        await world.replies(("e1", "5691"))

        async def in_doubt() -> bool:
            return bool(await world.messages_in("in_doubt"))

        await until(in_doubt, "the first is in doubt")
        await world.replies(("e2", "5692"), ("e3", "5691"))
        await until(
            lambda: len(chattigo.accepted) == 2, "the others are posted; the person waits for the policy's time"
        )
        assert [call.body["text"]["body"] for call in chattigo.accepted] == ["e2", "e3"]
        await world.receipt(cloud_status(world.did, "wamid.1.5692", "5692", "sent"))
        await until(lambda: len(chattigo.accepted) == 3, "receipts flow: the first is sent again")
        assert chattigo.accepted[2].body["text"]["body"] == "e1"
        assert (await world.plans())[-1].resend_why == "policy_reply"


async def test_an_order_on_a_call_that_nobody_has_declared_is_carried_out_over_a_kill(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56920000041") as world:
        killed = await world.worker(points="before_post=kill")
        await world.replies(("e1", "5691"))
        assert await killed.ended() == KILLED

        async def planned() -> bool:
            return bool(await world.plans())

        await until(planned, "the transaction of the plan shows: its markers may come after the answer to its commit")
        [plan] = await world.plans()
        order = DecideDoubt(
            id="1", did=world.did, at_ms=plan.at_ms, by="ana", plan_id=plan.plan_id, action="resend", why="she asked"
        )
        second = await world.worker(doubt_grace_s=3)
        await world.order(order)

        async def waits() -> bool:
            return any(outcome.code == "waiting" for outcome in await world.call_outcomes())

        await until(waits, "the order waits on the journal")
        await second.kill()
        await world.worker()
        await until(lambda: len(chattigo.accepted) == 1, "it is carried out once the call is in doubt", 60)
        [again] = (await world.plans())[1:]
        assert (again.resend_of, again.resend_why) == (plan.plan_id, "person")
        reasons = [o.reason for o in await world.call_outcomes() if o.code == "resend_ordered"]
        assert reasons == ["a person ordered that it is sent again (ana: she asked)"]
        assert [m.id for m in again.messages] == [world.message("e1", "5691").id]


async def test_what_an_answer_says_of_each_recipient_holds_over_a_kill(broker: str) -> None:
    left_out, too_fast, unnamed = NUMBERS[3], NUMBERS[5], NUMBERS[7]

    async def tells_apart(call: Call, request: web.Request) -> web.StreamResponse | None:
        """It takes some, leaves some out, and says nothing of one whom it does not take either."""
        codes = {left_out: 131026} | ({too_fast: 130429} if len(chattigo.calls) == 1 else {})
        taken = [to for to in call.recipients if to not in codes and to != unnamed]
        chattigo.accepted.append(call)
        reached.update(taken)
        rows = [{"destination": to, "success": True} for to in taken]
        rows += [{"destination": to, "success": False, "errors": [{"code": codes[to]}]} for to in codes]
        return web.json_response({"success": True, "results": rows})

    reached = Counter[str]()
    async with SmallChattigo(behave=tells_apart) as chattigo, World(broker, chattigo, "56920000051") as world:
        killed = await world.worker(points="outcome_recorded=kill")
        await world.campaign("c", NUMBERS[:20])
        assert await killed.ended() == KILLED, "its answer is on record, and nothing that follows from it"
        assert await world.messages_in("failed") == set()
        await world.worker()
        await until(lambda: reached[too_fast] == 1, "who was too fast goes again", 60)
        [plan, again] = await world.plans()
        assert [m.contact for m in again.messages] == [too_fast]
        assert (again.resend_of, again.resend_why) == (plan.plan_id, "failed_130429")

        async def told() -> bool:
            return {to: states for to, states in (await by_person(world)).items() if to in reached or states} == {
                **{to: {"accepted"} for to in NUMBERS[:20]},
                left_out: {"failed"},
                unnamed: {"in_doubt"},
            }

        await until(told, "each has the state that the answer gives him, and never had another")
        await world.receipt(flat_notice(world.did, plan.root_id, NUMBERS[0], "DELIVERY"))
        await world.receipt(flat_notice(world.did, plan.root_id, unnamed, "DELIVERY"))

        async def settled() -> bool:
            return (await by_person(world))[unnamed] == {"in_doubt", "delivered"}

        await until(settled, "his own receipt ends the doubt")
        assert [o.result for o in await world.call_outcomes() if o.plan_id == plan.plan_id][-1] == "settled"
        assert set(reached.values()) == {1}
        assert len(chattigo.calls) == 2
