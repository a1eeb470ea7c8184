"""Metrics of webhooks."""

from runtime.metrics.buckets import BYTES as _BYTES
from runtime.metrics.buckets import FAST as _FAST
from runtime.metrics.metric import Metric

INGRESS_REQUESTS = Metric(
    "relevo_ingress_requests_total", "counter", "Webhook requests by what was answered.", ("tenant", "outcome")
)
INGRESS_RECORDS = Metric(
    "relevo_ingress_records_total", "counter", "Records that webhooks became, by topic.", ("tenant", "topic")
)
INGRESS_ACK_SECONDS = Metric(
    "relevo_ingress_ack_seconds", "histogram", "From the last byte of a body to Kafka's confirmation.", buckets=_FAST
)
INGRESS_KEPT = Metric(
    "relevo_ingress_kept_records_total",
    "counter",
    "Records in inbound.rejected, by reason.",
    ("tenant", "reason"),
)
INGRESS_BODY_BYTES = Metric("relevo_ingress_body_bytes", "histogram", "Size of webhook bodies.", buckets=_BYTES)
INGRESS_KAFKA_HOLDS = Metric(
    "relevo_ingress_kafka_holds_total",
    "counter",
    "Requests that waited because Kafka was in doubt, by how it ended.",
    ("outcome",),
)
INGRESS_WAITING = Metric("relevo_ingress_waiting_requests", "gauge", "Requests that wait for Kafka's confirmation now.")
