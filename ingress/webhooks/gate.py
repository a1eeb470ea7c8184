"""The gate: who may come in, decided before a byte of the body is read. Pure over explicit times."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ingress.webhooks import addresses, outcomes
from ingress.webhooks.outcomes import Refused
from ingress.webhooks.rate import RateLimit
from runtime.secrets import secret_digest
from runtime.settings import IngressSettings
from runtime.tenants import Grant, Snapshot


class Grants(Protocol):
    """What is asked of the tenants' read model."""

    @property
    def ready(self) -> bool: ...
    def by_secret(self, digest: str, at_ms: int) -> Grant | None: ...


class Caller(NamedTuple):
    """Who asks: the secret shown, the other end of the connection, the values of X-Forwarded-For."""

    secret: str
    peer: str
    forwarded: tuple[str, ...] = ()


class Gate:
    """Order: configuration read, address allowed, secret known, rate left. So strangers learn nothing."""

    def __init__(self, settings: IngressSettings, grants: Grants) -> None:
        self._settings = settings
        self._grants = grants
        self._rate = RateLimit(settings.rate_per_s, settings.rate_burst)

    def admit(self, caller: Caller, now_ms: int, now_s: float) -> Grant:
        """What the caller's secret stands for; `now_s` is of any clock that only goes forward. Raises Refused."""
        if not self._grants.ready:
            raise Refused(outcomes.STARTING)
        self._check_address(caller)
        grant = self._grants.by_secret(secret_digest(caller.secret), now_ms)
        if grant is None:
            raise Refused(outcomes.NOT_FOUND)
        wait_s = self._rate.take(grant.digest, now_s)
        if wait_s:
            raise Refused(outcomes.TOO_MANY, wait_s=wait_s)
        return grant

    def tenants_changed(self, snapshot: Snapshot) -> None:
        """Forgets the rates of secrets that are gone."""
        self._rate.keep_only(snapshot.grants)

    def _check_address(self, caller: Caller) -> None:
        networks = self._settings.allowed_networks
        if not networks:
            return
        sender = addresses.sender(caller.peer, caller.forwarded, self._settings.trusted_proxies)
        if not addresses.allowed(sender, networks):
            raise Refused(outcomes.FORBIDDEN)
