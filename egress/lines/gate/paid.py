"""Paid messages of a day: how many a tenant has planned, over all of its lines. Pure, over explicit time.

Every template counts, whatever it costs in the end: a window that lets it go for nothing, or a refusal, is not known
when it is planned. A message counts when it is planned for the first time, and with each deliberate resend: an attempt
after one that was surely not sent is not paid for twice.

Promises: of a line that this process owns the count is exact, of others it is the last that was heard of, and never
goes back within a day. `Paid` is what goes into the line's record on `lines.state`; who restores it from there must do
so before anything is planned.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from schemas.tenant import Tenant

UTC = "UTC"
_DAYS = 2
_NONE: dict[str, int] = {}


class Calendar:
    """Days in one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._day, self._from_ms, self._until_ms = "", 0, 0

    def day(self, now_ms: int) -> str:
        """`YYYY-MM-DD`."""
        if not self._from_ms <= now_ms < self._until_ms:
            begin = datetime.fromtimestamp(now_ms / 1000, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
            self._day = begin.date().isoformat()
            self._from_ms = round(begin.replace(fold=0).timestamp()) * 1000
            self._until_ms = round((begin + timedelta(days=1)).replace(fold=0).timestamp()) * 1000
        return self._day

    def ends_at(self, now_ms: int) -> int:
        """When the next day begins."""
        self.day(now_ms)
        return self._until_ms


@dataclass(slots=True)
class Paid:
    """Of one line: `count` on `day`. `changed` says that the record on `lines.state` is behind."""

    day: str = ""
    count: int = 0
    changed: bool = False

    def restore(self, day: str, count: int) -> None:
        """What the line's record says, of whoever owned it before."""
        if (day, count) > (self.day, self.count):
            self.day, self.count = day, count

    def add(self, count: int, day: str) -> None:
        """So many are planned."""
        if day > self.day:
            self.day, self.count = day, 0
        self.count += count
        self.changed = True


@dataclass(slots=True)
class Ledger:
    """The lines of all tenants that this process has heard of, and the sums of each tenant's last two days.

    Clocks differ, so one owner's day may begin while another's has not ended; and with another zone a day may come
    again. Then the larger sum counts: the cap holds all the same.
    """

    _lines: dict[str, tuple[str, str, int]] = field(default_factory=dict)
    _totals: dict[str, dict[str, int]] = field(default_factory=dict)

    def heard(self, did: str, tenant: str, day: str, count: int) -> None:
        """What a line's owner says. Of the same day the higher count is the later one."""
        known = self._lines.get(did, ("", "", 0))
        if day < known[1] or (known[:2] == (tenant, day) and count <= known[2]):
            return
        self._lines[did] = tenant, day, count
        before = known[2] if known[:2] == (tenant, day) else 0
        self._add(tenant, day, count - before)

    def of(self, did: str) -> Paid:
        """What is known of a line when somebody here begins to own it."""
        _, day, count = self._lines.get(did, ("", "", 0))
        return Paid(day, count)

    def _add(self, tenant: str, day: str, count: int) -> None:
        days = self._totals.setdefault(tenant, {})
        days[day] = days.get(day, 0) + count
        if len(days) > _DAYS:
            del days[min(days)]

    def total(self, tenant: str, day: str) -> int:
        """How many the tenant has planned on a day, or on one that has begun elsewhere already."""
        return max((total for one, total in self._totals.get(tenant, _NONE).items() if one >= day), default=0)


def cap(tenant: Tenant) -> int | None:
    """The tenant's `limits: {paid_per_day: …}`; None without one. Raises ValueError for what is no number."""
    value = tenant.limits.get("paid_per_day")
    if value is None:
        return None
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("paid_per_day is a whole number of messages, at least 1")
    return value


def zone_name(tenant: Tenant) -> str:
    """The zone whose days count."""
    return str(tenant.limits.get("zone") or tenant.zone or UTC)
