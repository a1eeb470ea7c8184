"""A dead service of a tenant is left alone; nobody else is."""

from __future__ import annotations

from runtime.circuit import NOTHING, WELL, Pace, Sign
from runtime.hooks import Answer
from runtime.hooks.breaker import PLACES_MAX, Breaker, Ticket, sign_of

PACE = Pace(failures=3, pause_s=1, pause_max_s=4)
BAD = Sign(unwell="timeout")


def fails(breaker: Breaker, now_s: float, tenant: str = "acme") -> bool:
    ticket = breaker.begin(tenant, "h:443", now_s)
    assert isinstance(ticket, Ticket)
    return breaker.end(ticket, BAD, now_s)


def test_after_so_many_failures_in_a_row_no_call_goes_but_one_probe_a_pause() -> None:
    breaker = Breaker(PACE)
    assert [fails(breaker, 0) for _ in range(3)] == [False, False, True]
    assert breaker.open == 1
    assert breaker.begin("acme", "h:443", 0.4) == 0.6
    probe = breaker.begin("acme", "h:443", 1)
    assert isinstance(probe, Ticket)
    assert breaker.begin("acme", "h:443", 1) == 0.0, "one call asks, not all that come"
    breaker.end(probe, BAD, 1)
    assert breaker.begin("acme", "h:443", 2.5) == 0.5, "twice as long now"
    probe = breaker.begin("acme", "h:443", 3)
    assert isinstance(probe, Ticket)
    assert breaker.end(probe, WELL, 3)
    assert breaker.open == 0
    assert not fails(breaker, 3), "it begins to count anew"


def test_other_tenants_and_other_hosts_are_asked_meanwhile() -> None:
    breaker = Breaker(PACE)
    for _ in range(3):
        fails(breaker, 0)
    assert isinstance(breaker.begin("other", "h:443", 0), Ticket)
    assert isinstance(breaker.begin("acme", "h:8443", 0), Ticket)
    assert not isinstance(breaker.begin("acme", "h:443", 0), Ticket)


def test_a_probe_that_was_cancelled_leaves_the_next_one_free() -> None:
    breaker = Breaker(PACE)
    for _ in range(3):
        fails(breaker, 0)
    probe = breaker.begin("acme", "h:443", 1)
    assert isinstance(probe, Ticket)
    breaker.end(probe, sign_of(None), 1.1)
    assert isinstance(breaker.begin("acme", "h:443", 1.1), Ticket)


def test_circuits_that_say_nothing_are_not_kept_and_the_others_are_few() -> None:
    breaker = Breaker(PACE)
    for number in range(PLACES_MAX + 5):
        ticket = breaker.begin("acme", f"h{number}:443", 0)
        assert isinstance(ticket, Ticket)
        breaker.end(ticket, BAD, 0)
    assert len(breaker._circuits) == PLACES_MAX
    ticket = breaker.begin("acme", f"h{PLACES_MAX}:443", 0)
    assert isinstance(ticket, Ticket)
    breaker.end(ticket, WELL, 0)
    assert len(breaker._circuits) == PLACES_MAX - 1


def test_what_answers_at_all_is_well_and_what_was_not_asked_says_nothing() -> None:
    assert sign_of(Answer(outcome="refused", status=404)) == WELL
    assert sign_of(Answer(outcome="forbidden")) == NOTHING
    assert sign_of(Answer(outcome="busy", status=429, retry_after_s=7)) == Sign(after_s=7)
    assert sign_of(Answer(outcome="error", status=500)).unwell == "error"
