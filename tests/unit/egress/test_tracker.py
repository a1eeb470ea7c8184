"""Offsets are committed up to the first record that is not decided."""

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


STEPS = st.one_of(
    st.tuples(st.just("take"), st.integers(0, 4)),
    st.tuples(st.just("again"), st.integers(1, 10)),
    st.tuples(st.just("finish"), st.integers(0, 30)),
)


@given(st.lists(STEPS, max_size=80))
def test_the_position_never_passes_an_unfinished_record_and_never_goes_back(steps: list[tuple[str, int]]) -> None:
    tracker, following = Tracker(100), 100
    taken: list[int] = []
    undone: set[int] = set()
    before = tracker.position
    for step, number in steps:
        if step == "take":
            assert tracker.take(following + number)
            taken.append(following + number)
            undone.add(following + number)
            following += number + 1
        elif step == "again":
            assert not tracker.take(following - number)
        elif taken:
            tracker.finish(taken[number % len(taken)])
            undone.discard(taken[number % len(taken)])
        assert tracker.position >= before
        assert tracker.position <= min(undone, default=following)
        before = tracker.position
    for offset in taken:
        tracker.finish(offset)
    assert tracker.position == following
    assert tracker.behind == 0
