"""Cycles are found, though seldom; what is to stay is left alone until it is let go."""

from __future__ import annotations

import gc
import subprocess
import sys
import weakref
from collections.abc import Iterator

import pytest

from runtime import garbage


class Ring:
    """Refers to itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def test_it_is_looked_less_often_and_still_looked() -> None:
    garbage.rarely(garbage.LINES)
    assert gc.get_threshold() == garbage.LINES
    assert gc.isenabled()


def test_what_stays_is_not_looked_at_until_it_is_let_go() -> None:
    ring = Ring()
    gone = weakref.ref(ring)
    garbage.keep()
    del ring
    gc.collect()
    assert gone() is not None
    garbage.let_go()
    gc.collect()
    assert gone() is None


def test_what_was_garbage_before_does_not_stay() -> None:
    gone = weakref.ref(Ring())
    garbage.keep()
    assert gone() is None


PROGRAM = """
import gc, weakref
from runtime import garbage

class Circle:
    def __init__(self):
        self.me = self

left = weakref.ref(Circle())
garbage.settle(garbage.ENGINE)
assert left() is None, "what was garbage before stays for good"
frozen = gc.get_freeze_count()
assert frozen > 1_000, frozen
assert gc.get_threshold()[0] == garbage.ENGINE.newest

lost = weakref.ref(Circle())
garbage.settle(garbage.ENGINE)
assert lost() is not None and gc.get_freeze_count() == frozen, "a second call does nothing"
kept = [[] for _ in range(garbage.ENGINE.newest + 1000)]
assert lost() is None, "circles are found by themselves"
print("well")
"""


def test_it_is_set_once_and_finds_circles_afterwards() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("well\n", "")
