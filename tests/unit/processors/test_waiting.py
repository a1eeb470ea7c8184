"""How long the oldest record has waited is never told shorter than this worker knows it to be."""

from __future__ import annotations

from processors.waiting import Waiting


def test_it_is_the_age_of_the_oldest_record_that_was_fetched() -> None:
    assert Waiting().seconds(3, 10, 1_000, 61_000) == 60


def test_nothing_waits_where_all_is_done() -> None:
    waiting = Waiting()
    waiting.seconds(3, 10, 1_000, 61_000)
    assert waiting.seconds(3, 0, 0, 62_000) == 0


def test_what_is_not_fetched_counts_from_when_all_was_done_last() -> None:
    waiting = Waiting()
    waiting.seconds(3, 0, 0, 10_000)
    assert waiting.seconds(3, 5, 0, 25_000) == 15


def test_what_is_not_fetched_behind_one_that_was_counts_from_that_one() -> None:
    waiting = Waiting()
    waiting.seconds(3, 5, 4_000, 10_000)
    assert waiting.seconds(3, 4, 0, 34_000) == 30


def test_a_backlog_of_which_nothing_was_ever_fetched_counts_from_the_first_look() -> None:
    waiting = Waiting()
    assert waiting.seconds(3, 5, 0, 10_000) == 0
    assert waiting.seconds(3, 5, 0, 70_000) == 60


def test_partitions_are_apart_and_one_that_came_back_begins_anew() -> None:
    waiting = Waiting()
    waiting.seconds(3, 0, 0, 10_000)
    waiting.seconds(4, 0, 0, 20_000)
    assert waiting.seconds(4, 1, 0, 25_000) == 5
    waiting.forget(3)
    assert waiting.seconds(3, 1, 0, 90_000) == 0


def test_a_clock_that_was_set_back_gives_nothing_below_zero() -> None:
    assert Waiting().seconds(3, 1, 50_000, 40_000) == 0
