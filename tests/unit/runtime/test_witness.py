"""What stands still is told to the log: twice, and not again and again."""

import threading

import pytest

from runtime.health import Failure, Health
from runtime.witness import AGAIN_S, QUIET_S, Witness


class Told(list[str]):
    def __call__(self, why: str, *, failing: str) -> None:
        assert why == "stall"
        self.append(failing)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def health() -> Health:
    return Health(stall_s=60, loop_lag_s=5)


@pytest.fixture
def witness(health: Health, told: Told) -> Witness:
    return Witness(health, tell=told, round_s=0.01)


def stands(health: Health, since: float, until: float) -> None:
    for now in (since, until):
        health.progress.record("agents-3", 244, 351, 5, now=now)


def moves(health: Health, now: float) -> None:
    health.progress.record("agents-3", 351, 351, now=now)


def test_who_lives_is_not_told_of(witness: Witness, health: Health, told: Told) -> None:
    stands(health, 0, 59)
    witness.look(59)
    assert told == []


def test_a_stall_is_told_when_it_is_one_and_once_more(witness: Witness, health: Health, told: Told) -> None:
    stands(health, 0, 61)
    for now in (61.0, 62.0, 61 + AGAIN_S, 70 + AGAIN_S, 100.0):
        witness.look(now)
    assert told == [
        "partition agents-3: stands at 244 for 61 s while 107 records wait",
        "partition agents-3: stands at 244 for 76 s while 107 records wait",
    ]


def test_one_that_comes_and_goes_is_told_of_from_time_to_time(witness: Witness, health: Health, told: Told) -> None:
    stands(health, 0, 61)
    witness.look(61)
    for start in (100, 200, 300):
        moves(health, start)
        witness.look(start)
        stands(health, start + 1, start + 62)
        witness.look(start + 62)
    assert len(told) == 2
    assert 61 + QUIET_S <= 300 + 62


def test_a_loop_that_does_not_tick_is_told_of(witness: Witness, health: Health, told: Told) -> None:
    health.loop_was_late(0.0, now=10)
    witness.look(15)
    assert told == []
    witness.look(15.5)
    assert told == ["event loop: blocked for 5.5 s"]


def test_a_loop_that_has_not_begun_is_not_blocked(health: Health) -> None:
    assert health.loop_blocked_s(1_000_000) == 0


class Changing(Health):
    """Is written to while it is read for the first time."""

    looks = 0

    def live_failures(self, now: float) -> list[Failure]:
        self.looks += 1
        if self.looks == 1:
            raise RuntimeError("dictionary changed size during iteration")
        return super().live_failures(now)


def test_it_looks_by_itself_also_when_reports_changed_meanwhile() -> None:
    told = threading.Event()
    health = Changing()
    health.dead("a part", "died")
    witness = Witness(health, tell=lambda why, **_: told.set(), round_s=0.01)
    witness.start()
    try:
        assert told.wait(10)
        assert health.looks >= 2
    finally:
        witness.stop()
