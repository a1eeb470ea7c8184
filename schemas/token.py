"""Records of the token lease: `tokens` (compacted, by account) and `tokens.requests`."""

from __future__ import annotations

from schemas.keys import SEPARATOR
from schemas.record import Frozen, Record

_LOGIN = SEPARATOR + "login"


class LoginAttempt(Frozen):
    """A login that brought no token so far, and how long the account is left alone for it.

    Written at `at_ms`: before the login as what holds if nobody ever hears of it (`under_way`), and when it has failed.
    `failures` are those in a row, this one counted; `kind`, `status` and `why` say what happened. `declared` is an
    encrypted digest of what was declared: a login with another password or address need not wait.
    """

    at_ms: int
    until_ms: int
    failures: int
    kind: str
    declared: str
    under_way: bool = False
    status: int = 0
    why: str = ""


class Token(Record):
    """The account's current token, encrypted; `generation` grows by one with each login.

    `refresh_ms` is when the lease will renew it, `dies_ms` when Chattigo will refuse it. Under the key `attempt_key`
    stands the last login that brought no token, as `attempt`; that record holds no token and is generation 0. A
    token's transaction takes it away.
    """

    account: str
    generation: int
    token: str
    obtained_ms: int
    refresh_ms: int
    dies_ms: int
    attempt: LoginAttempt | None = None


class TokenRequest(Record):
    """Please renew: the asker saw `generation` refused (0: there is no token yet)."""

    account: str
    generation: int
    why: str
    at_ms: int


def attempt_key(account: str) -> str:
    """The key on `tokens` of the account's last login without a token; it lies in the account's partition."""
    return account + _LOGIN


def attempt_of(key: str) -> str | None:
    """The account whose attempt has this key, None for the key of a token."""
    account = key.removesuffix(_LOGIN)
    return account if account != key and SEPARATOR in account else None


def attempt_record(account: str, attempt: LoginAttempt) -> Token:
    """An attempt as `tokens` holds it: readers that know nothing of attempts find no token in it."""
    return Token(account=account, generation=0, token="", obtained_ms=0, refresh_ms=0, dies_ms=0, attempt=attempt)
