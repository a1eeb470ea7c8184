"""How long an account must be left alone after a login. Pure.

An account is locked by hammering it, so a refused password is tried again ever more rarely (an operator's new
password ends the wait at once), and a login that may have succeeded counts like one that did. What holds is on
record before a login begins, so that neither a crash nor a takeover makes the next one come sooner.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, get_args

from schemas.token import LoginAttempt

FailureKind = Literal["unreachable", "failed", "unclear", "throttled", "credentials"]

# A refused password waits from `longest_ms` up to so many times as long.
CREDENTIALS_CEILING = 12
UNHEARD = "nobody heard what became of this login"
_DOUBLINGS_MAX = 30
_KINDS: dict[str, FailureKind] = {kind: kind for kind in get_args(FailureKind)}


class Failure(NamedTuple):
    """A login without a token. `unreachable`: nothing was sent; `unclear`: there may be a token that nobody saw;
    `failed`: an error answer; `throttled`: too many logins; `credentials`: wrong, and no retry can help."""

    kind: FailureKind
    why: str
    status: int = 0
    retry_after_s: float | None = None


class Pace(NamedTuple):
    """The settings of the lease that say how often logins may be; milliseconds. `login_ms` is how long after its
    beginning a login can at most be under way, whoever makes it."""

    interval_ms: int
    backoff_ms: int
    longest_ms: int
    login_ms: int = 0


class Breaker(NamedTuple):
    """The failures in a row of one account, and until when it is left alone (milliseconds since 1970).

    `declared` is the digest of the declaration that failed; another one need not wait. `at_ms` is when it was found.
    """

    failures: int = 0
    until_ms: int = 0
    last: Failure | None = None
    declared: str = ""
    at_ms: int = 0

    def after(self, failure: Failure, now_ms: int, pace: Pace) -> Breaker:
        """The breaker after one more failure."""
        alike = self.last is not None and (self.last.kind == "credentials") == (failure.kind == "credentials")
        failures = self.failures + 1 if alike else 1
        return Breaker(failures, now_ms + _wait_ms(failure, failures, pace), failure, self.declared, now_ms)

    def unheard(self, now_ms: int, pace: Pace) -> Breaker:
        """The breaker if nobody ever hears of the login that begins now: it may have succeeded, or still be under way;
        where the password was refused before, it was refused again."""
        refused = self.last is not None and self.last.kind == "credentials"
        lost = self.after(Failure("credentials" if refused else "unclear", UNHEARD), now_ms, pace)
        return lost._replace(until_ms=max(lost.until_ms, now_ms + pace.login_ms))

    def attempt(self, at_ms: int, *, under_way: bool) -> LoginAttempt:
        """As it is put on record."""
        last = self.last or Failure("unclear", UNHEARD)
        return LoginAttempt(
            at_ms=at_ms,
            until_ms=self.until_ms,
            failures=self.failures,
            kind=last.kind,
            declared=self.declared,
            under_way=under_way,
            status=last.status,
            why=last.why,
        )

    @classmethod
    def recorded(cls, attempt: LoginAttempt) -> Breaker:
        """As a new owner finds it. A kind that is not known here counts as `unclear`."""
        last = Failure(_KINDS.get(attempt.kind, "unclear"), attempt.why, attempt.status)
        return cls(attempt.failures, attempt.until_ms, last, attempt.declared, attempt.at_ms)


def _wait_ms(failure: Failure, failures: int, pace: Pace) -> int:
    doubled: int = 2 ** min(failures - 1, _DOUBLINGS_MAX)
    if failure.kind == "credentials":
        return min(pace.longest_ms * doubled, pace.longest_ms * CREDENTIALS_CEILING)
    wait = min(pace.backoff_ms * doubled, pace.longest_ms)
    if failure.kind in ("unclear", "throttled"):
        wait = max(wait, pace.interval_ms)
    return max(wait, int((failure.retry_after_s or 0) * 1000))
