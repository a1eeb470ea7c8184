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
    """The tokens of the owned accounts now."""
    for account in accounts:
        if account.token and account.declared:
            seconds = (now_ms - account.token.obtained_ms) / 1000, (account.token.dies_ms - now_ms) / 1000
            for metric, value in zip(_GAUGES, (*seconds, account.generation), strict=True):
                metrics.gauge(metric).labels(account=account.key).set(value)


def forget(accounts: Iterable[Account]) -> None:
    """The accounts went to another owner, who reports them."""
    for account in accounts:
        for metric in _GAUGES:
            metrics.gauge(metric).remove(account=account.key)


def _failure(account: str, reason: str) -> None:
    metrics.counter(metrics.LEASE_FAILURES).labels(account=account, reason=reason).inc()
