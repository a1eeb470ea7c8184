"""A 401 that means "not your line" causes no login; one that means a dead token does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from egress.chattigo.breaker import PATIENCE, LineBreaker, Seen

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
    breaker.worked("isv|a", "569", 3, TOKEN.obtained_ms)
    assert breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms + 1) == "renew"


def test_another_token_gets_its_own_chance() -> None:
    breaker = LineBreaker(YOUNG_MS)
    breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms)
    assert breaker.closed_for_s("isv|a", "569", 4, TOKEN.obtained_ms) == 0


@given(st.integers(0, 10**9), st.booleans())
def test_an_old_token_of_which_nothing_is_known_is_renewed(age_ms: int, worked_before: bool) -> None:
    breaker = LineBreaker(YOUNG_MS)
    if worked_before:
        breaker.worked("isv|a", "569", 2, TOKEN.obtained_ms)
    verdict = breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms + age_ms)
    assert verdict == ("renew" if age_ms >= YOUNG_MS else "not_your_line")


def test_a_call_that_was_let_in_closes_the_breaker() -> None:
    breaker = LineBreaker(YOUNG_MS)
    breaker.refused("isv|a", "569", TOKEN, TOKEN.obtained_ms)
    breaker.worked("isv|a", "569", 3, TOKEN.obtained_ms)
    assert breaker.closed_for_s("isv|a", "569", 3, TOKEN.obtained_ms) == 0


def test_a_token_that_works_on_other_lines_is_never_renewed_for_this_one() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms
    for _ in range(500):  # far more than eight hours
        now += YOUNG_MS
        breaker.worked("isv|a", "570", 3, now - 1)
        assert breaker.closed_for_s("isv|a", "569", 3, now) == 0, "one call a while looks again"
        assert breaker.refused("isv|a", "569", TOKEN, now) == "not_your_line"
        assert breaker.closed_for_s("isv|a", "569", 3, now + YOUNG_MS - 1) > 0


def test_a_token_that_worked_elsewhere_and_then_no_more_is_renewed_after_a_while() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 10 * YOUNG_MS
    breaker.worked("isv|a", "570", 3, now)
    assert breaker.refused("isv|a", "569", TOKEN, now + 1) == "not_your_line"
    assert breaker.refused("isv|a", "569", TOKEN, now + YOUNG_MS) == "renew"
    breaker.worked("isv|b", "570", 3, now + YOUNG_MS)
    assert breaker.refused("isv|a", "569", TOKEN, now + YOUNG_MS) == "renew", "another account says nothing"


def test_a_line_that_a_young_token_did_not_open_stays_shut_for_it_until_patience_ends() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 1
    for _ in range(PATIENCE):
        assert breaker.refused("isv|a", "569", TOKEN, now) == "not_your_line"
        now += YOUNG_MS
    assert breaker.refused("isv|a", "569", TOKEN, now) == "renew", "it may have died in its first moments"
    assert breaker.refused("isv|a", "569", Seen(4, now), now) == "not_your_line"


def test_a_line_on_which_the_token_before_worked_waits_for_a_new_one_no_longer_than_twice_young() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 1
    breaker.worked("isv|a", "569", 2, TOKEN.obtained_ms - 1)
    assert breaker.refused("isv|a", "569", TOKEN, now) == "not_your_line", (
        "evicted before its first call, or moved away"
    )
    assert breaker.refused("isv|a", "569", TOKEN, now + 1) == "not_your_line", "a second try under way changes nothing"
    assert breaker.refused("isv|a", "569", TOKEN, now + 1 + YOUNG_MS) == "renew"
    newer = Seen(4, now + YOUNG_MS)
    assert breaker.refused("isv|a", "569", newer, newer.obtained_ms + 1) == "not_your_line"
    assert breaker.refused("isv|a", "569", newer, newer.obtained_ms + 50 * YOUNG_MS) == "not_your_line", "it moved away"


def test_a_line_that_worked_before_is_patient_while_the_token_works_on_others() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 1
    breaker.worked("isv|a", "569", 2, TOKEN.obtained_ms - 1)
    breaker.refused("isv|a", "569", TOKEN, now)
    for _ in range(500):
        now += YOUNG_MS
        breaker.worked("isv|a", "570", 3, now - 1)
        assert breaker.refused("isv|a", "569", TOKEN, now) == "not_your_line"


def test_a_line_that_was_anothers_and_is_ours_now_opens() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 1
    breaker.refused("isv|a", "569", TOKEN, now)
    breaker.worked("isv|a", "569", 3, now + YOUNG_MS)
    assert breaker.closed_for_s("isv|a", "569", 3, now + YOUNG_MS) == 0
    assert breaker.refused("isv|a", "569", TOKEN, now + 2 * YOUNG_MS) == "renew", "a token that worked here and died"


def test_a_line_that_worked_with_an_earlier_token_is_ours_though_others_just_worked_with_this_one() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 10 * YOUNG_MS
    breaker.worked("isv|a", "569", 2, TOKEN.obtained_ms - 1)
    breaker.worked("isv|a", "570", 3, now - 1)
    assert breaker.refused("isv|a", "569", TOKEN, now) == "renew", "the token died a moment ago"


def test_a_number_that_moved_away_costs_one_login_and_is_another_s_then() -> None:
    breaker, now = LineBreaker(YOUNG_MS), TOKEN.obtained_ms + 10 * YOUNG_MS
    breaker.worked("isv|a", "569", 3, TOKEN.obtained_ms)
    assert breaker.refused("isv|a", "569", TOKEN, now) == "renew"
    for generation in range(4, 20):
        newer = Seen(generation, now)
        assert breaker.refused("isv|a", "569", newer, now + 1) == "not_your_line"
        now += 100 * YOUNG_MS
        breaker.worked("isv|a", "570", generation, now - 1)
        assert breaker.refused("isv|a", "569", newer, now) == "not_your_line"
