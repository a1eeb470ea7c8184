"""How long a token lives: what it says itself, else the setting (Chattigo's facts, section 1.1). Pure.

`expires_in` is nowhere documented and a JWT's times are not promised, so neither is needed; a life that makes no
sense is not believed. The signature is not checked: only Chattigo can, and only Chattigo needs to.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, NamedTuple

import msgspec

from schemas.token import Token

SHORTEST_S = 1.0
LONGEST_S = 604_800.0


class Times(NamedTuple):
    """The settings of a token's life: its length when it does not say, the part after which it is renewed, and the
    part by which renewals are spread."""

    life_s: float
    refresh_at: float
    jitter: float


def token_life_s(jwt: str, body: bytes, default_s: float) -> float:
    """Seconds that a new token lives: the least of what the answer and the JWT say, else the default."""
    said = [_number(_object(body).get("expires_in")), _claimed(jwt)]
    believed = [life for life in said if life is not None and SHORTEST_S <= life <= LONGEST_S]
    return min(believed, default=default_s)


def dated(account: str, generation: int, sealed: str, obtained_ms: int, life_s: float, refresh_s: float) -> Token:
    """The record of a token with its times."""
    return Token(
        account=account,
        generation=generation,
        token=sealed,
        obtained_ms=obtained_ms,
        refresh_ms=obtained_ms + int(refresh_s * 1000),
        dies_ms=obtained_ms + int(life_s * 1000),
    )


def refresh_s(life_s: float, times: Times, chance: float) -> float:
    """When to renew, seconds after the login; `chance` in 0 to 1 spreads it, earlier only."""
    return life_s * max(times.refresh_at - times.jitter * chance, 0.0)


def _claimed(jwt: str) -> float | None:
    parts = jwt.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = _object(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    issued, expires = _number(claims.get("iat")), _number(claims.get("exp"))
    # by the issuer's clock alone: it may differ from ours
    return expires - issued if issued is not None and expires is not None else None


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value)
