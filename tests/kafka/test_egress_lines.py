"""Lines on a genuine Kafka: replies in order, templates in batches, campaigns in whole calls, receipts."""

from __future__ import annotations

from schemas.session import Template
from tests.builders.egress import SmallChattigo, World, cloud_status, flat_notice, in_turn, status, until


async def test_a_reply_is_posted_and_its_outcome_is_on_record(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000001") as world:
        await world.worker()
        await world.replies(("e1", "5691"))
        await until(lambda: len(chattigo.accepted) == 1, "the reply is posted")
        message = world.message("e1", "5691")

        async def on_record() -> bool:
            return message.id in await world.messages_in("accepted")

        await until(on_record, "the outcome is on record")
        assert [plan.messages[0].id for plan in await world.plans()] == [message.id]
        assert (await world.call_outcomes())[0].provider_ids == ["wamid.1.5691"]


async def test_replies_to_each_person_keep_their_order(broker: str) -> None:
    people = [f"569{n}" for n in range(20)]
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000002") as world:
        await world.worker()
        await world.replies(*((f"{n:03}-{p}", p) for n in range(10) for p in people))
        await until(lambda: len(chattigo.accepted) == 200, "all replies are posted")
        for person in people:
            told = [call.body["text"]["body"] for call in chattigo.accepted if call.recipients == [person]]
            assert told == [f"{n:03}-{person}" for n in range(10)]


async def test_single_templates_are_gathered_into_calls_of_the_lines_batch_max(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000003", batch_max=200) as world:
        messages = [
            world.message(
                f"t{n}", f"569{n:04}", content=Template(name="order", language="es", body=["x"]), send_class="utility"
            )
            for n in range(500)
        ]
        await world.send("outbound.templates", *messages)
        await world.worker()
        await until(lambda: sum(len(c.recipients) for c in chattigo.accepted) == 500, "all are posted")
        assert sorted(len(call.recipients) for call in chattigo.accepted) == [100, 200, 200]
        assert all(call.path == "/message/inbound" for call in chattigo.accepted)


async def test_a_campaign_of_2500_is_exactly_three_calls_and_is_finished(broker: str) -> None:
    numbers = [f"5698{n:06}" for n in range(2500)]
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000004", rate=10_000.0) as world:
        await world.worker()
        await world.campaign("spring", numbers)

        async def finished() -> bool:
            progress = await world.progress()
            return bool(progress) and progress[-1].state == "finished"

        await until(finished, "the campaign is finished")
        calls = sorted(call.recipients for call in chattigo.accepted)  # two side by side may arrive in any order
        assert calls == [numbers[:1000], numbers[1000:2000], numbers[2000:]]
        assert (await world.progress())[-1].planned == 2500


async def test_a_known_message_is_not_planned_again(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000005") as world:
        worker = await world.worker()
        await world.replies(("e1", "5691"), ("e1", "5691"))
        await until(lambda: len(chattigo.accepted) == 1, "the reply is posted")
        assert await worker.stop() == 0
        await world.worker()
        await world.replies(("e1", "5691"), ("e2", "5691"))
        await until(lambda: len(chattigo.accepted) == 2, "the other reply is posted")
        assert [call.body["text"]["body"] for call in chattigo.accepted] == ["e1", "e2"]
        assert len(await world.plans()) == 2


async def test_what_may_not_be_sent_is_refused_with_a_reason(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000006") as world:
        await world.worker()
        gone = world.message("late", "5691", expires_ms=1)
        closed = world.message("closed", "5692", window_expires_ms=1)
        fallback = Template(name="order", language="es", body=["x"])
        saved = world.message("saved", "5693", window_expires_ms=1, fallback=fallback)
        unknown = world.message("unknown", "5694", content=Template(name="nope", language="es"))
        await world.send("outbound.replies", gone, closed, saved, unknown)

        async def decided() -> bool:
            return saved.id in await world.messages_in("accepted") and unknown.id in await world.messages_in("refused")

        await until(decided, "all are decided")
        refused = {
            i: o.code for o in await world.outcomes() for i in o.message_ids if o.state in ("refused", "expired")
        }
        assert refused == {gone.id: "expired", closed.id: "window_closed", unknown.id: "template_unknown"}
        assert [call.body["type"] for call in chattigo.accepted] == ["template"]


async def test_receipts_of_both_forms_reach_their_messages(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000007") as world:
        await world.worker()
        template = world.message(
            "t", "5692", content=Template(name="promo", language="es", body=["x"]), send_class="otp"
        )
        reply = world.message("e1", "5691")
        await world.campaign("mini", ["5698000001"])
        await world.send("outbound.replies", reply)
        await until(lambda: len(chattigo.accepted) == 2, "both are posted")
        root = next(call.body["id"] for call in chattigo.accepted if "hsm" in call.body)
        wamid = f"wamid.{next(n for n, c in enumerate(chattigo.accepted, 1) if 'text' in c.body)}.5691"
        await world.receipt(cloud_status(world.did, wamid, "5691", "delivered"))
        await world.receipt(flat_notice(world.did, root, "5698000001", "READ"))
        await world.receipt(flat_notice(world.did, root, "5698000001", "DELIVERY"))
        del template

        async def arrived() -> bool:
            return bool(await world.messages_in("read")) and reply.id in await world.messages_in("delivered")

        await until(arrived, "both receipts are outcomes")
        assert await world.messages_in("delivered") == {reply.id}, "a late DELIVERY does not move READ back"


async def test_not_now_is_tried_again_as_a_new_attempt(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000008") as world:
        chattigo.behave = in_turn(status(503, {"Retry-After": "1"}), status(400))
        await world.worker()
        await world.replies(("e1", "5691"), ("e2", "5691"))

        async def both() -> bool:
            return len(await world.outcomes("refused")) == 1 and len(await world.outcomes("accepted")) == 1

        await until(both, "the first is refused after another attempt, the second accepted")
        assert [(c.body["text"]["body"]) for c in chattigo.calls] == ["e1", "e1", "e2"]
        assert [(p.attempt, p.resend_of) for p in await world.plans()] == [(1, ""), (2, ""), (1, "")]


async def test_a_500_is_resent_on_record_where_the_account_says_so(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000009") as world:
        chattigo.behave = in_turn(status(500))
        await world.worker()
        numbers = [f"5698{n:06}" for n in range(10)]
        await world.campaign("c", numbers)
        await until(lambda: len(chattigo.accepted) == 1, "the batch is sent again")

        async def accepted() -> bool:
            return len(await world.messages_in("accepted")) == 10

        await until(accepted, "and accepted")
        first, second = await world.plans()
        assert (second.attempt, second.resend_of, second.resend_why) == (2, first.plan_id, "policy_500")
        assert chattigo.accepted[0].recipients == numbers


async def test_what_does_not_fit_into_memory_waits_in_kafka(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56900000010", rate=10.0) as world:
        await world.worker(line_memory=20, reserve_per_s=1)
        pairs = [(f"{n:04}", f"569{n:04}") for n in range(1500)]
        await world.replies(*pairs)
        await until(lambda: len(chattigo.accepted) >= 10, "the first go out")
        world.line["rate"] = 5000.0
        await world.configure()
        await until(lambda: len(chattigo.accepted) == 1500, "all go out in the end")
        assert len({call.recipients[0] for call in chattigo.accepted}) == 1500
        assert b"could not be paused" not in world.workers[0].log
