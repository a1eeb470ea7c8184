"""Where a partition's intake is far behind, what stands further on is looked at, and how far behind it is told."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from confluent_kafka import Message

from egress.lines.now import Now
from egress.lines.partition import COMMITTED, TEMPLATES, Partition
from egress.lines.process import scout as module
from egress.lines.process.behind import MARKERS_MAX, Behind, Unread
from egress.lines.process.scout import UNTIL, Scout
from egress.lines.queues.ahead import FROM, LONG_S, ONE_IN, SHORT_S, Look
from egress.lines.work import Echo
from runtime import metrics
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.offsets import Partition as Place
from runtime.settings import KafkaSettings
from schemas.record import encode
from schemas.tenant import Line
from tests.builders.lines import DID, START, promo, rules, tenant

WALL = START.wall_ms


def record(offset: int, partition: int = 0, topic: str = TEMPLATES, at_ms: int = WALL) -> Message:
    fields: dict[str, Any] = {
        "topic": topic,
        "partition": partition,
        "offset": offset,
        "key": b"k",
        "value": encode(promo(f"m{offset}", f"5691{offset:06}")),
        "headers": [],
        "timestamp": (1, at_ms),
        "error": None,
    }
    return cast("Message", SimpleNamespace(**{name: lambda value=value: value for name, value in fields.items()}))


class Tape:
    """A cursor over the records of one topic, by partition."""

    def __init__(self, records: Mapping[int, int]) -> None:
        self.ends = dict(records)
        self.at: dict[int, int] = {}
        self.failure: Exception | None = None
        self.closed = 0
        self.read_all: list[int] = []

    @property
    def placed(self) -> bool:
        return bool(self.at)

    def place(self, starts: Mapping[Place, int]) -> None:
        self.at = {n: self.at.get(n, start) for (_, n), start in starts.items()}

    def read(self, count: int, wait_s: float) -> list[Message]:
        if self.failure is not None:
            raise self.failure
        found: list[Message] = []
        for n, at in self.at.items():
            self.at[n] = min(self.ends[n], at + count)
            found += [record(offset, n) for offset in range(at, self.at[n])]
        self.read_all += [message.offset() or 0 for message in found]
        return found

    def close(self) -> None:
        self.at, self.closed = {}, self.closed + 1


class Told:
    """How far behind the partitions are said to be."""

    def __init__(self, *found: Mapping[int, Unread] | Exception) -> None:
        self._found = list(found)

    async def look(self, partitions: Collection[Partition], now_ms: int) -> Mapping[int, Unread]:
        found = self._found.pop(0) if len(self._found) > 1 else self._found[0]
        if isinstance(found, Exception):
            raise found
        return found


class World:
    """A scout between two cursors; its partitions begin at 0, where their intake has stood for long."""

    def __init__(self, told: Told, ends: Mapping[int, int]) -> None:
        lines = [Line(did=DID, sends="isv", templates="hsm", rate=10_000)]
        made = rules(tenant(lines=lines))
        self.partitions = {n: Partition(n, made, dict.fromkeys(COMMITTED, 0)) for n in ends}
        for partition in self.partitions.values():
            partition.recover(START)
        self.arrived = 0
        self.scout = Scout(KafkaSettings(), cast("Behind", told), lambda: list(self.partitions.values()), self._arrive)
        self.tail, self.gap = Tape(ends), Tape(ends)
        patched = cast("Any", self.scout)
        patched._tail, patched._gap = self.tail, self.gap
        self.stood()

    def stood(self) -> None:
        at_s = Now.read().s
        stood = Look(at_s - 1, FROM, 0, 0, since_s=at_s - LONG_S)
        cast("Any", self.scout)._looks = dict.fromkeys(self.partitions.values(), stood)

    def _arrive(self) -> None:
        self.arrived += 1

    async def turn(self) -> None:
        patched = cast("Any", self.scout)
        patched._looked_s = float("-inf")
        await patched._turn()


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.0)
    monkeypatch.setattr(module, "SLICE_S", 5.0)


def ahead(partition: Partition) -> int:
    return partition.trackers[TEMPLATES].ahead


async def test_what_came_last_is_read_first_and_the_gap_before_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LAST", 2 * FROM)
    end = 5 * FROM
    world = World(Told({0: Unread(end, end)}), {0: end})
    await world.turn()
    assert world.tail.read_all[0] == end - 2 * FROM
    assert world.gap.read_all[0] == 0
    for _ in range(20):
        await world.turn()
    assert sorted({*world.tail.read_all, *[n for n in world.gap.read_all if n < end - 2 * FROM]}) == list(range(end))
    assert not world.gap.placed, "the gap was read"
    taken = ahead(world.partitions[0])
    assert world.arrived >= 1
    assert taken == world.partitions[0].rules.settings.line_memory, "as many as memory holds"
    assert world.partitions[0].trackers[TEMPLATES].next == 0
    world.tail.ends[0] += 5
    before = len(world.tail.read_all)
    await world.turn()
    assert len(world.tail.read_all) == before + 5, "what comes now is seen at once"


@pytest.mark.parametrize(("records", "scouted"), [(FROM - 1, False), (FROM, True)])
async def test_a_partition_that_is_hardly_behind_is_not_scouted(records: int, scouted: bool) -> None:
    world = World(Told({0: Unread(records, records)}), {0: records})
    await world.turn()
    assert (ahead(world.partitions[0]) > 0) == scouted


async def test_a_partition_is_scouted_once_its_intake_was_seen_to_park() -> None:
    world = World(Told({0: Unread(FROM, FROM)}), {0: FROM})
    cast("Any", world.scout)._looks = {}
    await world.turn()
    await world.turn()
    assert not world.tail.placed, "it parks nothing"
    world.partitions[0].lot.expect([Echo("m", None)])
    await world.turn()
    assert world.tail.placed


def look(at_s: float, read: int = 0, parked: int = 0, unread: int = 10 * FROM) -> Look:
    return Look(at_s, unread, read, parked, since_s=at_s)


@pytest.mark.parametrize(
    ("read", "parked", "unread", "worth"),
    [
        (1000, 1000, 2000, True),
        (1000, 1000, 1999, False),
        (1000, 1000 // ONE_IN, 2000, True),
        (1000, 1000 // ONE_IN - 1, 2000, False),
        (100, 100, FROM, True),
        (100, 100, FROM - 1, False),
        (0, 1, FROM, True),
        (0, 0, FROM, False),
    ],
)
def test_reading_ahead_pays_where_the_intake_parks_and_needs_seconds(
    read: int, parked: int, unread: int, worth: bool
) -> None:
    assert SHORT_S == 2
    before = look(5, 700, 300)
    assert look(6, 700 + read, 300 + parked, unread).after(before).pays(before) == worth


def test_reading_ahead_pays_where_much_has_been_unread_for_long() -> None:
    first = look(5)
    assert not first.pays(None)
    almost = look(4.9 + LONG_S, 100).after(first)
    assert not almost.pays(first)
    assert look(5 + LONG_S, 200).after(almost).pays(almost)
    assert not look(6 + LONG_S, 100 + 10 * FROM).after(almost).pays(almost), "the rest is read in a moment"


def test_an_intake_that_had_little_to_read_a_moment_ago_is_not_behind_for_long() -> None:
    first = look(5)
    level = look(10, unread=FROM - 1).after(first)
    assert not level.pays(first)
    after = look(5 + LONG_S, parked=1).after(level)
    assert not after.pays(level), "how fast it reads nobody knows yet"
    assert look(6 + LONG_S, parked=2).after(after).pays(after)


async def test_it_ends_when_the_intake_has_come_up() -> None:
    world = World(Told({0: Unread(FROM, FROM)}, {0: Unread(UNTIL, FROM)}, {0: Unread(UNTIL - 1, FROM)}), {0: FROM})
    await world.turn()
    await world.turn()
    assert world.tail.placed
    await world.turn()
    assert not world.tail.placed
    assert world.tail.closed == world.gap.closed == 1


async def test_a_partition_that_was_let_go_gets_nothing_and_its_next_owner_is_scouted_anew() -> None:
    world = World(Told({0: Unread(FROM, FROM)}), {0: FROM})
    scout, former = cast("Any", world.scout), world.partitions[0]
    scout.choose({0: Unread(FROM, FROM)}, Now.read().s)
    sifted = module.Sifted([record(5)], 1)
    anew = Partition(0, former.rules, dict.fromkeys(COMMITTED, 0))
    anew.recover(START)
    world.partitions = {0: anew}
    world.stood()
    scout.admit(sifted)
    assert (ahead(former), ahead(anew)) == (0, 0)
    await world.turn()
    assert ahead(anew) == 0, "the cursors are placed anew first"
    await world.turn()
    assert ahead(anew) > 0
    world.partitions = {}
    scout.admit(sifted)
    assert world.arrived == 1


async def test_before_the_recovery_nothing_is_scouted() -> None:
    world = World(Told({0: Unread(FROM, FROM)}), {0: FROM})
    world.partitions[0].recovered = False
    await world.turn()
    assert not world.tail.placed


@pytest.mark.parametrize("fails", ["look", "frozen", "read"])
async def test_a_failure_of_kafka_is_counted_and_it_begins_anew(fails: str) -> None:
    behind = {0: Unread(FROM, FROM)}
    failures = {"look": OffsetsUnavailable("away"), "frozen": TimeoutError()}
    told = Told(failures[fails], behind) if fails in failures else Told(behind)
    world = World(told, {0: FROM})
    if fails == "read":
        world.tail.failure = module.ReadFailed("away")
    before = metrics.PROCESS.value(metrics.EGRESS_AHEAD_FAILURES)
    running = asyncio.create_task(world.scout.run())
    deadline = asyncio.get_running_loop().time() + 10
    while metrics.PROCESS.value(metrics.EGRESS_AHEAD_FAILURES) == before:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0)
    world.tail.failure = None
    while not ahead(world.partitions[0]):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    assert not world.tail.placed
    assert cast("Any", world.scout)._read({}, {}).picked == [], "who has ended reads nothing any more"


# -- how far behind


class Ends(Behind):
    """Kafka says that the topics end here."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings())
        self.ends: dict[str, int] = {}

    def _ends(self, places: list[Place]) -> dict[Place, int]:
        return {(topic, n): self.ends.get(topic, 0) for topic, n in places}


def shown(number: int = 7) -> tuple[float, float]:
    labels = {"topic": TEMPLATES, "partition": str(number)}
    return (
        metrics.PROCESS.value(metrics.EGRESS_BEHIND, **labels),
        metrics.PROCESS.value(metrics.EGRESS_BEHIND_SECONDS, **labels),
    )


def partition(number: int = 7) -> Partition:
    return Partition(number, rules(), dict.fromkeys(COMMITTED, 0))


async def test_it_is_shown_how_far_the_intake_is_behind_in_records_and_seconds() -> None:
    behind, owned = Ends(), partition()
    behind.ends = {TEMPLATES: 5000}
    assert await behind.look([owned], WALL) == {7: Unread(5000, 5000)}
    assert shown() == (5000, 0), "of what age they are is not known before the first is read"
    for offset in range(100):
        owned.trackers[TEMPLATES].take(offset)
    behind.read([record(99, 7, at_ms=WALL - 60_000)])
    await behind.look([owned], WALL + 1000)
    assert shown() == (4900, 61)


async def test_what_was_read_to_its_end_a_moment_ago_is_behind_for_a_moment_only() -> None:
    behind, owned = Ends(), partition()
    owned.trackers[TEMPLATES].take(99)
    behind.read([record(99, 7, at_ms=WALL - 86_400_000)])
    behind.ends = {TEMPLATES: 100 + MARKERS_MAX}
    await behind.look([owned], WALL)
    assert shown() == (0, 0), "markers of transactions are nothing to read"
    behind.ends = {TEMPLATES: 5000}
    await behind.look([owned], WALL + 500)
    assert shown() == (4900, 0.5)


async def test_of_a_partition_that_another_worker_has_nothing_is_shown() -> None:
    behind = Ends()
    behind.ends = {TEMPLATES: 5000}
    await behind.look([partition()], WALL)
    await behind.look([], WALL)
    found = metrics.gauge(metrics.EGRESS_BEHIND).series()
    assert (TEMPLATES, "7") not in found
