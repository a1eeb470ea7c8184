"""Single templates behind a flood of another line's, on a genuine Kafka: they go before it, once, over kills."""

from __future__ import annotations

import asyncio
import itertools
import signal
import time
from collections import Counter
from collections.abc import Callable

from confluent_kafka import Consumer, Producer, TopicPartition

from egress.lines.process.owner import GROUP, READING
from egress.lines.queues.ahead import FROM
from runtime.kafka import config
from runtime.kafka.offsets import end_offsets, stable_committed
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.outbound import OutboundMessage
from schemas.session import Template
from tests.builders.egress import SmallChattigo, World, until

TEMPLATES = topics.OUTBOUND_TEMPLATES.name
KILLED = -signal.SIGKILL
FLOOD, FEW = 40_000, 5
PROMO = Template(name="promo", language="es", body=["x"])


def lines_of_one_partition(count: int) -> list[str]:
    every = (f"56947{number:06}" for number in itertools.count())
    first = next(every)
    place = keys.partition(first, topics.LAPTOP.partitions)
    same = (did for did in every if keys.partition(did, topics.LAPTOP.partitions) == place)
    return [first, *itertools.islice(same, count - 1)]


def _unread(world: World) -> int:
    """How many single templates the group has not committed."""
    place = (TEMPLATES, world.partition)
    client = Consumer(config.consumer(world.kafka, GROUP))
    try:
        done = stable_committed(client, [place])[place] or 0
    finally:
        client.close()
    return end_offsets(world.kafka, [place])[place] - done


async def unread(world: World) -> int:
    return await asyncio.to_thread(_unread, world)


def singles(world: World, dids: list[str], turn: int) -> list[OutboundMessage]:
    """One template of each of these lines, each for somebody else."""
    return [
        world.on(did).message(f"s{turn}", f"5699{turn}{n:03}", content=PROMO, send_class="marketing")
        for n, did in enumerate(dids)
    ]


async def test_templates_behind_a_flood_go_before_it_once_over_kills(broker: str) -> None:
    big, *small = lines_of_one_partition(1 + FEW)
    async with (
        SmallChattigo() as chattigo,
        World(broker, chattigo, big, rate=3000.0) as flooded,
        World(broker, chattigo, small[0], batch_max=1) as others,
    ):
        others.dids = small
        await others.configure()
        flood = [flooded.message(f"f{n}", f"5698{n:06}", content=PROMO, send_class="marketing") for n in range(FLOOD)]
        await flooded.send(TEMPLATES, *flood)
        asked: set[str] = set()

        def reached() -> Counter[str]:
            return Counter(to for call in chattigo.accepted for to in call.recipients)

        async def put(turn: int) -> None:
            new = singles(others, small, turn)
            await others.send(TEMPLATES, *new)
            asked.update(one.contact for one in new)

        async def planned() -> set[str]:
            plans = [plan for did in small for plan in await others.on(did).plans()]
            return {m.contact for plan in plans for m in plan.messages}

        limits = {"line_memory": 1000}
        await put(0)
        worker = await flooded.worker(**limits)
        await until(lambda: bool(asked & set(reached())), "a template behind the flood goes")
        assert await worker.kill() == KILLED
        assert asked & await planned()
        assert await unread(flooded) > FROM, "what stands before it is not read: a crash brings it again"
        for turn, points in enumerate(("plan_committed=kill:3", "after_post=kill:6"), 1):
            await put(turn)
            killed = await flooded.worker(points=points, **limits)
            assert await killed.ended() == KILLED
        await put(3)
        await flooded.worker(**limits)

        async def all_told() -> bool:
            doubts = [await others.on(did).outcomes("in_doubt") for did in small]
            doubts.append(await flooded.outcomes("in_doubt"))
            told = set(reached()) | {contact for found in doubts for one in found for contact in one.contacts}
            return told == asked | {one.contact for one in flood} and await unread(flooded) == 0

        await until(all_told, "each is sent or in doubt, and nothing is left", 60)
        assert {to: count for to, count in reached().items() if count > 1} == {}, "nobody is told twice"


def test_a_reply_that_comes_while_a_flood_is_read_waits_for_little_of_it(
    broker: str, make_topic: Callable[..., str]
) -> None:
    """All that a worker fetched waits in one queue of its client."""
    flood, replies, count = make_topic("flood"), make_topic("replies"), 40_000
    client = Producer({"bootstrap.servers": broker, "linger.ms": 5})
    for _ in range(count // 1000):
        for _ in range(1000):
            client.produce(flood, b"x" * 500)
        client.flush(30)
    options = {name.replace("_", "."): value for name, value in READING.items()}
    reader = Consumer(config.consumer(KafkaSettings(bootstrap=broker), GROUP + "-test", overrides=options))
    reader.assign([TopicPartition(flood, 0, 0), TopicPartition(replies, 0, 0)])
    deadline, found = time.monotonic() + 60, list[str]()

    def read(until: Callable[[], bool]) -> None:
        while not until():
            assert time.monotonic() < deadline
            found.extend(message.topic() or "" for message in reader.consume(500, 0.1))

    read(lambda: len(found) >= 1000)
    client.produce(replies, b"reply")
    client.flush(30)
    before = len(found)
    read(lambda: replies in found)
    reader.close()
    assert found.index(replies) - before < 5000
