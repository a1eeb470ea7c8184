"""Metrics of calls to addresses that tenants gave."""

from runtime.metrics.buckets import SLOW as _SLOW
from runtime.metrics.metric import Metric

HOOK_CALLS = Metric(
    "relevo_hooks_calls_total",
    "counter",
    "Calls to addresses that tenants gave, by what became of them; `use` is who made them.",
    ("use", "tenant", "outcome"),
)
HOOK_SECONDS = Metric("relevo_hooks_call_seconds", "histogram", "Time of such a call.", ("use",), buckets=_SLOW)
HOOK_CIRCUITS = Metric(
    "relevo_hooks_open_circuits", "gauge", "Services of tenants that are left alone because they failed.", ("use",)
)
