"""Whatever order a message's outcomes are read in, its state ends the same."""

from __future__ import annotations

from functools import reduce
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from schemas.outcome import State, merge

LADDER = ("accepted", "sent", "delivered", "read")
FINAL = (*LADDER, "failed")
OTHERS = sorted(set(get_args(State)) - set(FINAL))


def fold(seen: list[str]) -> str | None:
    return reduce(merge, seen, None)  # type: ignore[arg-type, return-value]


def expected(history: list[str]) -> str:
    """Said once more, without an order: the highest step, `failed` between sent and delivered, else what there is."""
    for state in ("read", "delivered", "failed", "sent", "accepted"):
        if state in history:
            return state
    return history[0]


@st.composite
def histories(draw: st.DrawFn) -> list[str]:
    """What may become of one message: it waits, is in doubt or given up; what Chattigo and receipts say."""
    other = draw(st.lists(st.sampled_from(OTHERS), max_size=1))
    known = draw(st.lists(st.sampled_from(FINAL), max_size=6))
    repeated = draw(st.integers(1, 2))
    return other * repeated + known


@given(histories().filter(bool), st.data())
def test_any_order_of_a_messages_history_ends_in_the_same_state(history: list[str], data: st.DataObject) -> None:
    order = data.draw(st.permutations(history))
    assert fold(order) == expected(history)


@given(histories().filter(bool), st.data())
def test_reading_a_part_of_the_history_again_changes_nothing(history: list[str], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(history) - 1))
    assert fold(history + history[start:]) == fold(history)
