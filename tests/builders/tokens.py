"""Accounts, tokens and keys for tests."""

from __future__ import annotations

from typing import Any, NamedTuple

from egress.chattigo.tokens import token_context
from runtime.secrets import KeyRing, generate_key
from schemas.record import encode
from schemas.tenant import Account
from schemas.token import Token

RING = KeyRing.parse(generate_key("k1"))
LIFE_MS = 28_800_000


def account(
    service: Any = "isv", username: str = "acme@acme", base: str = "http://127.0.0.1:1", **rest: Any
) -> Account:
    return Account(service=service, base=base, username=username, password="", **rest)


def token(of: Account, generation: int = 1, *, text: str = "", obtained_ms: int, life_ms: int = LIFE_MS) -> Token:
    """A record of `tokens`; its text in clear is `t<generation>` unless given."""
    return Token(
        account=of.key,
        generation=generation,
        token=RING.encrypt(text or f"t{generation}", token_context(of)),
        obtained_ms=obtained_ms,
        refresh_ms=obtained_ms + life_ms * 9 // 10,
        dies_ms=obtained_ms + life_ms,
    )


class Message(NamedTuple):
    """A record as a follower hands it on."""

    raw_key: bytes
    raw_value: bytes | None

    def key(self) -> bytes:
        return self.raw_key

    def value(self) -> bytes | None:
        return self.raw_value


def message(record: Token) -> Message:
    return Message(record.account.encode(), encode(record))
