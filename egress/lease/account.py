"""One account under the lease: its token, who asks for a newer one, and when it may log in. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from egress.lease.breaker import Breaker, Pace
from schemas.token import LoginAttempt, Token

_EVER = 1 << 62  # no moment that is known is after it
_APART_MS = 60_000  # so far apart clocks of workers may be


@dataclass
class Asked:
    """Requests not answered yet: the highest generation that was seen refused, and the offset of the first."""

    generation: int
    first_offset: int


@dataclass
class Account:
    """What the owner of the account's partition knows. `declared` is the digest of what the tenants say about it,
    empty when none has it; `usable` says whether the token can be opened and belongs to the declared address;
    `failed` are the failures since the last token, whatever was declared then."""

    key: str
    partition: int
    declared: str = ""
    token: Token | None = None
    usable: bool = False
    asked: Asked | None = None
    failed: Breaker = field(default_factory=Breaker)

    @property
    def generation(self) -> int:
        return self.token.generation if self.token else 0

    @property
    def next_generation(self) -> int:
        """Newer than the token and than any that was seen refused, also if its record is lost."""
        return max(self.generation, self.asked.generation if self.asked else 0) + 1

    @property
    def breaker(self) -> Breaker:
        """What stands before the next login; failures of another declaration do not."""
        return self.failed if self.failed.declared == self.declared else Breaker(declared=self.declared)

    def take_token(self, token: Token | None, *, usable: bool) -> None:
        """The account's newest record on `tokens`; what it answers is answered."""
        self.token, self.usable = token, usable
        if self.asked and self.asked.generation < self.generation:
            self.asked = None

    def take_attempt(self, attempt: LoginAttempt) -> None:
        """The login without a token that is on record; its token, if one came after all, is taken before."""
        if self.token is None or self.token.obtained_ms < attempt.at_ms:
            self.failed = Breaker.recorded(attempt)

    def ask(self, generation: int, offset: int) -> None:
        """One more request of someone who saw this generation refused."""
        if self.asked is None:
            self.asked = Asked(generation, offset)
        self.asked.generation = max(self.asked.generation, generation)

    def due_ms(self, pace: Pace, now_ms: int = _EVER) -> int | None:
        """When to log in (maybe long ago), or None if there is no reason to. Milliseconds since 1970.

        What is on record of a time well after `now_ms` was written before our clock was set back, or by a clock that
        is ahead: nobody waits until that time has come.
        """
        if not self.declared:
            return None
        known_ms = now_ms + max(pace.interval_ms, _APART_MS)
        shut_ms = self.breaker.until_ms if self.breaker.at_ms <= known_ms else 0
        if self.token is None:
            return shut_ms
        wanted = self.token.refresh_ms if self.usable and not self.asked else 0
        alone_ms = self.token.obtained_ms + pace.interval_ms if self.token.obtained_ms <= known_ms else 0
        return max(wanted, alone_ms, shut_ms)
