"""Campaigns on a genuine Kafka: paused, resumed and cancelled in the middle, over kill -9, with counts that add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

from schemas import ids
from schemas.campaign import Canary, Progress, StopRule
from schemas.line_command import ControlCampaign
from schemas.outcome import merge
from tests.builders.egress import SmallChattigo, World, flat_notice, until

TOTAL = 60_000


async def order(world: World, action: Any, campaign: str = "big") -> None:
    await world.order(ControlCampaign(id=action, did=world.did, at_ms=1, by="ana", campaign=campaign, action=action))


async def last(world: World, campaign: str = "big") -> Progress | None:
    found = [progress for progress in await world.progress() if progress.campaign == campaign]
    return found[-1] if found else None


def _tally(progress: Progress) -> tuple[int, int]:
    return progress.delivered, sum(progress.failed.values())


async def until_state(world: World, state: str, campaign: str = "big", timeout_s: float = 40) -> Progress:
    async def reached() -> bool:
        progress = await last(world, campaign)
        return progress is not None and progress.state == state

    await until(reached, f"{campaign} is {state}", timeout_s)
    progress = await last(world, campaign)
    assert progress is not None
    return progress


async def counts(world: World, total: int, campaign: str = "big") -> Counter[str]:
    """What a reader of `outcomes` and of the progress says: they add up to the total."""
    states: dict[str, str] = {}
    progress = await last(world, campaign)
    assert progress is not None
    for outcome in await world.outcomes():
        if outcome.campaign == campaign:
            for message_id in outcome.message_ids:
                states[message_id] = merge(states.get(message_id), outcome.state)
    before = progress.planned + progress.refused + progress.waiting
    found = Counter(states.values())
    names = (ids.message_id_of_recipient(world.did, campaign, n) for n in range(before))
    found["sending"] = sum(name not in states for name in names)
    found["not started"] = total - before
    assert found.total() == total
    return found


async def test_a_big_campaign_is_paused_resumed_and_cancelled_over_kill_9_and_its_counts_add_up(broker: str) -> None:
    numbers = [f"5697{n:06}" for n in range(TOTAL)]
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56970000001", rate=10_000.0) as world:
        worker = await world.worker()
        await world.campaign("big", numbers)
        await until(lambda: len(chattigo.calls) >= 8, "it is under way")
        await order(world, "pause")
        paused = await until_state(world, "paused")
        assert paused.why == "by ana"
        assert 8000 <= paused.planned < TOTAL
        plans = len(await world.plans())
        await until(lambda: len(chattigo.calls) == plans, "the POSTs in flight are made")
        assert await worker.kill() == -9
        heir = await world.worker(points="after_post=kill:6")
        await world.replies(("alive", "5691"))
        await until(lambda: len(chattigo.calls) == plans + 1, "the new owner sends a reply")
        assert len(await world.plans()) == plans + 1, "and no more of the campaign"
        assert (await counts(world, TOTAL))["not started"] == TOTAL - paused.planned
        await order(world, "resume")
        assert await heir.ended() == -9, "it dies between a POST and its outcome"
        await counts(world, TOTAL)
        await world.worker()
        await until(lambda: len(chattigo.calls) >= plans + 12, "it goes on")
        await order(world, "cancel")
        cancelled = await until_state(world, "cancelled")
        assert cancelled.why == f"by ana: {TOTAL - cancelled.planned} of {TOTAL} recipients were not sent to"
        plans = len(await world.plans())

        async def settled() -> bool:
            return (await counts(world, TOTAL))["sending"] == 0

        await until(settled, "every call that was made has an outcome", 60)
        assert len(await world.plans()) == plans
        found = await counts(world, TOTAL)
        assert found["not started"] == TOTAL - cancelled.planned > 0
        assert found["accepted"] + found["in_doubt"] == cancelled.planned
        assert found["in_doubt"] > 0, "the crash hit a call"
        sent = Counter(to for call in chattigo.accepted if call.is_batch for to in call.recipients)
        assert max(sent.values()) == 1
        assert list(sent) == numbers[: len(sent)], "from where it was, and in order"


async def test_a_campaign_over_two_lines_of_which_one_is_paused_and_both_are_cancelled(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56970000002", rate=200.0, batch_max=20) as world:
        world.dids.append("56970000006")
        await world.configure()
        other = world.on("56970000006")
        assert other.partition != world.partition
        await world.worker()
        lines: dict[World, str] = {world: "561", other: "562"}
        for line, prefix in lines.items():
            await line.campaign("both", [f"{prefix}{n:08}" for n in range(4000)], dids=world.dids)
        await until(lambda: len({call.body["did"] for call in chattigo.calls}) == 2, "both lines send")
        await order(world, "pause", "both")
        paused = await until_state(world, "paused", "both")

        def others() -> int:
            return len([call for call in chattigo.calls if call.body["did"] == other.did])

        goes_on = others() + 5
        await until(lambda: others() >= goes_on, "the other line goes on")
        for line in lines:
            await order(line, "cancel", "both")
        ended = {line.did: await until_state(line, "cancelled", "both") for line in lines}
        assert ended[world.did].planned == paused.planned
        assert ended[other.did].planned >= goes_on * 20

        async def settled() -> bool:
            return not any([(await counts(line, 4000, "both"))["sending"] for line in lines])

        await until(settled, "what was planned has an outcome")
        for line, prefix in lines.items():
            sent = [to for call in chattigo.accepted if call.body["did"] == line.did for to in call.recipients]
            assert sorted(sent) == [f"{prefix}{n:08}" for n in range(ended[line.did].planned)]


async def test_a_canary_is_judged_by_receipts_that_count_once_over_kill_9_and_failures_stop_the_rest(
    broker: str,
) -> None:
    numbers = [f"5696{n:06}" for n in range(3000)]
    canary, stop = Canary(count=40, wait_s=600, settled=0.9), StopRule(failed_share=0.5, least=30)
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56970000004", batch_max=500) as world:
        worker = await world.worker()
        await world.campaign("big", numbers, canary=canary, stop=stop)
        await until(lambda: len(chattigo.accepted) == 1, "the canary goes")
        root, people = chattigo.accepted[0].body["id"], chattigo.accepted[0].recipients
        assert len(people) == 40

        async def heard(kind: str, some: list[str]) -> None:
            error = {"errors": [{"code": "131026", "title": "x"}]} if kind == "INVALID" else {}
            notices = [flat_notice(world.did, root, person, kind) | error for person in some]
            for notice in notices:
                await world.receipt(notice)

        async def tally(delivered: int, failed: int) -> None:
            async def counted() -> bool:
                progress = await last(world)
                return progress is not None and (progress.delivered, sum(progress.failed.values())) == (
                    delivered,
                    failed,
                )

            await until(counted, f"{delivered} delivered and {failed} failed are on record")

        await heard("DELIVERY", people[:10])
        await tally(10, 0)
        assert await worker.kill() == -9
        await world.worker()
        await heard("READ", people[:10])
        await heard("INVALID", people[10:35])
        stopped = await until_state(world, "paused")
        assert stopped.why.endswith("heard of failed (131026: " + stopped.why.split()[0] + ")")
        await tally(10, 25)
        assert (len(chattigo.accepted), stopped.stage, stopped.planned) == (1, "judging", 40)
        await order(world, "resume")
        await heard("DELIVERY", people[35:])
        finished = await until_state(world, "finished")
        assert (finished.planned, finished.delivered, finished.failed) == (3000, 15, {"131026": 25})
        first, *rest = [len(call.recipients) for call in chattigo.accepted]
        assert (first, sorted(rest)) == (40, [460, *[500] * 5]), "calls that go side by side come in any order"
