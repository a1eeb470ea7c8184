"""The breaker for (account, line): a 401 that no login can cure. Pure.

A 401 on a token that is young and never worked on this line means "not your line" (a wrong account in the tenant's
file, a number that moved away), and logging in for it would only evict the others' token. It still means that when the
token is older, if it was refused here while it was young, or works on other lines and no token ever did on this one. A
token that has worked on this line, or of which nothing speaks for its being alive, died: it is renewed. An open
breaker refuses calls for the time in which a token is young, or until there is another token; then calls look again.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Verdict = Literal["renew", "not_your_line"]

# A line that a young token did not open is believed to be another's for so many times as long, while nothing else
# shows that the token is alive: it may have died in its first moments, and nobody else may be there to notice. A line
# on which the token before worked is its account's own as far as is known, so it is patient once for as long only.
PATIENCE = 60


class _Judged(NamedTuple):
    """A line that was refused with a young token, and for how many young times that is believed."""

    generation: int = 0
    at_ms: int = 0
    patience: int = PATIENCE


class Seen(NamedTuple):
    """A token as the breaker knows it; times are milliseconds since 1970."""

    generation: int
    obtained_ms: int


class LineBreaker:
    """What this process saw of tokens on lines."""

    def __init__(self, young_ms: int) -> None:
        self._young_ms = young_ms
        self._worked: dict[tuple[str, str], int] = {}
        self._alive: dict[str, tuple[int, int]] = {}
        self._judged: dict[tuple[str, str], _Judged] = {}
        self._open: dict[tuple[str, str], tuple[int, int]] = {}

    def worked(self, account: str, did: str, generation: int, now_ms: int) -> None:
        """A call of this line was let in with this token."""
        self._worked[account, did] = generation
        self._alive[account] = generation, now_ms
        self._open.pop((account, did), None)
        self._judged.pop((account, did), None)

    def refused(self, account: str, did: str, token: Seen, now_ms: int) -> Verdict:
        """A call of this line got a 401 with this token."""
        if self._worked.get((account, did)) == token.generation:
            return "renew"
        old_at = token.obtained_ms + self._young_ms
        if now_ms < old_at:
            self._judge(account, did, token.generation, now_ms)
            self._open[account, did] = token.generation, old_at
            return "not_your_line"
        if not self._anothers(account, did, token.generation, now_ms):
            return "renew"
        self._open[account, did] = token.generation, now_ms + self._young_ms
        return "not_your_line"

    def closed_for_s(self, account: str, did: str, generation: int, now_ms: int) -> float:
        """Seconds for which calls with this token are refused without asking; 0 when they may go."""
        broken, until_ms = self._open.get((account, did), (0, 0))
        if broken != generation or now_ms >= until_ms:
            self._open.pop((account, did), None)
            return 0.0
        return (until_ms - now_ms) / 1000

    def _anothers(self, account: str, did: str, generation: int, now_ms: int) -> bool:
        """Whether an older token is alive as far as can be known, so that the line must be another's."""
        of_alive, alive_ms = self._alive.get(account, (0, 0))
        never_ours = (account, did) not in self._worked
        if never_ours and of_alive == generation and now_ms < alive_ms + self._young_ms:
            return True
        judged = self._judged.get((account, did), _Judged())
        sign_ms = max(judged.at_ms, alive_ms if of_alive == generation else 0)
        return judged.generation == generation and now_ms < sign_ms + judged.patience * self._young_ms

    def _judge(self, account: str, did: str, generation: int, now_ms: int) -> None:
        worked = self._worked.pop((account, did), None) is not None
        before = self._judged.get((account, did), _Judged())
        patience = before.patience if before.generation == generation else 1 if worked else PATIENCE
        self._judged[account, did] = _Judged(generation, now_ms, patience)
