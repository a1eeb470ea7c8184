"""Cycles are found, though seldom; what is to stay is left alone until it is let go."""

from __future__ import annotations

import gc
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
    garbage.rarely()
    assert gc.get_threshold() == garbage.THRESHOLDS
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
