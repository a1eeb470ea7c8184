"""Whoever shares something gets an equal part of it, and nobody waits for more than one turn of each of the others."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from egress.lines.queues.turns import Turns, share

MOST = 1000
costs = st.integers(1, MOST)


@settings(deadline=None)
@given(st.lists(st.lists(costs, min_size=1, max_size=30), min_size=1, max_size=8))
def test_queues_that_all_wait_never_differ_by_more_than_one_batch(backlogs: list[list[int]]) -> None:
    turns: Turns[int] = Turns()
    given_: Counter[int] = Counter(dict.fromkeys(range(len(backlogs)), 0))
    left = {n: list(backlog) for n, backlog in enumerate(backlogs)}
    while all(left.values()):
        first = turns.order(left)[0]
        cost = left[first].pop()
        given_[first] += cost
        turns.took(first, cost)
        share_of_each = given_.total() / len(backlogs)
        assert all(abs(had - share_of_each) <= MOST for had in given_.values())
        assert max(given_.values()) - min(given_.values()) <= MOST


@settings(deadline=None)
@given(st.lists(costs, min_size=1, max_size=80), st.integers(2, 8), costs)
def test_who_comes_waits_for_at_most_one_turn_of_each_of_the_others(before: list[int], count: int, after: int) -> None:
    turns: Turns[int] = Turns()
    for cost in before:
        turns.took(turns.order(range(count))[0], cost)
    waited: list[int] = []
    while (first := turns.order([*range(count), count])[0]) != count:
        waited.append(first)
        turns.took(first, after)
    assert len(set(waited)) == len(waited) <= count


@settings(deadline=None)
@given(st.lists(costs, max_size=80), st.integers(2, 8))
def test_no_queue_waits_for_more_than_a_full_batch_of_each_of_the_others(before: list[int], count: int) -> None:
    turns: Turns[int] = Turns()
    for cost in before:
        turns.took(turns.order(range(count))[0], cost)
    since = dict.fromkeys(range(count), 0)
    for _ in range(20 * count):
        first = turns.order(range(count))[0]
        turns.took(first, MOST)
        assert since.pop(first) <= (count - 1) * MOST
        since = {other: waited + MOST for other, waited in since.items()} | {first: 0}


def test_who_was_away_has_no_credit_and_who_took_much_before_others_came_has_no_debt() -> None:
    turns: Turns[str] = Turns()
    turns.took("away", 1)
    for _ in range(50):
        turns.took("busy", 1000)
    taken = []
    for _ in range(6):
        first = turns.order(["busy", "away"])[0]
        turns.took(first, 1000)
        taken.append(first)
    assert sorted(taken) == ["away"] * 3 + ["busy"] * 3


def test_what_is_remembered_is_bounded_by_who_takes_part() -> None:
    turns: Turns[int] = Turns()
    for number in range(100_000):
        turns.took(number % 7, 1)
        turns.took(number, 1)
    assert len(turns._had) < 1000


@given(st.lists(st.integers(0, 20), min_size=1, max_size=30), st.integers(0, 64))
def test_room_is_used_up_while_somebody_wants_it_and_the_first_have_their_part(wants: list[int], room: int) -> None:
    left, given_ = room, []
    for place, want in enumerate(wants):
        part = min(want, share(left, len(wants) - place))
        given_.append(part)
        left -= part
    assert sum(given_) <= room
    assert given_[-1] == wants[-1] or left == 0
    assert room == 0 or given_[0] == min(wants[0], -(-room // len(wants)))
