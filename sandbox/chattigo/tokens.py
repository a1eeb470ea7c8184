"""Tokens of the simulated services: JWT signed HS512, valid 8 hours for one (service, username).

Promises: a token is checked by its signature, its service and its times alone, so it survives a restart of the
simulator; `expire` kills every token given out so far to an account. Leaves to the routes: which header form they
take.
"""

import base64
import hashlib
import hmac
import json
from typing import Any, Literal, NamedTuple

Dead = Literal["bad", "expired"]


class Holder(NamedTuple):
    """Who a token speaks for; `serial` grows with every login."""

    service: str
    username: str
    serial: int


class Tokens:
    """Issues and checks; times are milliseconds since 1970."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret
        self._last = 0
        self._floor: dict[tuple[str, str], int] = {}

    def issue(self, service: str, username: str, id_client: int, now_ms: int, ttl_s: float) -> str:
        """A new token."""
        self._last = max(self._last + 1, now_ms * 1000)
        claims = {
            "sub": username,
            "idClient": id_client,
            "service": service,
            "iat": now_ms // 1000,
            "exp": (now_ms + int(ttl_s * 1000)) / 1000,
            "jti": self._last,
        }
        head = f"{_pack({'alg': 'HS512'})}.{_pack(claims)}"
        return f"{head}.{self._sign(head)}"

    def check(self, token: str, service: str, now_ms: int) -> Holder | Dead:
        """The holder, or why the token opens nothing."""
        claims = self._claims(token)
        if claims is None or claims["service"] != service:
            return "bad"
        holder = Holder(claims["service"], claims["sub"], claims["jti"])
        if claims["exp"] * 1000 <= now_ms or holder.serial <= self._floor.get(holder[:2], 0):
            return "expired"
        return holder

    def peek(self, token: str) -> Holder | None:
        """Whose token it is, dead or alive; None when it was not made here."""
        claims = self._claims(token)
        return None if claims is None else Holder(claims["service"], claims["sub"], claims["jti"])

    def expire(self, service: str, username: str, now_ms: int) -> None:
        """No token that was issued to this account until now is valid any more."""
        self._last = max(self._last, now_ms * 1000)
        self._floor[service, username] = self._last

    def _claims(self, token: str) -> dict[str, Any] | None:
        head, _, signature = token.rpartition(".")
        if not hmac.compare_digest(self._sign(head).encode(), signature.encode()):
            return None
        text = head.partition(".")[2]
        claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return claims

    def _sign(self, head: str) -> str:
        return _base64(hmac.new(self._secret, head.encode(), hashlib.sha512).digest())


def _pack(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
