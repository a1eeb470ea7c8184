"""Offsets are committed up to the first record that is not decided, also where some were read before their turn."""

from hypothesis import given
from hypothesis import strategies as st

from egress.lines.tracker import Tracker


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.data())
def test_the_position_is_the_end_of_the_leading_run(gaps: list[int], data: st.DataObject) -> None:
    tracker = Tracker(10)
    offsets = [10 + sum(gaps[: n + 1]) for n in range(len(gaps))]
    for offset in offsets:
        assert tracker.take(offset)
    undone = set(offsets)
    before = tracker.position
    for offset in data.draw(st.permutations(offsets)):
        tracker.finish(offset)
        undone.discard(offset)
        assert tracker.position == min(undone, default=offsets[-1] + 1)
        assert tracker.position >= before
        before = tracker.position


def test_a_record_is_taken_once_and_finished_as_often_as_one_likes() -> None:
    tracker = Tracker(5)
    assert tracker.take(5)
    assert not tracker.take(5)
    assert not tracker.take(4)
    tracker.finish(5)
    tracker.finish(5)
    assert tracker.position == 6


def test_what_was_taken_ahead_is_not_taken_in_its_turn_and_holds_the_position_until_it_is_finished() -> None:
    tracker = Tracker(0)
    assert tracker.take_ahead(3)
    assert not tracker.take_ahead(3)
    assert (tracker.position, tracker.next, tracker.ahead) == (0, 0, 1), "what is before it was not read"
    for offset in range(3):
        assert tracker.take(offset)
        tracker.finish(offset)
    assert not tracker.take(3)
    assert (tracker.position, tracker.ahead) == (3, 0), "it waits"
    assert not tracker.take_ahead(2), "this one's turn is over"
    tracker.finish(3)
    assert tracker.position == 4


def test_what_was_taken_ahead_and_is_finished_is_passed_with_its_turn() -> None:
    tracker = Tracker(0)
    assert tracker.take_ahead(1)
    tracker.finish(1)
    assert tracker.position == 0
    tracker.take(0)
    tracker.finish(0)
    assert not tracker.take(1)
    assert (tracker.position, tracker.behind) == (2, 0)


def test_what_was_taken_ahead_and_removed_by_kafka_holds_the_position_until_it_is_finished() -> None:
    tracker = Tracker(0)
    assert tracker.take_ahead(2)
    assert tracker.take_ahead(4)
    tracker.finish(4)
    assert tracker.take(7), "0 to 6 are gone"
    tracker.finish(7)
    assert (tracker.position, tracker.ahead) == (2, 0)
    tracker.finish(2)
    assert tracker.position == 8


STEPS = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 4)),
    st.tuples(st.just("ahead"), st.integers(0, 12)),
    st.tuples(st.just("again"), st.integers(1, 10)),
    st.tuples(st.just("finish"), st.integers(0, 30)),
)


@given(st.lists(STEPS, max_size=80))
def test_the_position_never_passes_an_unfinished_or_unread_record_and_never_goes_back(
    steps: list[tuple[str, int]],
) -> None:
    tracker, following = Tracker(100), 100
    taken: list[int] = []
    early: set[int] = set()
    undone: set[int] = set()
    before = tracker.position
    for step, number in steps:
        if step == "take":
            fresh = tracker.take(following + number)
            assert fresh == (following + number not in early), "each is read once"
            if fresh:
                taken.append(following + number)
                undone.add(following + number)
            following += number + 1
        elif step == "ahead":
            fresh = tracker.take_ahead(following + number)
            assert fresh == (following + number not in early)
            if fresh:
                early.add(following + number)
                taken.append(following + number)
                undone.add(following + number)
        elif step == "again":
            assert not tracker.take(following - number)
            assert not tracker.take_ahead(following - number)
        elif taken:
            tracker.finish(taken[number % len(taken)])
            undone.discard(taken[number % len(taken)])
        assert before <= tracker.position <= min([*undone, following])
        assert tracker.ahead == len([offset for offset in early if offset >= following])
        before = tracker.position
    for offset in taken:
        tracker.finish(offset)
    assert tracker.position == following, "what was read before its turn is not passed before it"
    assert tracker.behind == 0
    last = max([following, *early])
    tracker.take(last)
    tracker.finish(last)
    assert tracker.position == last + 1
