"""Places of parked messages: in their order, a few bytes each; committed only up to the first that is not done."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.item import REPLIES
from egress.lines.parking import lot as lots
from egress.lines.parking.lot import NOTE_MS, Lot
from egress.lines.parking.parking import FAR_MS, SPAN_MAX, Offsets, Parking
from egress.lines.partition import TEMPLATES, Partition
from egress.lines.process.backpressure import EARLY_MAX, UNWRITTEN_MAX, Backpressure
from egress.lines.queues.crowd import SHARE, Crowd
from egress.lines.work import Echo
from schemas.parked import Parked, unparked
from tests.builders.lines import WALL, template_item

MILLION = 1_000_000


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.booleans()), min_size=1, max_size=40), st.data())
def test_the_lots_position_is_before_the_first_that_is_undecided_or_whose_input_returns(
    made: list[tuple[int, bool]], data: st.DataObject
) -> None:
    lot, offset, undone = Lot(7), 10, {}
    for gap, returns in made:
        offset += gap
        assert lot.take(offset, WALL, ("in", offset * 2) if returns else None)
        assert not lot.take(offset, WALL)
        undone[offset] = {"decided"} | ({"input"} if returns else set())
    steps = [(one, what) for one, whats in undone.items() for what in whats]
    for one, what in data.draw(st.permutations(steps)):
        if what == "decided":
            lot.finish(one)
            lot.finish(one)
            undone[one].discard(what)
        else:
            lot.committed("in", one * 2 + 1)
            for earlier in undone:
                if earlier <= one:
                    undone[earlier].discard(what)
        assert lot.position == min((o for o, left in undone.items() if left), default=offset + 1)


def test_a_million_parked_messages_cost_a_few_bytes_each() -> None:
    lot, parking = Lot(0), Parking()
    for offset in range(MILLION):
        lot.take(offset, WALL + offset)
        parking.put(offset, WALL + MILLION * 60 if offset % 2 else 0, WALL)
    held = vars(lot)["_flags"], vars(parking.queue)["_all"], *vars(parking)["_later"].values()
    assert sum(map(sys.getsizeof, held)) < 14 * MILLION
    assert len(vars(lot)["_marks"]) < 100
    assert parking.parked == MILLION


def test_a_done_backlog_leaves_nothing() -> None:
    lot, queue = Lot(0), Offsets()
    for offset in range(MILLION // 4):
        lot.take(offset, WALL + offset)
        queue.append(offset)
    while run := queue.take(1000):
        for offset in run:
            lot.finish(offset)
    assert lot.position == MILLION // 4
    assert sys.getsizeof(vars(lot)["_flags"]) < 100_000
    assert sys.getsizeof(vars(queue)["_all"]) < 100_000


@settings(deadline=None)
@given(st.lists(st.integers(1, 3000), max_size=200), st.integers(1, 50))
def test_places_come_out_in_order_in_runs_that_one_consumer_can_read(gaps: list[int], count: int) -> None:
    queue, offsets = Offsets(), [sum(gaps[: n + 1]) for n in range(len(gaps))]
    for offset in offsets:
        queue.append(offset)
    assert list(queue) == offsets
    runs = []
    while run := queue.take(count):
        runs.append(run)
        assert len(run) <= count
        assert run[-1] < run[0] + SPAN_MAX
    assert [offset for run in runs for offset in run] == offsets


def test_a_far_time_waits_for_its_minute_and_then_behind_the_others() -> None:
    parking = Parking()
    parking.put(1, WALL + 10 * FAR_MS, WALL)
    parking.put(2, WALL + FAR_MS, WALL)
    parking.put(3, 0, WALL)
    assert parking.take(1, WALL) == [2]
    assert (parking.parked, parking.coming, parking.absent) == (3, 1, True)
    assert parking.take(10, WALL + 9 * FAR_MS) == [3]
    assert parking.take(10, WALL + 10 * FAR_MS) == [1]
    assert not parking.fetchable


def test_when_it_was_parked_is_known_to_the_minute() -> None:
    lot = Lot(0)
    assert lot.since_ms(5) == 0
    for offset in range(10):
        lot.take(offset, WALL + offset * 40_000)
    assert lot.since_ms(0) == WALL
    assert 0 <= WALL + 9 * 40_000 - lot.since_ms(9) <= 80_000


def test_own_records_are_known_when_they_are_read_back_and_others_are_not() -> None:
    lot, item = Lot(0), template_item("t")
    lot.expect([Echo("a", None), Echo("t", item)])
    assert lot.returns("t")
    assert lot.came("foreign") is None
    assert lot.came("a") == Echo("a", None)
    assert lot.came("t") == Echo("t", item)
    assert not lot.returns("t")
    assert lot.came("t") is None


def test_a_copy_of_a_decided_message_may_return_until_it_is_committed() -> None:
    lot = Lot(0)
    for offset in range(3):
        lot.take(offset, WALL)
    lot.known(1, "m")
    assert lot.returns("m")
    lot.forget(1)
    assert lot.returns("m")
    lot.finish(0)
    lot.forget(lot.position)
    assert not lot.returns("m")
    lot.known(2, "n")
    assert not lot.returns("n"), "nothing is left before it"


@settings(deadline=None)
@given(st.integers(0, 50), st.integers(0, 60))
def test_there_is_room_for_a_line_in_a_full_worker_but_only_its_share(waiting: int, elsewhere: int) -> None:
    crowd = Crowd(60, 50)
    crowd.admitted(0, waiting)
    crowd.admitted(1, elsewhere)
    room = crowd.room(waiting)
    assert room <= 50 - waiting
    if waiting + elsewhere >= 60:
        assert (room > 0) == (waiting < SHARE)
    else:
        assert room > 0 or waiting == 50
    crowd.recount(1, 0)
    assert crowd.held == waiting


def test_a_note_of_a_parked_record_is_read_as_it_was_written() -> None:
    note = Parked(did="569", kind="reply", source="outbound.replies-3-17", why="waits", at_ms=5, key=b"a|b")
    came: list[tuple[str, bytes | None]] = [("id", b"m"), ("did", b"other"), ("parked_at", b"1")]
    headers = note.headers(came)
    assert Parked.from_headers(headers) == note
    assert note.origin == ("outbound.replies", 17)
    assert unparked(headers) == [("id", b"m"), ("did", b"569")]
    nothing = Parked.from_headers([("parked_kind", b"new"), ("parked_from", b"x"), ("parked_at", "²".encode())])
    assert (nothing.kind, nothing.origin, nothing.at_ms, nothing.did) == ("bulk", ("", -1), 0, "")


class Inputs:
    """Notes which inputs are paused."""

    def __init__(self) -> None:
        self.paused: set[tuple[str, int]] = set()

    async def pause(self, partitions: Iterable[tuple[str, int]]) -> None:
        self.paused |= set(partitions)

    async def resume(self, partitions: Iterable[tuple[str, int]]) -> None:
        self.paused -= set(partitions)


class Owned:
    """What is looked at of a partition."""

    def __init__(self, **fields: Any) -> None:
        self.number, self.recovered, self.early, self.unwritten = 3, True, 0, 0
        vars(self).update(fields)

    def waiting(self) -> tuple[int, int]:
        return 10**6, 10**6


@pytest.mark.parametrize(
    ("full", "half", "paused"),
    [
        ({"recovered": False, "early": EARLY_MAX}, {"recovered": False, "early": EARLY_MAX // 2}, True),
        ({"unwritten": UNWRITTEN_MAX}, {"unwritten": UNWRITTEN_MAX // 2}, True),
        ({"early": EARLY_MAX}, {}, False),
        ({}, {}, False),
    ],
)
async def test_inputs_pause_only_before_the_recovery_or_when_transactions_fall_behind(
    full: dict[str, Any], half: dict[str, Any], paused: bool
) -> None:
    inputs = Inputs()
    pressure = Backpressure(inputs)

    async def apply(**fields: Any) -> bool:
        await pressure.apply([cast("Partition", Owned(**fields))])
        assert inputs.paused in (set(), {(REPLIES, 3), (TEMPLATES, 3)})
        return bool(inputs.paused)

    assert await apply(**full) is paused
    assert await apply(**half) is paused
    assert await apply() is False


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.integers(0, 60))
def test_a_note_says_exactly_what_is_done(done: list[bool], start: int) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lots, "NOTE_EVERY", 1)
        lot, heir = Lot(5), Lot(5)
        for offset, one in enumerate(done, 5):
            lot.take(offset, WALL)
            if one:
                lot.finish(offset)
        for offset in range(5 + start, 5 + len(done) + 3):  # an heir knows more, and less
            heir.take(offset, WALL)
        note = lot.note(WALL)
    left = [offset for offset, one in enumerate(done, 5) if not one]
    behind = [offset for offset, one in enumerate(done, 5) if one and left and offset > left[0]]
    assert (note is not None) == bool(behind)
    if note is not None:
        heir.heed(note)
        assert all(lot.noted(offset) for offset in behind)
        assert lot.note(WALL) is None, "until more is done"
    noted = set(behind)
    for offset in range(5 + start, 5 + len(done) + 3):
        assert heir.open(offset) == (offset not in noted)


def test_a_note_is_written_once_an_hour_if_anything_was_done_behind() -> None:
    lot = Lot(0)
    for offset in range(3):
        lot.take(offset, WALL)
    lot.finish(1)
    assert lot.note(WALL) is None
    assert lot.note(WALL + NOTE_MS - 1) is None
    assert lot.note(WALL + NOTE_MS) is not None
    lot.take(3, WALL)
    lot.pass_over(3)
    assert lot.note(WALL + 3 * NOTE_MS) is None
    lot.finish(2)
    lot.finish(0)
    assert lot.position == 4
    assert lot.note(WALL + 5 * NOTE_MS) is None
