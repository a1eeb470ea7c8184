"""The breaker for (account, line): a 401 that no login can cure. Pure.

A 401 on a token that is young and never worked on this line means "not your line" (a wrong account in the tenant's
file, a number that moved away), and logging in for it would only evict the others' token. A token that has worked on
this line, or is old enough, died: it is renewed. An open breaker refuses calls until the token is old enough to be
suspected, or until there is another token.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["renew", "not_your_line"]


class Seen(NamedTuple):
    """A token as the breaker knows it; times are milliseconds since 1970."""

    generation: int
    obtained_ms: int


class LineBreaker:
    """What this process saw of tokens on lines."""

    def __init__(self, young_ms: int) -> None:
        self._young_ms = young_ms
        self._worked: dict[tuple[str, str], int] = {}
        self._open: dict[tuple[str, str], tuple[int, int]] = {}

    def worked(self, account: str, did: str, generation: int) -> None:
        """A call of this line was let in with this token."""
        self._worked[account, did] = generation
        self._open.pop((account, did), None)

    def refused(self, account: str, did: str, token: Seen, now_ms: int) -> Verdict:
        """A call of this line got a 401 with this token."""
        old_at = token.obtained_ms + self._young_ms
        if now_ms >= old_at or self._worked.get((account, did)) == token.generation:
            return "renew"
        self._open[account, did] = (token.generation, old_at)
        return "not_your_line"

    def closed_for_s(self, account: str, did: str, generation: int, now_ms: int) -> float:
        """Seconds for which calls with this token are refused without asking; 0 when they may go."""
        broken, until_ms = self._open.get((account, did), (0, 0))
        if broken != generation or now_ms >= until_ms:
            self._open.pop((account, did), None)
            return 0.0
        return (until_ms - now_ms) / 1000
