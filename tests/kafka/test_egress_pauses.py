"""A pause in the middle of a big campaign, over a kill -9; and who waits for whom while it runs."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from aiohttp import web

from relevo.lines import pausing
from relevo.lines.pausing import Scope
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.line_state import LineState
from tests.builders.egress import Call, SmallChattigo, World, cloud_status, until

BIG = "56920000601"
SMALL = next(
    did
    for did in (f"569200007{n:02}" for n in range(100))
    if keys.partition(did, topics.LAPTOP.partitions) == keys.partition(BIG, topics.LAPTOP.partitions)
)
NUMBERS = [f"5698{n:06}" for n in range(4000)]


class Pace:
    """How long a batch takes."""

    def __init__(self) -> None:
        self.batch_s = 0.7

    async def answer(self, call: Call, request: web.Request) -> web.StreamResponse | None:
        if call.is_batch:
            await asyncio.sleep(self.batch_s)
        return None


def batches(chattigo: SmallChattigo) -> list[Call]:
    return [call for call in chattigo.calls if call.is_batch]


async def states(world: World) -> list[LineState]:
    return await world.read("lines.state", LineState)


async def test_a_pause_in_the_middle_of_a_big_campaign_is_exact_and_survives_a_kill(broker: str) -> None:
    pace = Pace()
    async with (
        SmallChattigo(behave=pace.answer) as chattigo,
        World(broker, chattigo, BIG, rate=25.0, batch_max=500) as big,
        World(broker, chattigo, SMALL) as small,
    ):
        worker = await big.worker(line_parallel=2)
        await big.campaign("c", NUMBERS)
        await until(lambda: bool(batches(chattigo)), "the first batch is posted")

        # Bulk is in debt for seconds now: replies of the line, and another line's, do not wait for it.
        asked = time.monotonic()
        await big.replies(*((f"b{n}", f"5697{n}") for n in range(20)))
        await small.replies(*((f"s{n}", f"5696{n}") for n in range(20)))
        await until(lambda: len(chattigo.calls) - len(batches(chattigo)) == 40, "all replies are posted")
        assert len(batches(chattigo)) == 1, "in debt: no batch went before them"
        assert chattigo.calls[-1].at - asked < 16, "the debt takes 20 s to pay back"

        # A new rate and size hold while it runs; another line's reply waits for at most three of its calls.
        big.line |= {"rate": 10_000.0, "batch_max": 100}
        await big.configure()
        await until(lambda: len(batches(chattigo)) > 3, "it goes on")
        assert len(batches(chattigo)[-1].recipients) == 100
        waited = []
        for n in range(3):
            before, name = len(batches(chattigo)), f"5695{n}"
            await small.replies((f"o{n}", name))
            await until(lambda name=name: any(call.recipients == [name] for call in chattigo.calls), "it is posted")
            place = next(i for i, call in enumerate(chattigo.calls) if call.recipients == [name])
            waited.append(sum(call.is_batch for call in chattigo.calls[:place]) - before)
        assert max(waited) <= 3, waited

        async def held(world: World, pauses: list[str]) -> bool:
            told = await states(world)
            return bool(told) and told[-1].pauses == pauses

        pace.batch_s = 0.1
        await until(lambda: len(batches(chattigo)) > 8, "it goes faster")
        tenant = Scope(tenant=big.tenant)
        await big.put(pausing.record(big.kafka, tenant, {}, "pause", "the bill", "ana", 1))
        await until(lambda: held(big, [f"tenant|{big.tenant}"]), "the owner has acknowledged it")
        acknowledged = time.monotonic()
        assert await held(small, []), "another tenant is not concerned"
        await big.replies(("late", "56940"))
        await until(lambda: time.monotonic() - max(call.at for call in chattigo.calls) > 1, "no call for a second")
        assert all(call.at < acknowledged + 0.2 for call in chattigo.calls), "no call began after it"
        assert 0 < len(batches(chattigo)) < 40
        await worker.kill()
        await big.worker("0", line_parallel=2)
        await until(lambda: _parked(big), "what comes meanwhile is kept")
        assert all(call.at < acknowledged + 0.2 for call in chattigo.calls), "nor by a new owner"

        await big.put(pausing.record(big.kafka, tenant, {}, "resume", "", "ana", 2))
        await until(lambda: _finished(big), "the campaign is finished", 60)
        await until(lambda: any(call.recipients == ["56940"] for call in chattigo.calls), "and the reply is posted")
        reached = Counter(to for call in chattigo.accepted if call.is_batch for to in call.recipients)
        assert reached == dict.fromkeys(NUMBERS, 1)
        attempts = [plan for plan in await big.plans() if plan.attempt > 1]
        assert {(plan.tries, plan.resend_of) for plan in attempts} <= {(1, "")}
        assert await held(big, [])


async def _parked(world: World) -> bool:
    return any(outcome.code == "paused" for outcome in await world.outcomes("parked"))


async def _finished(world: World) -> bool:
    told = await world.progress()
    return bool(told) and told[-1].state == "finished"


async def test_a_stop_and_a_wish_of_whatsapp_are_heeded_over_a_kill(broker: str) -> None:
    did = "56920000602"
    async with SmallChattigo() as chattigo, World(broker, chattigo, did) as world:
        worker = await world.worker()
        await world.replies(("e1", "5691"), ("e2", "5692"))
        await until(lambda: len(chattigo.accepted) == 2, "both are posted")
        for code, call in ((131031, chattigo.accepted[0]), (131050, chattigo.accepted[1])):
            failed = cloud_status(did, call.wamid, call.recipients[0], "failed")
            failed["entry"][0]["changes"][0]["value"]["statuses"][0]["errors"] = [{"code": code, "title": "no"}]
            await world.receipt(failed)

        async def on_record() -> bool:
            told = await states(world)
            return bool(told) and bool(told[-1].stops) and bool(told[-1].opted_out)

        await until(on_record, "the stop and the wish are on record")
        await worker.kill()
        await world.worker()
        await world.replies(("e3", "5693"))

        async def waits() -> bool:
            return any(outcome.code == "line_stopped" for outcome in await world.outcomes("parked"))

        await until(waits, "a new owner sends nothing")
        assert len(chattigo.accepted) == 2
        lifted = pausing.record(world.kafka, Scope(did=did), {did: world.tenant}, "resume", "", "ana", 1)
        await world.put(lifted)
        await until(lambda: len(chattigo.accepted) == 3, "a person resumed it")
        ordered: list[Record] = await asyncio.to_thread(_orders, world)
        assert len(ordered) == 1, "the conversation is told once"


def _orders(world: World) -> list[Record]:
    topic, found = topics.INBOUND_CONVERSATIONS.name, []
    places = [(topic, n) for n in range(topics.LAPTOP.partitions)]
    ends = end_offsets(world.kafka, places, committed=True)
    for place in places:
        for message in read_partition(world.kafka, *place, BEGINNING, ends[place]):
            if str(message.key() or b"", "utf-8").startswith(f"{world.did}|"):
                found.append(Record(topic, message.value(), message.key()))
    return found
