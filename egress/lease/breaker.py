"""How long an account must be left alone after a login. Pure.

An account is locked by hammering it, so a refused password is tried again ever more rarely (an operator's new
password ends the wait at once), and a login that may have succeeded counts like one that did.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

FailureKind = Literal["unreachable", "failed", "unclear", "throttled", "credentials"]

# A refused password waits from `longest_ms` up to so many times as long.
CREDENTIALS_CEILING = 12
_DOUBLINGS_MAX = 30


class Failure(NamedTuple):
    """A login without a token. `unreachable`: nothing was sent; `unclear`: there may be a token that nobody saw;
    `failed`: an error answer; `throttled`: too many logins; `credentials`: wrong, and no retry can help."""

    kind: FailureKind
    why: str
    status: int = 0
    retry_after_s: float | None = None


class Pace(NamedTuple):
    """The settings of the lease that say how often logins may be; milliseconds."""

    interval_ms: int
    backoff_ms: int
    longest_ms: int


class Breaker(NamedTuple):
    """The failures in a row of one account, and until when it is left alone (milliseconds since 1970)."""

    failures: int = 0
    until_ms: int = 0
    last: Failure | None = None

    def after(self, failure: Failure, now_ms: int, pace: Pace) -> Breaker:
        """The breaker after one more failure."""
        alike = self.last is not None and (self.last.kind == "credentials") == (failure.kind == "credentials")
        failures = self.failures + 1 if alike else 1
        return Breaker(failures, now_ms + _wait_ms(failure, failures, pace), failure)


def _wait_ms(failure: Failure, failures: int, pace: Pace) -> int:
    doubled: int = 2 ** min(failures - 1, _DOUBLINGS_MAX)
    if failure.kind == "credentials":
        return min(pace.longest_ms * doubled, pace.longest_ms * CREDENTIALS_CEILING)
    wait = min(pace.backoff_ms * doubled, pace.longest_ms)
    if failure.kind in ("unclear", "throttled"):
        wait = max(wait, pace.interval_ms)
    return max(wait, int((failure.retry_after_s or 0) * 1000))
