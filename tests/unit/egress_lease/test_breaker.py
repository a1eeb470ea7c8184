"""No account is hammered, whatever a login says."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from egress.lease.breaker import CREDENTIALS_CEILING, Breaker, Failure, FailureKind, Pace

PACE = Pace(interval_ms=30_000, backoff_ms=1_000, longest_ms=300_000)
kinds = st.sampled_from(get_args(FailureKind))


@given(st.lists(kinds, min_size=1, max_size=60))
def test_waits_grow_up_to_a_bound(row: list[FailureKind]) -> None:
    breaker, now = Breaker(), 0
    for kind in row:
        breaker = breaker.after(Failure(kind, "x"), now, PACE)
        wait = breaker.until_ms - now
        assert PACE.backoff_ms <= wait <= PACE.longest_ms * CREDENTIALS_CEILING
        if kind == "credentials":
            assert wait >= PACE.longest_ms
        if kind in ("unclear", "throttled"):
            assert wait >= PACE.interval_ms
        now = breaker.until_ms


def test_failures_double_the_wait_and_a_wrong_password_begins_at_the_longest() -> None:
    breaker, waits = Breaker(), []
    for _ in range(4):
        breaker = breaker.after(Failure("failed", "500"), 0, PACE)
        waits.append(breaker.until_ms)
    assert waits == [1_000, 2_000, 4_000, 8_000]
    wrong = breaker.after(Failure("credentials", "401"), 0, PACE)
    assert wrong.until_ms == PACE.longest_ms
    assert wrong.after(Failure("credentials", "401"), 0, PACE).until_ms == 2 * PACE.longest_ms


@given(st.floats(0, 86_400))
def test_the_answers_own_wait_holds_if_it_is_longer(seconds: float) -> None:
    breaker = Breaker().after(Failure("throttled", "429", 429, seconds), 0, PACE)
    assert breaker.until_ms == max(PACE.interval_ms, int(seconds * 1000))


def test_a_login_that_nobody_heard_of_counts_as_one_that_may_have_succeeded() -> None:
    lost = Breaker(declared="d").unheard(1_000, PACE)
    assert (lost.failures, lost.until_ms, lost.declared) == (1, 1_000 + PACE.interval_ms, "d")
    slow = PACE._replace(login_ms=45_000)
    assert Breaker().unheard(0, slow).until_ms == 45_000, "it may still be under way"


def test_a_login_that_nobody_heard_of_after_a_refused_password_counts_as_refused_again() -> None:
    wrong = Breaker().after(Failure("credentials", "401"), 0, PACE)
    assert wrong.unheard(0, PACE).until_ms == 2 * PACE.longest_ms


@given(st.lists(kinds, min_size=1, max_size=8), st.integers(0, 10**9))
def test_a_breaker_is_the_same_after_it_was_on_record(row: list[FailureKind], now: int) -> None:
    breaker = Breaker(declared="d")
    for kind in row:
        breaker = breaker.after(Failure(kind, "x", 401), now, PACE)
    assert Breaker.recorded(breaker.attempt(now, under_way=False)) == breaker


def test_a_kind_of_a_later_version_counts_as_unclear() -> None:
    attempt = Breaker().after(Failure("failed", "x"), 0, PACE).attempt(0, under_way=False)
    last = Breaker.recorded(replace(attempt, kind="of_a_later_version")).last
    assert last is not None
    assert last.kind == "unclear"
