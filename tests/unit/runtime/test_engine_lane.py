"""A lane keeps the order, the window and the table, and gives nothing away after it was closed."""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from runtime.engine import Chunk, Effects, EffectsTooLarge, EventHandler, EventLane, Exit, LaneClosed, TableView
from runtime.engine import lane as lane_module
from runtime.engine.handler import ChunkHandler
from runtime.engine.lane import Lane
from runtime.engine.membership import Membership
from runtime.engine.transaction import Work
from runtime.kafka.record import Record
from tests.engine_apps.builders import TP, a_chunk


class Ended(BaseException):
    """Stands for the end of the process."""


class Kafka:
    """Takes works, commits them when told."""

    def __init__(self) -> None:
        self.works: list[Work] = []
        self.committed = 0

    def submit(self, work: Work) -> None:
        self.works.append(work)

    async def commit(self, works: int | None = None) -> None:
        for work in self.works[self.committed :][:works]:
            work.done.set_result(None)
            self.committed += 1
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def kafka() -> Kafka:
    return Kafka()


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[Exit]:
    codes: list[Exit] = []

    def end_process(code: Exit, *_: object) -> NoReturn:
        codes.append(code)
        raise Ended

    monkeypatch.setattr(lane_module, "end_process", end_process)
    return codes


MakeLane = Callable[..., Lane]


@pytest.fixture
def make_lane(kafka: Kafka) -> MakeLane:
    def make(handler: ChunkHandler | EventHandler, **overrides: Any) -> Lane:
        arguments: dict[str, Any] = {
            "membership": Membership("group", 5, "member", None),
            "table": TableView(TP.partition),
            "changelog": "changelog",
            "handler": handler,
            "submit_work": kafka.submit,
            "room": lambda: None,
            "window": 2,
            "waiting_max": 3,
            "message_max": 1000,
        }
        return Lane(TP, 0, **(arguments | overrides))

    return make


async def count(chunk: Chunk, table: TableView) -> Effects:
    """Counts records in the table and tells the count."""
    total = int(table.get(b"n") or 0) + len(chunk)
    return Effects([Record("out", b"%d" % total)], {b"n": b"%d" % total})


class Agent(EventHandler):
    """Leaves it to the test when an event is done."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self.on_release: Callable[[EventLane], None] = lambda lane: None

    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        self.chunks.append(chunk)

    async def release(self, lane: EventLane) -> None:
        self.on_release(lane)


async def test_the_next_chunk_sees_the_writes_of_the_one_before_it_is_committed(
    kafka: Kafka, make_lane: MakeLane
) -> None:
    lane = make_lane(count)
    lane.offer(a_chunk([0, 1, 2]))
    lane.offer(a_chunk([4, 5], previous_end=3))
    await settle()
    assert [work.records for work in kafka.works] == [
        [Record("out", b"3"), Record("changelog", b"3", b"n", partition=3)],
        [Record("out", b"5"), Record("changelog", b"5", b"n", partition=3)],
    ]
    assert [work.offset for work in kafka.works] == [3, 6]
    assert lane.committed == 0
    await kafka.commit()
    assert (lane.committed, lane.open_chunks, lane.oldest_s) == (6, 0, None)
    await lane.close(1)


async def test_an_event_that_hangs_holds_up_no_other_that_comes_in_a_chunk_of_its_own(
    kafka: Kafka, make_lane: MakeLane
) -> None:
    agent = Agent()
    lane = make_lane(agent, window=2, records_open=5)
    for offset in range(8):
        lane.offer(a_chunk([offset], previous_end=offset))
        await settle()
    assert len(agent.chunks) == 5, "more than a window of chunks, and no more than the records that may be open"
    for offset in range(1, 5):
        lane.submit(Effects(), [offset])
    await kafka.commit()
    assert (lane.committed, lane.done, len(agent.chunks)) == (0, 4, 8), "those that are done make room"
    lane.submit(Effects(), [0])
    await kafka.commit()
    assert (lane.committed, lane.done) == (5, 5)


async def test_behind_one_that_hangs_no_more_than_a_span_is_begun(kafka: Kafka, make_lane: MakeLane) -> None:
    agent = Agent()
    lane = make_lane(agent, records_open=2, waiting_max=100)
    for offset in range(50):
        lane.offer(a_chunk([offset], previous_end=offset))
        await settle()
        for chunk in agent.chunks[1:]:
            if chunk.first == offset:
                lane.submit(Effects(), [offset])
        await kafka.commit()
    assert len(agent.chunks) == 20
    assert lane.done == 19
    lane.submit(Effects(), [0])
    await kafka.commit()
    assert lane.committed == 20
    assert len(agent.chunks) == 22


async def test_no_more_chunks_than_the_window_are_begun_or_fetched(kafka: Kafka, make_lane: MakeLane) -> None:
    lane = make_lane(count)
    for first in range(5):
        assert lane.wants
        lane.offer(a_chunk([first], previous_end=first))
        await settle()
    assert len(kafka.works) == 2
    assert not lane.wants
    assert lane.oldest_s == 1.0
    await kafka.commit(1)
    assert len(kafka.works) == 3
    assert lane.wants
    await kafka.commit()
    await kafka.commit()
    await lane.close(1)


@pytest.mark.parametrize("chunk", [a_chunk([5], previous_end=4), a_chunk([2], previous_end=2)])
async def test_a_chunk_that_does_not_follow_ends_the_process(
    chunk: Chunk, ends: list[Exit], make_lane: MakeLane
) -> None:
    lane = make_lane(count)
    lane.offer(a_chunk([0, 1, 2]))
    with pytest.raises(Ended):
        lane.offer(chunk)
    assert ends == [Exit.CHAIN]


async def test_events_finish_in_any_order_and_the_offset_follows_the_leading_run(
    kafka: Kafka, make_lane: MakeLane
) -> None:
    agent = Agent()
    lane = make_lane(agent)
    lane.offer(a_chunk([0, 1, 2]))
    await settle()
    lane.submit(Effects([Record("out", b"1")]), done=[1])
    done = lane.submit(Effects([Record("out", b"0")]), done=[0])
    lane.submit(Effects(writes={b"k": None}), done=[2])
    assert [work.offset for work in kafka.works] == [0, 2, 3]
    assert lane.open_chunks == 1
    await kafka.commit()
    assert done.done()
    assert (lane.committed, lane.open_chunks) == (3, 0)
    await lane.close(1)


async def test_what_is_not_submitted_before_the_close_is_refused(kafka: Kafka, make_lane: MakeLane) -> None:
    agent = Agent()
    agent.on_release = lambda lane: kafka_commits_later(lane.submit(Effects(), done=[0]))
    lane = make_lane(agent)
    lane.offer(a_chunk([0, 1]))
    await settle()

    def kafka_commits_later(_: object) -> None:
        asyncio.get_running_loop().call_later(0.01, lambda: kafka.works[0].done.set_result(None))

    await lane.close(1)
    assert lane.committed == 1
    with pytest.raises(LaneClosed):
        lane.submit(Effects(), done=[1])


async def test_a_handler_that_is_too_slow_is_cut_off_and_submits_nothing(kafka: Kafka, make_lane: MakeLane) -> None:
    async def hang(chunk: Chunk, table: TableView) -> Effects:
        await asyncio.sleep(60)
        raise AssertionError("not cut off")

    lane = make_lane(hang)
    lane.offer(a_chunk([0]))
    await settle()
    await lane.close(0.1)
    assert kafka.works == []


@pytest.mark.parametrize(("share", "finishes"), [(0.9, True), (0.1, False)])
async def test_what_was_begun_has_its_share_of_the_drain_and_no_more(
    kafka: Kafka, make_lane: MakeLane, share: float, finishes: bool
) -> None:
    slow = asyncio.Event()

    async def wait(chunk: Chunk, table: TableView) -> Effects:
        await slow.wait()
        return Effects()

    lane = make_lane(wait, submit_work=lambda work: work.done.set_result(None))
    lane.offer(a_chunk([0]))
    await settle()
    asyncio.get_running_loop().call_later(0.2, slow.set)
    await lane.close(0.4, share)
    assert (lane.committed == 1) is finishes


async def test_a_transaction_that_does_not_end_in_the_drain_time_ends_the_process(
    ends: list[Exit], make_lane: MakeLane
) -> None:
    lane = make_lane(count)
    lane.offer(a_chunk([0]))
    await settle()
    with pytest.raises(Ended):
        await lane.close(0.05)
    assert ends == [Exit.DRAIN]


async def test_a_handler_that_raises_ends_the_process(ends: list[Exit], make_lane: MakeLane) -> None:
    async def fail(chunk: Chunk, table: TableView) -> Effects:
        raise ValueError("poison")

    lane = make_lane(fail)
    lane.offer(a_chunk([0]))
    with pytest.raises(Ended):
        await lane._task
    assert ends == [Exit.HANDLER]


async def test_effects_that_kafka_would_not_take_are_refused_before_anything_is_taken(
    kafka: Kafka, make_lane: MakeLane
) -> None:
    lane = make_lane(Agent())
    lane.offer(a_chunk([0]))
    await settle()
    for effects in (Effects([Record("out", b"x" * 1001)]), Effects(writes={b"k": b"x" * 1000})):
        with pytest.raises(EffectsTooLarge):
            lane.submit(effects, done=[0])
    assert (len(lane.table), kafka.works) == (0, [])
    lane.submit(Effects(), done=[0])
    await kafka.commit()
    assert lane.committed == 1
    await lane.close(1)


async def test_housekeeping_is_fenced_by_the_offset_and_runs_between_chunks(kafka: Kafka, make_lane: MakeLane) -> None:
    lane = make_lane(count)
    lane.keep_house(lambda table: None)
    lane.offer(a_chunk([0, 1]))
    await settle()
    lane.keep_house(lambda table: Effects(writes={key: None for key, _ in table.sweep(5)}))
    await settle()
    assert kafka.works[-1].records == [Record("changelog", None, b"n", partition=3)]
    assert [work.offset for work in kafka.works] == [2, 2]
    assert len(lane.table) == 0
    await kafka.commit()
    await lane.close(1)


async def test_writes_need_a_changelog(make_lane: MakeLane, ends: list[Exit]) -> None:
    lane = make_lane(Agent(), changelog=None)
    with pytest.raises(TypeError, match="changelog"):
        lane.submit(Effects(writes={b"k": b"v"}))
    await lane.close(1)


async def test_when_its_oldest_record_was_written_is_known_until_it_is_committed(
    kafka: Kafka, make_lane: MakeLane
) -> None:
    lane = make_lane(count)
    assert lane.oldest_ms == 0
    lane.offer(a_chunk([0, 1]))
    assert lane.oldest_ms == 1_700_000_000_000
    await settle()
    assert lane.oldest_ms == 1_700_000_000_000
    await kafka.commit()
    assert lane.oldest_ms == 0
    await lane.close(1)
