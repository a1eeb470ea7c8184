"""A call to an address that a tenant gave, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec
from yarl import URL

Outcome = Literal[
    "ok", "refused", "busy", "error", "timeout", "unreachable", "forbidden", "too_large", "open", "unsendable"
]
AGAIN: frozenset[Outcome] = frozenset(("busy", "error", "timeout", "unreachable", "open"))
"""Outcomes that may be different the next time."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `id` is the same on each attempt of the same thing, by which the receiver knows it again: it leaves
    as `webhook-id`, beside `webhook-timestamp`. With `secrets` (`whsec_…`, several while one replaces another) it is
    signed. `timeout_s` is for all of it: name, connection, answer.
    """

    tenant: str
    url: str
    timeout_s: float
    method: str = "POST"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    secrets: tuple[str, ...] = ()
    id: str = ""

    def __post_init__(self) -> None:
        if self.secrets and not self.id:
            raise ValueError("a signed call needs an id")

    def __repr__(self) -> str:
        """Neither path, headers, body nor secrets: this may end in a log."""
        return f"<{self.method} to {host_of(self.url)} for {self.tenant}>"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a call.

    - `ok`: a 2xx, with its whole `body`;
    - `refused`: a 3xx (redirects are not followed) or 4xx: the same call gets the same answer;
    - `busy`: 429, or 503 with `Retry-After`: not now;
    - `error`: any other 5xx, 408 and 425;
    - `timeout`: no whole answer in time; it may have had its effect;
    - `unreachable`: no connection, or it broke before the answer was whole; it may have had its effect;
    - `too_large`: the answer has more bytes than are read;
    - `forbidden`: not an address that may be called;
    - `unsendable`: what HTTP cannot carry (a line break in a header), or a secret that is none;
    - `open`: not asked, for what was asked lately failed in a row (`runtime.circuit`).

    `why` says more for a person, without path, secrets or body. `retry_after_s` is what the other side (or the open
    circuit) asked for; None: nothing.
    """

    outcome: Outcome
    status: int = 0
    body: bytes = b""
    retry_after_s: float | None = None
    why: str = ""

    @property
    def again(self) -> bool:
        """Whether another attempt may end differently."""
        return self.outcome in AGAIN


class Calls(Protocol):
    """Who makes calls: `Caller`, or a test's own."""

    async def call(self, call: Call) -> Answer: ...


def host_of(url: str) -> str:
    """Host and port, as far as there are; for a person, and to tell services apart."""
    try:
        parsed = URL(url)
        return f"{parsed.host or '?'}:{parsed.port or 0}"
    except ValueError:
        return "?"
