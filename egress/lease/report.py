"""What the lease says: metrics and log lines, without secrets."""

from __future__ import annotations

from collections.abc import Iterable

from egress.lease.account import Account
from egress.lease.accounts import Conflict
from egress.lease.breaker import Breaker, Failure
from runtime import logs, metrics
from schemas.token import Token

_log = logs.get(__name__)
_GAUGES = (metrics.LEASE_TOKEN_AGE, metrics.LEASE_TOKEN_LEFT, metrics.LEASE_TOKEN_GENERATION)


def renewed(token: Token) -> None:
    """A login's token is written."""
    metrics.counter(metrics.LEASE_LOGINS).labels(account=token.account, result="ok").inc()
    life_s = (token.dies_ms - token.obtained_ms) / 1000
    _log.info("token renewed", account=token.account, generation=token.generation, life_s=life_s)


def lost(token: Token) -> None:
    """A login's token could not be written: the account has another owner."""
    metrics.counter(metrics.LEASE_LOGINS).labels(account=token.account, result="lost").inc()
    _failure(token.account, "lost")
    _log.warning("a token was not written: the account has another owner", account=token.account)


def abandoned(key: str) -> None:
    """A login was not made: it could not be put on record in time, or the account has another owner."""
    metrics.counter(metrics.LEASE_LOGINS).labels(account=key, result="abandoned").inc()
    _log.warning("a login was not made: it is not on record, or was for too long", account=key)


def unwritten(key: str, problem: str) -> None:
    """A record of a login is to be tried again."""
    _log.warning("a token or a login is not written yet", account=key, problem=problem)


def unrecorded(key: str) -> None:
    """A failed login stays on record as one that nobody heard of."""
    _failure(key, "unrecorded")
    _log.warning("a failed login is not on record: the account has another owner", account=key)


def closed(token: Token, problem: str) -> None:
    """A token is of no use here."""
    _log.warning("a token does not open here, a new one is needed", account=token.account, problem=problem)


def taken_over(key: str, breaker: Breaker | None, now_ms: int) -> None:
    """A new owner found a login without a token."""
    if breaker and breaker.last:
        _log.warning(
            "an account is left alone after a login before this start",
            account=key,
            reason=breaker.last.kind,
            problem=breaker.last.why,
            failures=breaker.failures,
            wait_s=max(0.0, (breaker.until_ms - now_ms) / 1000),
        )


def failed(key: str, failure: Failure, breaker: Breaker | None, now_ms: int) -> None:
    """A login gave no token."""
    metrics.counter(metrics.LEASE_LOGINS).labels(account=key, result="failed").inc()
    _failure(key, failure.kind)
    wait_s = (breaker.until_ms - now_ms) / 1000 if breaker else 0
    _log.error(
        "login failed", account=key, reason=failure.kind, status=failure.status, problem=failure.why, wait_s=wait_s
    )


def disputed(conflicts: Iterable[Conflict]) -> None:
    """Tenants disagree on an account's address."""
    for conflict in conflicts:
        _failure(conflict.account, "conflict")
        _log.warning("an account is declared differently", **conflict._asdict())


def request(outcome: str, account: str) -> None:
    """A request was read."""
    metrics.counter(metrics.LEASE_REQUESTS).labels(outcome=outcome).inc()
    if outcome != "coalesced":
        _log.info("token request", account=account, outcome=outcome)


def state(accounts: Iterable[Account], now_ms: int) -> None:
    """The tokens of the owned accounts now, and how long each account is left alone."""
    for account in accounts:
        if not account.declared:
            forget([account])
            continue
        wait_s = max(0.0, (account.breaker.until_ms - now_ms) / 1000)
        metrics.gauge(metrics.LEASE_LOGIN_WAIT).labels(account=account.key).set(wait_s)
        if account.token:
            seconds = (now_ms - account.token.obtained_ms) / 1000, (account.token.dies_ms - now_ms) / 1000
            for metric, value in zip(_GAUGES, (*seconds, account.generation), strict=True):
                metrics.gauge(metric).labels(account=account.key).set(value)


def forget(accounts: Iterable[Account]) -> None:
    """The accounts went to another owner, who reports them, or no tenant has them any more."""
    for account in accounts:
        for metric in (*_GAUGES, metrics.LEASE_LOGIN_WAIT):
            metrics.gauge(metric).remove(account=account.key)


def _failure(account: str, reason: str) -> None:
    metrics.counter(metrics.LEASE_FAILURES).labels(account=account, reason=reason).inc()
