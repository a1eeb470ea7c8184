"""Who may come in: addresses behind proxies, rates, secrets, and the order in which they are asked for."""

from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingress.webhooks import addresses, outcomes
from ingress.webhooks.gate import Caller, Gate
from ingress.webhooks.outcomes import Outcome, Refused
from ingress.webhooks.rate import RateLimit
from runtime.secrets import secret_digest
from runtime.settings import IngressSettings
from runtime.tenants import Grant, Snapshot

GRANT = Grant(secret_digest("right"), "acme", frozenset({"1"}))


class Grants:
    """A read model with one secret."""

    def __init__(self, *, ready: bool = True) -> None:
        self.ready = ready

    def by_secret(self, digest: str, at_ms: int) -> Grant | None:
        return GRANT if digest == GRANT.digest else None


def gate(*, ready: bool = True, **settings: Any) -> Gate:
    return Gate(IngressSettings(**settings), Grants(ready=ready))


def refusal(gate: Gate, caller: Caller, now_s: float = 0) -> Outcome:
    with pytest.raises(Refused) as caught:
        gate.admit(caller, 0, now_s)
    return caught.value.outcome


# secrets and order


def test_the_right_secret_comes_in() -> None:
    assert gate().admit(Caller("right", "1.2.3.4"), 0, 0) == GRANT


@pytest.mark.parametrize("secret", ["", "wrong", "right ", "Right", "\udcff", "r" * 100_000])
def test_any_other_secret_is_not_found(secret: str) -> None:
    assert refusal(gate(), Caller(secret, "1.2.3.4")) is outcomes.NOT_FOUND


def test_before_the_tenants_are_read_nobody_is_told_that_a_secret_is_unknown() -> None:
    assert refusal(gate(ready=False), Caller("wrong", "1.2.3.4")) is outcomes.STARTING


def test_an_address_that_may_not_send_learns_nothing_about_secrets() -> None:
    closed = gate(allowed_networks="10.0.0.0/8")
    assert refusal(closed, Caller("right", "1.2.3.4")) is outcomes.FORBIDDEN
    assert refusal(closed, Caller("wrong", "1.2.3.4")) is outcomes.FORBIDDEN
    assert refusal(closed, Caller("wrong", "10.0.0.1")) is outcomes.NOT_FOUND
    assert closed.admit(Caller("right", "10.0.0.1"), 0, 0) == GRANT


def test_a_used_up_rate_says_how_long_to_wait_and_strangers_do_not_use_it_up() -> None:
    limited = gate(rate_per_s=0.5, rate_burst=1)
    for _ in range(5):
        assert refusal(limited, Caller("wrong", "1.2.3.4")) is outcomes.NOT_FOUND
    assert limited.admit(Caller("right", "1.2.3.4"), 0, 0.0) == GRANT
    with pytest.raises(Refused) as caught:
        limited.admit(Caller("right", "1.2.3.4"), 0, 0.0)
    assert (caught.value.outcome, caught.value.wait_s) == (outcomes.TOO_MANY, 2.0)
    assert limited.admit(Caller("right", "1.2.3.4"), 0, 2.0) == GRANT


def test_the_rate_of_a_secret_that_is_gone_is_forgotten() -> None:
    limited = gate(rate_per_s=0.001, rate_burst=1)
    limited.admit(Caller("right", "1.2.3.4"), 0, 0)
    limited.tenants_changed(Snapshot(grants={GRANT.digest: GRANT}))
    assert refusal(limited, Caller("right", "1.2.3.4")) is outcomes.TOO_MANY
    limited.tenants_changed(Snapshot())
    assert limited.admit(Caller("right", "1.2.3.4"), 0, 0) == GRANT


# addresses


@pytest.mark.parametrize(
    ("peer", "forwarded", "trusted", "expected"),
    [
        ("1.1.1.1", (), 0, "1.1.1.1"),
        ("1.1.1.1", ("9.9.9.9",), 0, "1.1.1.1"),
        ("10.0.0.1", ("2.2.2.2",), 1, "2.2.2.2"),
        ("10.0.0.1", ("6.6.6.6, 2.2.2.2",), 1, "2.2.2.2"),
        ("10.0.0.1", ("6.6.6.6", "2.2.2.2"), 1, "2.2.2.2"),
        ("10.0.0.1", ("6.6.6.6, 2.2.2.2, 10.0.0.2",), 2, "2.2.2.2"),
        ("10.0.0.1", ("2.2.2.2:443",), 1, "2.2.2.2"),
        ("10.0.0.1", ("[2001:db8::1]:443",), 1, "2001:db8::1"),
        ("::ffff:1.1.1.1", (), 0, "1.1.1.1"),
        ("10.0.0.1", (), 1, None),
        ("10.0.0.1", ("2.2.2.2",), 2, None),
        ("10.0.0.1", ("unknown",), 1, None),
        ("10.0.0.1", ("2.2.2.2,",), 1, None),
        ("", (), 0, None),
    ],
)
def test_the_sender_is_taken_from_the_right(
    peer: str, forwarded: tuple[str, ...], trusted: int, expected: str | None
) -> None:
    found = addresses.sender(peer, forwarded, trusted)
    assert found == (ip_address(expected) if expected else None)


@given(st.lists(st.text(max_size=20), max_size=4), st.integers(0, 3))
def test_what_a_stranger_writes_never_moves_what_our_proxies_wrote(written: list[str], trusted: int) -> None:
    ours = [f"10.0.0.{n}" for n in range(trusted)]
    true = ["2.2.2.2", *ours][:trusted]
    peer = ["2.2.2.2", *ours][trusted]
    assert addresses.sender(peer, (*written, *true), trusted) == ip_address("2.2.2.2")


@given(st.text(max_size=40))
def test_no_text_is_fatal_as_an_address(text: str) -> None:
    found = addresses.parse(text)
    assert found is None or ip_address(str(found)) == found


def test_networks_of_both_kinds_are_looked_through() -> None:
    networks = (ip_network("10.0.0.0/8"), ip_network("2001:db8::/32"))
    assert addresses.allowed(ip_address("10.1.1.1"), networks)
    assert addresses.allowed(ip_address("2001:db8::5"), networks)
    assert not addresses.allowed(ip_address("11.1.1.1"), networks)
    assert not addresses.allowed(None, (ip_network("0.0.0.0/0"),))


# rates


@given(
    st.floats(0.1, 100),
    st.integers(1, 20),
    st.lists(st.floats(0, 3), max_size=60),
)
def test_no_more_than_the_burst_and_the_rate_come_through(rate: float, burst: int, gaps: list[float]) -> None:
    limit, now, taken = RateLimit(rate, burst), 0.0, 0
    for gap in gaps:
        now += gap
        taken += not limit.take("k", now)
    assert taken <= burst + now * rate + 1e-6


@given(st.floats(0.1, 100), st.integers(1, 5))
def test_who_waits_as_told_comes_through(rate: float, burst: int) -> None:
    limit = RateLimit(rate, burst)
    for _ in range(burst):
        assert limit.take("k", 0) == 0
    wait = limit.take("k", 0)
    assert wait > 0
    assert limit.take("other", 0) == 0
    assert limit.take("k", wait + 1e-6) == 0


def test_a_rate_of_zero_is_no_limit() -> None:
    limit = RateLimit(0, 1)
    assert [limit.take("k", 0) for _ in range(100)] == [0.0] * 100


def test_a_clock_that_steps_back_gives_no_tokens_away() -> None:
    limit = RateLimit(1, 1)
    assert limit.take("k", 100) == 0
    assert limit.take("k", 50) > 0
