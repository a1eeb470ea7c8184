"""Tenants: the read model of the compacted `tenants` topic that every service keeps in memory.

Promises: lookups read one immutable `Snapshot`, which is swapped whole, so that nobody sees half a change; a number
or a webhook secret that two tenants claim belongs to the one whose record is later in the topic, and the other is
logged and counted; a record that does not decode is kept out, logged and counted, and the one before it stays in
force. Leaves to others: who may write a tenant (`relevo tenants apply`), and opening encrypted passwords.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from runtime import logs, metrics
from runtime.kafka.follower import Follower
from runtime.secrets import same_digest
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.record import RecordError, decode
from schemas.tenant import Account, Line, Tenant

_log = logs.get(__name__)


class Message(Protocol):
    """What is read of a record: confluent-kafka's own message has it."""

    def key(self) -> bytes | str | None: ...
    def value(self) -> bytes | str | None: ...
    def offset(self) -> int | None: ...


class Grant(NamedTuple):
    """What a webhook secret stands for: these lines of a tenant, until `until_ms` (0: ever)."""

    digest: str
    tenant: str
    lines: frozenset[str]
    active: bool = True
    until_ms: int = 0


class Login(NamedTuple):
    """An account and where it is configured; `name` is its name in the tenant's file."""

    tenant: str
    name: str
    account: Account


class Conflict(NamedTuple):
    """Two tenants claim the same number or secret; `loser` goes without."""

    what: str
    winner: str
    loser: str


class Snapshot(NamedTuple):
    """All tenants at one moment. `lines` is by did, `grants` by digest, `accounts` by account key, latest first."""

    tenants: Mapping[str, Tenant] = {}
    lines: Mapping[str, tuple[Tenant, Line]] = {}
    grants: Mapping[str, Grant] = {}
    accounts: Mapping[str, tuple[Login, ...]] = {}
    conflicts: tuple[Conflict, ...] = ()

    @classmethod
    def of(cls, records: Iterable[Tenant]) -> Snapshot:
        """The snapshot of the newest record of each tenant, in the order of the topic."""
        ordered = list(records)
        lines, conflicts = _lines(ordered)
        grants, disputed = _grants(ordered, lines)
        tenants = {record.tenant: record for record in ordered}
        return cls(tenants, lines, grants, _accounts(ordered), (*conflicts, *disputed))


def _lines(ordered: list[Tenant]) -> tuple[dict[str, tuple[Tenant, Line]], list[Conflict]]:
    lines: dict[str, tuple[Tenant, Line]] = {}
    conflicts = []
    for record in ordered:
        for line in record.lines:
            before = lines.get(line.did)
            if before and before[0].tenant != record.tenant:
                conflicts.append(Conflict("line", record.tenant, before[0].tenant))
            lines[line.did] = record, line
    return lines, conflicts


def _grants(ordered: list[Tenant], lines: Mapping[str, tuple[Tenant, Line]]) -> tuple[dict[str, Grant], list[Conflict]]:
    grants: dict[str, Grant] = {}
    conflicts = []
    for record in ordered:
        own = {line.did for line in record.lines if lines[line.did][0].tenant == record.tenant}
        for secret in record.secrets:
            digest = secret.sha256.lower()
            if digest in grants and grants[digest].tenant != record.tenant:
                conflicts.append(Conflict("secret", record.tenant, grants[digest].tenant))
            dids = frozenset(own.intersection(secret.lines) if secret.lines else own)
            grants[digest] = Grant(digest, record.tenant, dids, record.active, secret.until_ms)
    return grants, conflicts


def _accounts(ordered: list[Tenant]) -> dict[str, tuple[Login, ...]]:
    accounts: dict[str, tuple[Login, ...]] = {}
    for record in ordered:
        for name, account in record.accounts.items():
            accounts[account.key] = (Login(record.tenant, name, account), *accounts.get(account.key, ()))
    return accounts


class Tenants:
    """Follows the topic and answers from memory. Use it on the event loop on which it was started."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        topic: str = topics.TENANTS.name,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> None:
        """`on_failure` is called on the loop when following the topic ends by itself."""
        self.snapshot = Snapshot()
        self._records: dict[str, tuple[int, Tenant]] = {}
        self._callbacks: list[Callable[[Snapshot], None]] = []
        self._known_conflicts: frozenset[Conflict] = frozenset()
        self._follower = Follower(settings, topic, self.apply, on_failure=on_failure)

    async def start(self) -> None:
        await self._follower.start()

    async def caught_up(self, timeout_s: float) -> None:
        """Waits until all was read that the topic had at the start. Raises TimeoutError or FollowerFailed."""
        await self._follower.caught_up(timeout_s)

    @property
    def ready(self) -> bool:
        """Whether the topic was read to its end once; before that, an absent tenant may only be unread."""
        return self._follower.caught_up_now

    async def stop(self) -> None:
        await self._follower.stop()

    def on_change(self, callback: Callable[[Snapshot], None]) -> None:
        """Calls `callback` with each new snapshot, on the event loop."""
        self._callbacks.append(callback)

    def tenant(self, name: str) -> Tenant | None:
        return self.snapshot.tenants.get(name)

    def names(self, which: Callable[[Tenant], bool]) -> set[str]:
        """The names of tenants that are such."""
        return {name for name, tenant in self.snapshot.tenants.items() if which(tenant)}

    def line(self, did: str) -> Line | None:
        """The line with this number, of whichever tenant has it now."""
        found = self.snapshot.lines.get(did)
        return found[1] if found else None

    def owner(self, did: str) -> Tenant | None:
        """The tenant that has the number now (it may be inactive)."""
        found = self.snapshot.lines.get(did)
        return found[0] if found else None

    def by_secret(self, digest: str, at_ms: int) -> Grant | None:
        """What the secret with this SHA-256 (hex) stands for at a time; None when it is unknown or has ended.

        The table is searched by the digest: how far two digests agree says nothing about a secret that would fit.
        The last comparison takes the same time whatever it finds.
        """
        grant = self.snapshot.grants.get(digest)
        if grant is None or not same_digest(grant.digest, digest):
            return None
        return grant if not grant.until_ms or at_ms < grant.until_ms else None

    @property
    def accounts(self) -> Mapping[str, tuple[Login, ...]]:
        """All accounts by key. Tenants may share one; the latest record comes first."""
        return self.snapshot.accounts

    def account(self, key: str) -> Login | None:
        """The account with this key (`<service>|<username>`), as the latest record has it."""
        found = self.snapshot.accounts.get(key)
        return found[0] if found else None

    def apply(self, messages: Iterable[Message]) -> None:
        """Takes records in the order of the topic and swaps the snapshot; the follower calls it."""
        changed = [self._take(message) for message in messages]
        if any(changed):
            self._swap()

    def _take(self, message: Message) -> bool:
        key, value, offset = message.key(), message.value(), message.offset() or 0
        name = key.decode("utf-8", "replace") if isinstance(key, bytes) else key or ""
        if value is None:
            return self._records.pop(name, None) is not None
        try:
            record = decode(value.encode() if isinstance(value, str) else value, Tenant)
        except RecordError as error:
            self._refuse("undecodable", name, offset, str(error))
            return False
        if record.tenant != name:
            self._refuse("wrong_key", name, offset, "the record stands under the key of another tenant")
            return False
        self._records[name] = offset, record
        return True

    def _refuse(self, reason: str, name: str, offset: int, problem: str) -> None:
        metrics.counter(metrics.TENANTS_REFUSED).labels(reason=reason).inc()
        _log.error("tenant record refused", tenant=name, reason=reason, offset=offset, problem=problem)

    def _swap(self) -> None:
        ordered = sorted(self._records.values(), key=lambda entry: entry[0])
        self.snapshot = Snapshot.of(record for _, record in ordered)
        metrics.gauge(metrics.TENANTS_KNOWN).labels().set(len(self.snapshot.tenants))
        self._report_conflicts(frozenset(self.snapshot.conflicts))
        for callback in self._callbacks:
            callback(self.snapshot)

    def _report_conflicts(self, now: frozenset[Conflict]) -> None:
        metrics.gauge(metrics.TENANTS_CONFLICTS).labels().set(len(now))
        for conflict in sorted(now - self._known_conflicts):
            _log.warning("two tenants claim the same", **conflict._asdict())
        self._known_conflicts = now
