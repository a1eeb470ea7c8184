"""A tenant whose calls hang crowds out nobody for long; one whose calls are answered is never cut short."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from processors.agents.patience import Patience, Time

FULL = Time(15, full=True)


def ended(patience: Patience, tenant: str, *, timed_out: bool, times: int = 1) -> None:
    for _ in range(times):
        patience.end(tenant, patience.begin(tenant, 0), timed_out=timed_out)


def hanging() -> Patience:
    patience = Patience(15)
    ended(patience, "a", timed_out=True, times=15)
    return patience


def test_while_calls_hang_a_few_ask_with_the_full_time_and_the_others_have_less_the_more_they_are() -> None:
    patience = hanging()
    assert [patience.begin("a", 2) for _ in range(8)] == [FULL] * 8
    assert patience.begin("a", 0) == Time(15, full=False)
    assert patience.begin("a", 0.8) == Time(15 * (1 - 0.8), full=False)
    assert patience.begin("a", 1) == patience.begin("a", 2) == Time(0.05, full=False)
    assert patience.begin("b", 2) == FULL


def test_one_that_asked_makes_room_for_the_next_to_ask() -> None:
    patience = hanging()
    asking = [patience.begin("a", 2) for _ in range(8)]
    patience.end("a", asking[0], timed_out=True)
    assert patience.begin("a", 2) == FULL
    assert not patience.begin("a", 2).full


def test_enough_answers_give_all_their_time_back_and_a_few_do_not() -> None:
    patience = hanging()
    asking = [patience.begin("a", 2) for _ in range(8)]
    short = patience.begin("a", 2)
    for _ in range(5):
        patience.end("a", short, timed_out=False)
    assert patience.hanging("a")
    for one in asking[:2]:
        patience.end("a", one, timed_out=False)
    assert not patience.hanging("a")
    assert patience.begin("a", 2) == FULL


def test_that_a_moment_was_not_enough_says_nothing_about_the_calls() -> None:
    patience = Patience(15)
    ended(patience, "a", timed_out=True, times=14)
    patience.end("a", Time(0.05, full=False), timed_out=True)
    assert not patience.hanging("a")


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=200))
def test_a_tenant_of_whose_events_every_third_is_answered_always_has_its_full_time(
    events: list[tuple[int, bool]],
) -> None:
    patience = Patience(15)
    for number, (taken, timed_out) in enumerate(events):
        ended(patience, "another", timed_out=True)
        time = patience.begin("a", taken)
        assert time == FULL
        patience.end("a", time, timed_out=timed_out and number % 3 != 0)


@given(st.lists(st.booleans(), max_size=60))
def test_nothing_is_kept_of_a_tenant_that_answers(outcomes: list[bool]) -> None:
    patience = Patience(15)
    for timed_out in outcomes:
        ended(patience, "a", timed_out=timed_out)
    ended(patience, "a", timed_out=False, times=20)
    assert not patience._lately
    assert not patience._asking
