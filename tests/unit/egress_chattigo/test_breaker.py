"""A 401 that means "not your line" causes no login; one that means a dead token does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egress.chattigo.breaker import LineBreaker, Seen

YOUNG_MS = 60_000
TOKEN = Seen(generation=3, obtained_ms=1_000_000)


def test_a_young_token_that_never_worked_on_the_line_opens_the_breaker_until_it_is_old() -> None:
    breaker = LineBreaker(YOUNG_MS)
    now = TOKEN.obtained_ms + 10_000
    assert breaker.refused("isv|a", "569", TOKEN, now) == "not_your_line"
    assert breaker.closed_for_s("isv|a", "569", 3, now) == 50
    assert breaker.closed_for_s("isv|a", "570", 3, now) == 0
    assert breaker.closed_for_s("isv|a", "569", 3, now + 50_000) == 0


def test_a_young_token_that_worked_on_the_line_has_died() -> None:
    breaker = LineBreaker(YOUNG_MS)
    breaker.worked("isv|a", "569", 3)
    assert breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms + 1) == "renew"


def test_another_token_gets_its_own_chance() -> None:
    breaker = LineBreaker(YOUNG_MS)
    breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms)
    assert breaker.closed_for_s("isv|a", "569", 4, TOKEN.obtained_ms) == 0


@given(st.integers(0, 10**9), st.booleans())
def test_an_old_token_is_always_renewed(age_ms: int, worked_before: bool) -> None:
    breaker = LineBreaker(YOUNG_MS)
    if worked_before:
        breaker.worked("isv|a", "569", 2)
    verdict = breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms + age_ms)
    assert verdict == ("renew" if age_ms >= YOUNG_MS else "not_your_line")


def test_a_call_that_was_let_in_closes_the_breaker() -> None:
    breaker = LineBreaker(YOUNG_MS)
    breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms)
    breaker.worked("isv|a", "569", 3)
    assert breaker.closed_for_s("isv|a", "569", 3, TOKEN.obtained_ms) == 0
