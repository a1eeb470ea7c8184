"""A deadline holds on both clocks."""

import time

from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import Deadline, boot_s, now_ms

MS = st.integers(0, 10**9)


@given(MS, MS, MS, MS)
def test_the_clock_that_leaves_less_decides(end: int, boot_end: int, wall: int, boot: int) -> None:
    left = Deadline(end, boot_end).left_s(wall, boot)
    assert left == min((end - wall) / 1000, boot_end - boot)


def test_a_wall_clock_that_was_set_back_does_not_prolong_it() -> None:
    deadline = Deadline(wall_ms=10_000, boot_s=10)
    assert deadline.left_s(wall_ms=0, boot=11) < 0
    assert deadline.left_s(wall_ms=11_000, boot=0) < 0


def test_a_deadline_passes() -> None:
    assert not Deadline.after(60).passed()
    assert Deadline.after(0).passed()
    assert Deadline.after(-1).passed()


def test_clocks_tell_milliseconds_and_seconds() -> None:
    assert abs(now_ms() / 1000 - time.time()) < 5
    before = boot_s()
    assert boot_s() >= before > 0
