"""A token lives as long as it says, or as the setting says; it is renewed before."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from egress.lease.life import LONGEST_S, SHORTEST_S, Times, dated, refresh_s, token_life_s

DEFAULT = 28_800.0


def jwt(**claims: Any) -> str:
    middle = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"head.{middle}.signature"


@pytest.mark.parametrize(
    ("token", "body", "life"),
    [
        ("opaque", b"", DEFAULT),
        (jwt(iat=1000, exp=4600), b"", 3600),
        (jwt(iat=1000, exp=900), b"", DEFAULT),
        (jwt(exp=4600), b"", DEFAULT),
        (jwt(iat="1000", exp=True), b"", DEFAULT),
        ("a.!.c", b"", DEFAULT),
        ("opaque", b'{"expires_in": 120}', 120),
        ("opaque", b'{"expires_in": -1}', DEFAULT),
        (jwt(iat=0, exp=600), b'{"expires_in": 120}', 120),
        ("opaque", b'{"expires_in": 1e300}', DEFAULT),
    ],
)
def test_what_a_token_says_is_believed_if_it_makes_sense(token: str, body: bytes, life: float) -> None:
    assert token_life_s(token, body, DEFAULT) == life


@given(st.text(max_size=60), st.binary(max_size=60))
def test_nothing_makes_it_raise(token: str, body: bytes) -> None:
    assert SHORTEST_S <= token_life_s(token, body, DEFAULT) <= LONGEST_S


@given(st.floats(1, LONGEST_S), st.floats(0, 1))
def test_the_renewal_is_between_88_and_90_percent_of_the_life(life: float, chance: float) -> None:
    renew = refresh_s(life, Times(DEFAULT, 0.9, 0.02), chance)
    assert 0.88 * life <= renew + 1e-6
    assert renew <= 0.9 * life + 1e-6
    token = dated("isv|a", 3, "sealed", 1_000, life, renew)
    assert token.obtained_ms <= token.refresh_ms <= token.dies_ms
