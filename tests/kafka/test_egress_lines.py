"""Lines on a genuine Kafka: replies in order, templates in batches, campaigns in whole calls, receipts."""

from __future__ import annotations

from schemas.session import Template
from tests.builders.egress import SmallChattigo, World, until


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
        assert [len(call.recipients) for call in chattigo.accepted] == [1000, 1000, 500]
        assert [to for call in chattigo.accepted for to in call.recipients] == numbers
        assert (await world.progress())[-1].planned == 2500
