"""Routing that cannot be used is said once in the log and counted, until the record is mended."""

from __future__ import annotations

import structlog

from processors.routing.watch import RoutingWatch
from runtime.metrics import PROCESSOR_UNUSABLE_RULES
from runtime.metrics.process import PROCESS
from runtime.tenants import Snapshot
from schemas.tenant import Hours, Routing, Rule, Tenant, When


def tenant(name: str, *whens: When, **fields: object) -> Tenant:
    return Tenant(tenant=name, routing=Routing(route=[Rule(to="a", when=when) for when in whens]), **fields)  # type: ignore[arg-type]


BROKEN = When(pattern="(")
CLOSED = When(hours="office")
NO_ZONE = Hours(zone="Nowhere/None", week={"mon": ["09:00-10:00"]})


def unusable() -> float:
    return PROCESS.value(PROCESSOR_UNUSABLE_RULES)


def test_what_never_matches_is_said_once_and_counted_until_it_is_mended() -> None:
    watch = RoutingWatch()
    good, bad = tenant("w1", When()), tenant("w2", BROKEN, CLOSED, When(), hours={"office": NO_ZONE})
    with structlog.testing.capture_logs() as said:
        watch(Snapshot.of([good]))
        assert (said, unusable()) == ([], 0)
        watch(Snapshot.of([good, bad]))
        watch(Snapshot.of([good, bad]))
    assert [(one["tenant"], one["log_level"], one["count"]) for one in said] == [("w2", "error", 2)]
    assert said[0]["faults"][1] == "rule 1 (to a): hours: the tenant has no usable hours 'office'"
    assert unusable() == 2
    with structlog.testing.capture_logs() as said:
        watch(Snapshot.of([good, tenant("w2", When()), tenant("w3", BROKEN)]))
        assert unusable() == 1
        watch(Snapshot.of([good]))
    assert [(one["tenant"], one["log_level"]) for one in said] == [("w2", "info"), ("w3", "error"), ("w3", "info")]
    assert unusable() == 0
