"""Metrics of what services know of tenants and pauses."""

from runtime.metrics.metric import Metric

TENANTS_KNOWN = Metric("relevo_tenants_known_tenants", "gauge", "Tenants in the read model.")
TENANTS_CONFLICTS = Metric(
    "relevo_tenants_conflicting_claims", "gauge", "Lines and webhook secrets that two tenants claim."
)
TENANTS_REFUSED = Metric(
    "relevo_tenants_refused_records_total",
    "counter",
    "Records of the tenants topic that could not be used, by reason.",
    ("reason",),
)
PAUSES_STANDING = Metric("relevo_pauses_standing_pauses", "gauge", "Standing pauses of tenants and of everybody.")
PAUSES_UNREADABLE = Metric(
    "relevo_pauses_unreadable_records_total", "counter", "Records of pauses that could not be read; they pause."
)
