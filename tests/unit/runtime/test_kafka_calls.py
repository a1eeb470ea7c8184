"""A call into librdkafka that does not return in its time is seen, in time that the process was awake."""

from runtime.kafka.calls import GRACE_S, Call, Calls, Overdue


def looks(overdue: Overdue, times: int) -> list[Call | None]:
    return [overdue.look(1.0) for _ in range(times)]


def test_a_call_is_overdue_after_its_time_and_a_grace() -> None:
    calls = Calls()
    overdue = Overdue(calls)
    with calls.within("commit", 3):
        assert looks(overdue, int(3 + GRACE_S) + 1) == [None] * int(3 + GRACE_S + 1)
        assert looks(overdue, 1) == [Call("commit", 3)]


def test_one_that_returned_is_not_and_the_next_has_its_own_time() -> None:
    calls = Calls()
    overdue = Overdue(calls)
    for _ in range(10):
        with calls.within("commit", 3):
            assert looks(overdue, 6) == [None] * 6
    assert looks(overdue, 100) == [None] * 100


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A process that was frozen wakes up, and the call returns late as well: both have the same time again."""
    calls = Calls()
    overdue = Overdue(calls)
    with calls.within("commit", 3):
        assert overdue.look() is None
        assert overdue.look() is None


def test_a_call_that_raises_is_over() -> None:
    calls = Calls()
    try:
        with calls.within("commit", 3):
            raise OSError
    except OSError:
        assert calls.present is None
