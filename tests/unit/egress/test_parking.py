"""Places of parked messages: in their order, a few bytes each; committed only up to the first that is not done."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.item import REPLIES
from egress.lines.parking import lot as lots
from egress.lines.parking.flows import FAR_MS, FLOWS_MAX, SPAN_MAX, Flows, Offsets
from egress.lines.parking.lot import NOTE_MS, Lot
from egress.lines.parking.parking import Parking
from egress.lines.partition import TEMPLATES, Partition
from egress.lines.process.backpressure import EARLY_MAX, UNWRITTEN_MAX, Backpressure
from egress.lines.queues.crowd import SHARE, Crowd
from egress.lines.work import Echo
from schemas.parked import Flow, Parked, unparked
from tests.builders.lines import WALL, template_item

MILLION = 1_000_000


def promos(number: int) -> Flow:
    """The flow of one of many templates."""
    return Flow("", "marketing", f"promo_{number}", "es")


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
        parking.put(promos(offset % 20), offset, WALL + MILLION * 60 if offset % 2 else 0, WALL)
    flows = vars(parking.flows)
    queues = [vars(queue.offsets)["_all"] for queue in flows["_queues"].values()]
    held = vars(lot)["_flags"], *queues, *flows["_later"].values()
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
    parking.put(Flow(), 1, WALL + 10 * FAR_MS, WALL)
    parking.put(Flow(), 2, WALL + FAR_MS, WALL)
    parking.put(Flow(), 3, 0, WALL)
    assert parking.take(1, WALL) == [2]
    assert (parking.parked, parking.coming, parking.absent) == (3, 1, True)
    assert parking.take(10, WALL + 9 * FAR_MS) == [3]
    assert parking.take(10, WALL + 10 * FAR_MS) == [1]
    assert not parking.fetchable


PUT = st.tuples(st.integers(0, 6), st.integers(0, 3))  # a flow, and the minutes until its time


@settings(deadline=None)
@given(
    st.lists(PUT, max_size=60),
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 2), st.sets(st.integers(0, 6))), max_size=20),
)
def test_each_place_comes_once_in_its_flows_order_when_it_is_due_and_not_shut(
    puts: list[tuple[int, int]], takes: list[tuple[int, int, set[int]]]
) -> None:
    flows, now = Flows(), WALL - WALL % FAR_MS
    due = {
        offset: (number, now + minutes * FAR_MS if minutes > 1 else 0) for offset, (number, minutes) in enumerate(puts)
    }
    for offset, (number, until) in due.items():
        flows.put(promos(number), offset, until, now)
    taken: list[int] = []
    rounds: dict[int, int] = {}
    for turn, (count, minutes, shut) in enumerate([*takes, (100, 9, set())]):
        now += minutes * FAR_MS
        got, of = flows.take(count, now, lambda flow, shut=shut: flow in map(promos, shut))
        assert got == sorted(got)
        assert of == {promos(due[offset][0]) for offset in got}
        ready = [o for o, (number, until) in due.items() if until <= now and number not in shut and o not in taken]
        assert len(got) == min(count, len(ready)), "all that may be had, and no more"
        assert set(got) <= set(ready)
        assert len(flows) == len(due) - len(taken) - len(got)
        taken += got
        rounds.update(dict.fromkeys(got, turn))
    assert sorted(taken) == list(due)
    for number in range(7):
        order = sorted((o for o in due if due[o][0] == number), key=lambda offset: (due[offset][1], offset))
        assert [rounds[offset] for offset in order] == sorted(rounds[offset] for offset in order)
    assert vars(flows)["_queues"] == {}, "nothing is left"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 4000), min_size=2, max_size=6), st.integers(50, 400))
def test_a_flow_that_waits_gets_as_much_as_the_largest_backlog(sizes: list[int], room: int) -> None:
    """A million of a campaign before a few of a template: the few are in the next two rooms."""
    flows, owner = Flows(), {}
    for number, size in enumerate(sizes):
        for _ in range(size):
            owner[len(owner)] = number
            flows.put(promos(number), len(owner) - 1, 0, WALL)
    left, got = Counter(owner.values()), Counter[int]()
    while all(left.values()):
        taken, _ = flows.take(room, WALL, lambda flow: False)
        for offset in taken:
            got[owner[offset]] += 1
            left[owner[offset]] -= 1
        if all(left.values()):
            assert max(got.values()) - min(got[n] for n in left) <= room, "none is given more than one turn more"


def test_beyond_so_many_flows_the_others_share_one_queue_and_nothing_is_lost() -> None:
    flows = Flows()
    for offset in range(3 * FLOWS_MAX):
        flows.put(promos(offset), offset, WALL + 10 * FAR_MS if offset % 2 else 0, WALL)
    assert len(vars(flows)["_queues"]) == FLOWS_MAX + 1
    taken = [offset for _ in range(20) for offset in flows.take(100, WALL + 11 * FAR_MS, lambda flow: False)[0]]
    assert sorted(taken) == list(range(3 * FLOWS_MAX))
    flows.put(promos(1), 9999, 0, WALL)
    assert flows.holds(promos(1)), "and those that are empty leave their number to others"


def test_what_is_shut_says_until_when_a_copy_of_it_may_have_gone() -> None:
    flows, shut = Flows(), {promos(1)}
    flows.put(promos(1), 5, 0, WALL)
    flows.put(promos(1), 6, 0, WALL)
    flows.put(promos(2), 7, 0, WALL)
    assert dict(flows.since()) == {5: float("inf"), 7: float("inf")}
    flows.take(1, WALL, lambda flow: flow in shut)
    assert dict(flows.since()) == {}, "nothing of it was given before it was shut, and of the other nothing is left"
    assert flows.take(1, WALL + 1, lambda flow: False)[0] == [5]
    assert dict(flows.since()) == {6: float("inf")}
    flows.take(1, WALL + 2, lambda flow: flow in shut)
    assert dict(flows.since()) == {6: WALL + 2}
    assert (flows.firsts(), len(flows)) == ([], 1)


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


@pytest.mark.parametrize("kind", ["bulk", "urgent"])
def test_a_parked_record_says_with_what_it_takes_turns_and_one_that_cannot_be_read_takes_them_with_all(
    kind: Literal["bulk", "urgent"],
) -> None:
    note = Parked(did="569", kind=kind, source="outbound.templates-3-17", why="waits", at_ms=5, flow=promos(1))
    headers = note.headers([])
    assert Parked.from_headers(headers) == note
    assert unparked(headers) == [("did", b"569")]
    for unreadable in (b"", b"{", b"[1]", b'["c","x","y","z","of a later version"]'):
        other = [(name, unreadable if name == "parked_flow" else value) for name, value in headers]
        assert Parked.from_headers(other).flow == Flow()


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
