"""Watches the tenants' records for routing that cannot be used, and makes their routers ready when they change.

`relevo tenants apply` refuses such routing, so it shows that something else wrote the record. A rule in which something
is wrong never matches, in every worker alike and also after a restart; here it is said, in the log and as a metric.
"""

from __future__ import annotations

from processors.routing.router import router_of
from runtime import logs, metrics
from runtime.tenants import Snapshot

_log = logs.get(__name__)


class RoutingWatch:
    """To be called with each new snapshot of the tenants. What was said of a record is not said again."""

    def __init__(self) -> None:
        self._told: dict[str, list[str]] = {}

    def __call__(self, snapshot: Snapshot) -> None:
        faults = {name: router_of(tenant).faults for name, tenant in snapshot.tenants.items()}
        for name in sorted(faults.keys() | self._told.keys()):
            found = faults.get(name, [])
            if found == self._told.get(name, []):
                continue
            if found:
                _log.error("rules of a tenant's routing never match", tenant=name, count=len(found), faults=found)
            else:
                _log.info("a tenant's routing can be used again", tenant=name)
        self._told = {name: found for name, found in faults.items() if found}
        metrics.gauge(metrics.PROCESSOR_UNUSABLE_RULES).labels().set(sum(map(len, self._told.values())))
