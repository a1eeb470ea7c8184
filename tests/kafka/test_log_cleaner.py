"""Recovery from topics that the log cleaner has been through: what it removed is missed by nobody.

Segments are small, and nothing is too young or too little to be cleaned. That records are gone is seen, not assumed.
"""

from __future__ import annotations

import asyncio
import signal

import pytest
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from runtime.kafka import config
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import keys
from schemas.optout import Optout
from schemas.record import encode
from tests.builders.accounts import closed, settled
from tests.builders.egress import Call, World, until
from tests.builders.scene import PARTITIONS, Scene

COMPACTED = ("egress.journal", "campaigns", "optouts")
EAGER = {
    "segment.ms": "500",
    "min.cleanable.dirty.ratio": "0.0",
    "min.compaction.lag.ms": "0",
    "max.compaction.lag.ms": "1000",
    "delete.retention.ms": "100",
}
KILLED = -signal.SIGKILL
Place = tuple[str, int, int]


def clean_eagerly(kafka: KafkaSettings) -> None:
    entries = [ConfigEntry(n, value, incremental_operation=AlterConfigOpType.SET) for n, value in EAGER.items()]
    topics = [ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries) for name in COMPACTED]
    client = AdminClient(config.admin(kafka))
    for answer in client.incremental_alter_configs(topics).values():
        answer.result(10)


def standing(kafka: KafkaSettings) -> set[Place]:
    """Where records stand on the compacted topics now."""
    return {
        (name, n, message.offset() or 0)
        for name in COMPACTED
        for n in range(PARTITIONS)
        for message in read_partition(kafka, name, n, BEGINNING, isolation="read_uncommitted")
    }


async def opt_out(world: World, person: str, times: int) -> None:
    """The same word again and again: compaction leaves the last one."""
    key = keys.join(world.did, person).encode()
    words = [Optout(tenant=world.tenant, since_ms=n, why="word") for n in range(1, times + 1)]
    await world.put(*(Record("optouts", encode(word), key, partition=world.partition) for word in words))


async def cleaned(scene: Scene, before: set[Place]) -> dict[str, int]:
    """Waits until the cleaner has removed records of every compacted topic; how many. Writes go on meanwhile, since
    the newest segment is never cleaned."""
    gone: dict[str, int] = {}
    for turn in range(40):
        await asyncio.gather(*(scene.say(world, f"nudge-{turn:02}") for world in scene.worlds))
        await asyncio.gather(*(opt_out(world, "5900", 1) for world in scene.worlds))
        await asyncio.gather(*(world.campaign(f"empty-{turn}", []) for world in scene.worlds))
        left = await asyncio.to_thread(standing, scene.kafka)
        gone = {name: sum(place[0] == name for place in before - left) for name in COMPACTED}
        if all(gone.values()):
            return gone
        await asyncio.sleep(0.5)
    raise AssertionError(f"the cleaner has not removed anything of each topic: {gone}")


async def all_told(scene: Scene, calls: list[Call], state: str) -> None:
    """WhatsApp says this of each recipient of these calls, and that is told of each message."""
    await scene.statuses(state, calls)
    wanted = {one for call in calls for one in scene.taken(call)}

    async def told() -> bool:
        await scene.tail.more()
        return all(scene.tail.states[one] == state for one in wanted)

    await until(told, "the receipts have found their sends", 40)


@pytest.mark.long
async def test_nothing_is_twice_or_lost_after_the_cleaner_has_run() -> None:
    async with Broker(properties={"log.cleaner.backoff.ms": 200}) as broker, Scene(broker.bootstrap, 500) as scene:
        await asyncio.to_thread(clean_eagerly, scene.kafka)
        # Before the workers start: between topics Kafka keeps no order, and a template could be read first.
        muted = [scene.mute(world) for world in scene.worlds]
        await asyncio.gather(*(opt_out(*one, 20) for one in zip(scene.worlds, muted, strict=True)))
        await scene.start("a", "b", points="after_post=kill:6")
        await scene.shared("a", "b")
        await scene.load()
        assert await scene.workers["a"].ended() == KILLED
        await scene.start("a")
        await settled(scene)
        # A wamid of a batch is bound to its send on the journal: the call's outcome is written again for it.
        first = list(scene.chattigo.accepted)
        await all_told(scene, first, "delivered")
        await until(scene.accounted, "every message has an end or is in doubt", 60)
        gone = await cleaned(scene, await asyncio.to_thread(standing, scene.kafka))
        print("removed", gone)

        await scene.load(1)
        earlier = len(scene.chattigo.accepted)
        await until(lambda: len(scene.chattigo.accepted) > earlier + 10, "the second turn is under way")
        assert [await scene.workers[name].kill() for name in ("a", "b")] == [KILLED, KILLED]
        await scene.start("a", "b")
        await settled(scene)
        await until(scene.accounted, "every message has an end or is in doubt", 60)
        await all_told(scene, first, "read")
        await closed(scene)
        assert {scene.tail.states[one] for one in scene.muted} == {"refused"}
