"""A message's state never moves back, in whatever order its outcomes arrive."""

from __future__ import annotations

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.outcome import State, merge

states = st.sampled_from(sorted(get_args(State)))
LADDER = ["accepted", "sent", "delivered", "read"]


def fold(seen: list[str]) -> str | None:
    state = None
    for one in seen:
        state = merge(state, one)
    return state


@given(st.permutations(LADDER))
def test_read_wins_in_any_order(order: list[str]) -> None:
    assert fold(order) == "read"


@given(st.lists(states, min_size=1, max_size=8), st.sampled_from(LADDER))
def test_a_state_on_the_ladder_never_moves_back(seen: list[str], step: str) -> None:
    before = fold(seen)
    after = merge(before, step)
    if before in LADDER:
        assert after in LADDER
        assert LADDER.index(after) >= LADDER.index(before)


@given(states, states)
def test_merging_the_same_again_changes_nothing(first: str, second: str) -> None:
    once = merge(first, second)
    assert merge(once, second) == once


def test_failed_ends_unless_delivered_or_read_was_seen() -> None:
    assert all(fold(list(order)) == "failed" for order in permutations(["accepted", "sent", "failed"]))
    assert all(fold(list(order)) == "delivered" for order in permutations(["accepted", "delivered", "failed"]))


@pytest.mark.parametrize("settled", ["accepted", "sent", "delivered", "read", "failed"])
def test_a_receipt_settles_a_doubt_and_a_doubt_unsettles_nothing(settled: str) -> None:
    assert merge("in_doubt", settled) == settled
    assert merge(settled, "in_doubt") == settled


@given(states)
def test_parked_gives_way_to_everything_in_either_order(other: str) -> None:
    assert merge("parked", other) == merge(other, "parked") == other
