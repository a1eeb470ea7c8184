"""Parking on a genuine Kafka: a line that waits holds up nobody; what it parked goes once, in order, after a kill."""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter

import pytest
from confluent_kafka import Consumer

from egress.lines.process.owner import GROUP
from egress.lines.queues.admission import PARKED
from runtime.kafka import config
from runtime.kafka.offsets import OffsetsUnavailable, end_offsets, stable_committed
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.line_command import ControlLine
from schemas.outbound import OutboundMessage
from schemas.parked import Parked
from schemas.record import encode
from schemas.session import Template
from tests.builders.egress import SmallChattigo, World, until

INPUTS = ("outbound.replies", "outbound.templates", "lines.commands")
PEOPLE = [f"5697{n}" for n in range(5)]
KILLED = -signal.SIGKILL


async def order(world: World, action: str) -> None:
    record = ControlLine(id=action, did=world.did, at_ms=int(time.time() * 1000), by="ana", action=action)  # type: ignore[arg-type]
    await world.put(Record("lines.commands", encode(record), world.did.encode(), partition=world.partition))


def _behind(world: World) -> dict[str, int]:
    places = [(topic, world.partition) for topic in INPUTS]
    client = Consumer(config.consumer(world.kafka, GROUP))
    try:
        done = stable_committed(client, places)
    except OffsetsUnavailable:
        return dict.fromkeys(INPUTS, -1)  # the group's coordinator is not there yet
    finally:
        client.close()
    ends = end_offsets(world.kafka, places)
    return {place[0]: ends[place] - (done[place] or 0) for place in places if ends[place] != (done[place] or 0)}


async def all_committed(world: World) -> bool:
    """Whether the inputs' committed offsets are at their ends."""
    return await asyncio.to_thread(_behind, world) == {}


def _parked(world: World) -> list[Parked]:
    place = (PARKED, world.partition)
    end = end_offsets(world.kafka, [place], committed=True)[place]
    records = read_partition(world.kafka, *place, BEGINNING, end)
    notes = (Parked.from_headers(m.headers() or []) for m in records)  # type: ignore[arg-type]
    return [note for note in notes if note.did == world.did]


async def parked(world: World) -> list[Parked]:
    return await asyncio.to_thread(_parked, world)


def told(chattigo: SmallChattigo, did: str) -> dict[str, list[str]]:
    """What each person got of a line, in order."""
    found: dict[str, list[str]] = {}
    for call in chattigo.accepted:
        if f"/{did}/" in call.path:
            found.setdefault(call.recipients[0], []).append(call.body["text"]["body"])
    return found


def events(first: int, count: int, name: str) -> list[tuple[str, str]]:
    return [(f"{name}-{n:04}", PEOPLE[n % len(PEOPLE)]) for n in range(first, first + count)]


def by_person(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    return {person: [event for event, who in pairs if who == person] for person in PEOPLE}


async def test_a_paused_line_holds_up_no_neighbour_and_goes_on_in_order_after_a_kill(broker: str) -> None:
    dids = ("56940000000", "56940000002")
    assert keys.partition(dids[0], topics.LAPTOP.partitions) == keys.partition(dids[1], topics.LAPTOP.partitions)
    async with (
        SmallChattigo() as chattigo,
        World(broker, chattigo, dids[0]) as paused,
        World(broker, chattigo, dids[1]) as busy,
    ):
        limits = {"line_memory": 50, "park_after_s": 1, "pair_burst": 10_000}
        worker = await paused.worker(**limits)
        early = events(0, 30, "p")
        await paused.replies(*early)
        await order(paused, "pause")
        await until(lambda: all_committed(paused), "the line is paused")
        late = events(30, 400, "p")
        for n in range(4):
            await paused.replies(*late[n * 100 : n * 100 + 100])
            await busy.replies(*events(n * 100, 100, "b"))
        await until(lambda: told(chattigo, busy.did) == by_person(events(0, 400, "b")), "the busy line sends all")
        await until(lambda: all_committed(busy), "no input is held up")
        before = told(chattigo, paused.did)
        assert sum(map(len, before.values())) <= len(early)
        assert Counter(note.why for note in await parked(paused))["line_paused"] >= len(late)
        assert await paused.messages_in("parked") >= {paused.message(*pair).id for pair in late}
        assert await worker.kill() == KILLED
        await paused.worker(**limits)
        last = events(430, 100, "p")
        await paused.replies(*last)
        await until(lambda: all_committed(paused), "what comes after the kill is parked too")
        assert told(chattigo, paused.did) == before
        await order(paused, "resume")
        everything = by_person(early + late + last)
        await until(lambda: told(chattigo, paused.did) == everything, "all go, once and in order")
        assert await paused.messages_in("in_doubt") == set()


async def test_after_a_kill_a_password_goes_before_a_parked_backlog_and_a_template_between_its_calls(
    broker: str,
) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56940000012", rate=100.0) as world:
        limits = {"line_memory": 20, "worker_memory": 40, "park_after_s": 1}
        contents = {name: Template(name=name, language="es", body=["x"]) for name in ("promo", "order")}

        def singles(name: str, count: int, send_class: str) -> list[OutboundMessage]:
            people = [f"5698{len(name)}{n:04}" for n in range(count)]
            every = enumerate(people)
            return [
                world.message(f"{name}{n}", who, content=contents.get(name, contents["order"]), send_class=send_class)
                for n, who in every
            ]

        worker = await world.worker(**limits)
        await order(world, "pause")
        await until(lambda: all_committed(world), "the line is paused")
        backlog, few, codes = (
            singles("promo", 300, "marketing"),
            singles("order", 5, "utility"),
            singles("code", 3, "otp"),
        )
        await world.send("outbound.templates", *backlog, *few, *codes)
        await until(lambda: all_committed(world), "all of it is parked")
        assert Counter(note.kind for note in await parked(world)) == {"bulk": 305, "urgent": 3}
        assert await worker.kill() == KILLED
        await world.worker(**limits)
        await order(world, "resume")
        asked = {one.id for one in [*backlog, *few, *codes]}

        async def accounted() -> bool:
            return asked <= await world.messages_in("accepted")

        await until(accounted, "all are accepted", 60)
        assert [pair for pair, n in Counter(chattigo.accepted_pairs()).items() if n > 1] == []
        names = [(call.body.get("hsm", {"template": "code"})["template"], call) for call in chattigo.accepted]
        sent = [name for name, call in names for _ in call.recipients]
        assert Counter(sent) == {"promo": 300, "order": 5, "code": 3}
        last = {name: len(sent) - 1 - sent[::-1].index(name) for name in ("code", "order")}
        assert sent[: last["code"]].count("promo") <= 20
        assert sent[: last["order"]].count("promo") <= 60


@pytest.mark.parametrize(
    ("did", "point"), [("56940000010", "plan_committed=kill:3"), ("56940000011", "plan_written=kill:20")]
)
async def test_a_backlog_beyond_memory_goes_once_and_in_order_over_kills(broker: str, did: str, point: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, did, rate=200.0) as world:
        limits = {"line_memory": 20, "worker_memory": 30, "park_after_s": 1, "pair_burst": 10_000}
        template = Template(name="order", language="es", body=["x"])
        singles = [world.message(f"t{n}", f"5698{n:04}", content=template, send_class="utility") for n in range(200)]
        killed = await world.worker(points=point, **limits)
        pairs = events(0, 300, "r")
        await world.replies(*pairs)
        await world.send("outbound.templates", *singles)
        assert await killed.ended() == KILLED, killed.log.decode()
        worker = await world.worker(**limits)
        await until(lambda: len(chattigo.accepted) > 50, "it goes on")
        assert await worker.kill() == KILLED
        await world.worker(**limits)
        asked = {world.message(*pair).id for pair in pairs} | {one.id for one in singles}

        async def accounted() -> bool:
            return asked <= await world.messages_in("accepted") | await world.messages_in("in_doubt")

        await until(accounted, "all are accepted or in doubt", 90)
        assert [pair for pair, n in Counter(chattigo.accepted_pairs()).items() if n > 1] == []
        for said in told(chattigo, did).values():
            assert said == sorted(said)
        reached = sum(len(call.recipients) for call in chattigo.accepted)
        assert len(asked) - reached <= len(await world.messages_in("in_doubt"))
        assert {note.why for note in await parked(world)} >= {"backlog"}
