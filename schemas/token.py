"""Records of the token lease: `tokens` (compacted, by account) and `tokens.requests`."""

from __future__ import annotations

from schemas.record import Record


class Token(Record):
    """The account's current token, encrypted; `generation` grows by one with each login.

    `refresh_ms` is when the lease will renew it, `dies_ms` when Chattigo will refuse it.
    """

    account: str
    generation: int
    token: str
    obtained_ms: int
    refresh_ms: int
    dies_ms: int


class TokenRequest(Record):
    """Please renew: the asker saw `generation` refused (0: there is no token yet)."""

    account: str
    generation: int
    why: str
    at_ms: int
