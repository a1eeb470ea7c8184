"""An assignment reads what it must, keeps what nobody else can have changed, and lets nothing old through."""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any, cast

import pytest

from runtime.engine.assignment import Assignment
from runtime.engine.chunk import Chunk, Partition
from runtime.engine.handler import Housekeeper
from runtime.engine.membership import Membership
from runtime.engine.observer import SilentObserver
from runtime.engine.recovery import Recovery, RecoveryAbandoned, Restored
from runtime.engine.table import Table, TableView
from tests.engine_apps.builders import TP, a_chunk


class FakeLane:
    def __init__(self, tp: Partition, start: int, membership: Membership, table: TableView) -> None:
        self.tp, self.start, self.table = tp, start, table
        self.committed = start
        self.chunks: list[Chunk] = []
        self.closed = False
        self.drain = (0.0, 0.0)
        self.wants = True

    def offer(self, chunk: Chunk) -> None:
        self.chunks.append(chunk)

    def keep_house(self, housekeeper: Housekeeper) -> None:
        housekeeper(self.table)

    async def close(self, drain_s: float, begun_share: float) -> None:
        self.closed = True
        self.drain = (drain_s, begun_share)


class FakeRecovery:
    def __init__(self) -> None:
        self.steps = 0
        self.cold: list[list[int]] = []
        self.hold = threading.Event()
        self.hold.set()

    def restore(
        self, source: Sequence[Partition], warm: Mapping[Partition, int], abandoned: threading.Event
    ) -> Restored:
        self.cold.append([tp.partition for tp in source if warm.get(tp) != 7])
        while not self.hold.wait(0.005):
            if abandoned.is_set():
                raise RecoveryAbandoned
        return Restored(dict.fromkeys(source, 7), {number: {b"k": b"v"} for number in self.cold[-1]})


class Setup:
    def __init__(self) -> None:
        self.recovery = FakeRecovery()
        self.seeks: list[Mapping[Partition, int]] = []
        self.table = Table()
        self.assignment = Assignment(
            table=self.table,
            recovery=cast(Recovery, self.recovery),
            make_lane=cast(Any, FakeLane),
            observer=SilentObserver(),
            drain_s=1,
            begun_share=0.7,
        )

    async def seek(self, starts: Mapping[Partition, int]) -> None:
        self.seeks.append(starts)

    def take_over(self, generation: int, *numbers: int) -> None:
        partitions = [Partition("source", number) for number in numbers]
        self.assignment.take_over(partitions, Membership("g", generation, "m", None), self.seek)

    async def taken_over(self, generation: int, *numbers: int) -> None:
        self.take_over(generation, *numbers)
        await asyncio.wait_for(self.assignment.ready.wait(), 5)

    def lane(self, tp: Partition = TP) -> FakeLane:
        return cast(FakeLane, self.assignment.lanes[tp])


@pytest.fixture
def setup() -> Setup:
    return Setup()


async def test_lanes_open_after_recovery_and_seek(setup: Setup) -> None:
    await setup.taken_over(1, 2, 3)
    assert setup.recovery.cold == [[2, 3]]
    assert setup.seeks == [{Partition("source", 2): 7, TP: 7}]
    assert setup.lane().start == 7
    assert setup.lane().table.get(b"k") == b"v"
    assert setup.assignment.wanting() == {Partition("source", 2), TP}


async def test_only_a_partition_held_in_the_generation_before_keeps_its_table(setup: Setup) -> None:
    await setup.taken_over(4, 2, 3)
    setup.table.view(3).apply({b"k": b"newer"})
    await setup.assignment.release()
    await setup.taken_over(5, 3, 4)
    assert setup.recovery.cold[-1] == [4]
    assert setup.table.view(3).get(b"k") == b"newer"
    assert 2 not in setup.table
    await setup.assignment.release()
    await setup.taken_over(7, 3, 4)
    assert setup.recovery.cold[-1] == [3, 4]
    assert setup.table.view(3).get(b"k") == b"v"


async def test_a_partition_whose_committed_offset_moved_meanwhile_is_read_again(setup: Setup) -> None:
    await setup.taken_over(4, 3)
    setup.lane().committed = 6
    await setup.assignment.release()
    await setup.taken_over(5, 3)
    assert setup.recovery.cold[-1] == [3]


async def test_a_recovery_is_abandoned_when_the_partitions_go_and_nothing_of_it_is_kept(setup: Setup) -> None:
    setup.recovery.hold.clear()
    setup.take_over(1, 3)
    await asyncio.sleep(0)
    await asyncio.wait_for(setup.assignment.release(), 5)
    assert not setup.assignment.lanes
    setup.recovery.hold.set()
    await setup.taken_over(2, 3)
    assert setup.recovery.cold == [[3], [3]]


async def test_chunks_of_an_earlier_assignment_are_dropped(setup: Setup) -> None:
    await setup.taken_over(1, 3)
    old = setup.assignment.epoch
    await setup.assignment.release()
    await setup.taken_over(2, 3)
    setup.assignment.deliver(a_chunk([7], epoch=old))
    assert setup.lane().chunks == []
    setup.assignment.deliver(a_chunk([7], epoch=setup.assignment.epoch))
    assert len(setup.lane().chunks) == 1


async def test_release_closes_the_lanes_and_finish_takes_over_no_more(setup: Setup) -> None:
    await setup.taken_over(1, 3)
    lane = setup.lane()
    await setup.assignment.finish()
    assert lane.closed
    assert not setup.assignment.ready.is_set()
    setup.take_over(2, 3)
    assert not await setup_ready(setup)


async def setup_ready(setup: Setup) -> bool:
    try:
        await asyncio.wait_for(setup.assignment.ready.wait(), 0.05)
    except TimeoutError:
        return False
    return True


async def test_an_empty_assignment_is_ready_at_once(setup: Setup) -> None:
    await setup.taken_over(1)
    assert setup.recovery.cold == []
    assert setup.assignment.wanting() == set()


@pytest.mark.parametrize(("within_s", "drain_s"), [(None, 1), (0.5, 0.5), (30, 1)])
async def test_a_stop_with_less_time_than_a_rebalance_drains_in_that(
    setup: Setup, within_s: float | None, drain_s: float
) -> None:
    await setup.taken_over(1, 3)
    lane = setup.lane()
    await setup.assignment.finish(within_s)
    assert lane.drain == (drain_s, 0.7)


async def test_it_says_what_stands_between_us_and_our_partitions_and_moves_while_anything_does(setup: Setup) -> None:
    assert "group" in setup.assignment.waits_for
    setup.recovery.hold.clear()
    setup.take_over(1, 3)
    before = setup.assignment.steps
    assert "recovered" in setup.assignment.waits_for
    assert setup.assignment.steps == before, "a recovery that hangs makes no step"
    setup.recovery.steps += 1
    assert setup.assignment.steps == before + 1
    setup.recovery.hold.set()
    await asyncio.wait_for(setup.assignment.ready.wait(), 5)
    assert setup.assignment.waits_for == ""
    await setup.assignment.release()
    assert "group" in setup.assignment.waits_for
    assert setup.assignment.steps > before + 1


async def test_a_recovery_that_ends_without_lanes_is_seen(setup: Setup) -> None:
    async def never(starts: Mapping[Partition, int]) -> None:
        raise asyncio.CancelledError

    setup.assignment.take_over([TP], Membership("g", 1, "m", None), never)
    task = setup.assignment._taking_over
    assert task is not None
    await asyncio.wait({task})
    assert setup.assignment.waits_for != ""
