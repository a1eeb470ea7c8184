"""The limit on dead letters: when most of what a worker handles fails, it stops, and the topic is kept. Pure.

A bad deployment fails everybody's events; garbage and poison fail one tenant's or one conversation's. So what counts is
conversations, each once, by how its last event ended; and it trips when two things hold within the window:

- so many conversations failed, of which no tenant brings more than half, unless this worker serves no other;
- of the conversations of each tenant (the last `_LATELY`), on the average over the tenants, more than a share failed.

Names of which no tenant is served (of one that is gone, or garbage) count as long as no tenant that is served is heard
of: then they may be all that there is, read wrongly.

Promises: neither a conversation nor a tenant trips it alone while others are served, however much it sends; memory is
bounded. Leaves to `guard` what a trip does.
"""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Collection
from typing import NamedTuple

_LATELY = 200  # conversations that are kept of a tenant
_WELL = ""


class Limit(NamedTuple):
    """`conversations` that failed within `window_s`, 0 for no limit; `share` of a tenant's, above which it counts."""

    conversations: int = 50
    window_s: float = 600
    share: float = 0.5


class Trip(NamedTuple):
    """Why the limit tripped: conversations that failed, of how many tenants, which share, the reasons."""

    conversations: int
    tenants: int
    share: float
    reasons: dict[str, int]

    def __str__(self) -> str:
        reasons = ", ".join(f"{reason} {number}" for reason, number in self.reasons.items())
        return (
            f"the events of {self.conversations} conversations of {self.tenants} tenants ended as dead letters "
            f"({reasons}), {self.share:.0%} of what was handled lately"
        )


class _Ended(NamedTuple):
    """How a conversation's last event ended: the reason of its letter, or well."""

    reason: str
    at: float


class _Tenant:
    """A tenant's conversations of late, the one heard of longest ago first."""

    def __init__(self) -> None:
        self.conversations: OrderedDict[bytes, _Ended] = OrderedDict()
        self.failed: Counter[str] = Counter()

    def see(self, conversation: bytes, ended: _Ended) -> None:
        self._forget(self.conversations.pop(conversation, None))
        self.conversations[conversation] = ended
        if ended.reason:
            self.failed[ended.reason] += 1
        if len(self.conversations) > _LATELY:
            self._forget(self.conversations.popitem(last=False)[1])

    def expire(self, before: float) -> None:
        while self.conversations and next(iter(self.conversations.values())).at < before:
            self._forget(self.conversations.popitem(last=False)[1])

    def _forget(self, ended: _Ended | None) -> None:
        if ended is not None and ended.reason:
            self.failed[ended.reason] -= 1

    @property
    def share(self) -> float:
        return self.failed.total() / len(self.conversations)


class LetterLimit:
    """Of one process. `served()` names the tenants that are configured to be served by it."""

    def __init__(self, limit: Limit, served: Callable[[], Collection[str]]) -> None:
        self._limit = limit
        self._served = served
        self._tenants: dict[str, _Tenant] = {}

    @property
    def watches(self) -> bool:
        """Whether anything failed of late: if not, what is handled well need not be told."""
        return any(tenant.failed.total() for tenant in self._tenants.values())

    def see(self, tenant: str, conversation: bytes, reason: str, now: float) -> Trip | None:
        """An event of the conversation ended as a dead letter for `reason`, or well (empty)."""
        if not self._limit.conversations:
            return None
        self._tenants.setdefault(tenant, _Tenant()).see(conversation, _Ended(reason, now))
        return self._judge(now) if reason else None

    def _judge(self, now: float) -> Trip | None:
        self._expire(now - self._limit.window_s)
        served = self._served()
        heard = {name: one for name, one in self._tenants.items() if name in served} or self._tenants
        failed = [one.failed.total() for one in heard.values()]
        share = sum(one.share for one in heard.values()) / len(heard)
        alone = len(heard) == 1 and len(served) <= 1
        most = self._limit.conversations if alone else -(-self._limit.conversations // 2)
        if sum(min(one, most) for one in failed) < self._limit.conversations or share <= self._limit.share:
            return None
        reasons: Counter[str] = sum((one.failed for one in heard.values()), Counter())
        return Trip(sum(failed), sum(map(bool, failed)), share, dict(reasons.most_common()))

    def _expire(self, before: float) -> None:
        for name, tenant in list(self._tenants.items()):
            tenant.expire(before)
            if not tenant.conversations:
                del self._tenants[name]
