"""The board of webhooks: rate, errors and duration, what was kept, and Kafka behind them."""

from __future__ import annotations

from relevo.monitoring.dashboards.board import Board, Query, Row
from relevo.monitoring.dashboards.shapes import most, panel, quantiles, rate, total
from relevo.monitoring.objectives import ACK_S, COUNTED, OURS

_REQUESTS = "relevo_ingress_requests_total"

INGRESS = Board(
    "relevo-ingress",
    "Relevo: ingress",
    "Webhooks: how many, what they were answered, how fast.",
    (
        Row(
            "Requests",
            (
                panel(
                    "Requests by answer",
                    "reqps",
                    rate(_REQUESTS, "outcome"),
                    why="Outcomes are those of docs/webhooks.md.",
                ),
                panel("Requests by tenant", "reqps", rate(_REQUESTS, "tenant"), why="Who is flooded, or fell silent."),
                panel(
                    "Faults of ours",
                    "percentunit",
                    Query(
                        f'(sum(rate({_REQUESTS}{{outcome=~"{OURS}"}}[$__rate_interval])) or vector(0))'
                        f' / sum(rate({_REQUESTS}{{outcome=~"{COUNTED}"}}[$__rate_interval]))',
                        "share",
                    ),
                    why="Share of requests that were answered 500 or 503: Chattigo may never send them again.",
                ),
            ),
        ),
        Row(
            "Time",
            (
                panel(
                    "From the body to Kafka's word",
                    "s",
                    *quantiles("relevo_ingress_ack_seconds", shares=(0.5, 0.95, 0.99)),
                    why="How long Chattigo waits for its 200, after the last byte of the body.",
                    limit=ACK_S,
                ),
                panel(
                    "Waiting now",
                    "short",
                    total("relevo_ingress_waiting_requests", every="requests"),
                    why="Requests that wait for Kafka: what saturates a process.",
                ),
                panel(
                    "Held",
                    "reqps",
                    rate("relevo_ingress_kafka_holds_total", "outcome"),
                    why="Requests that waited over a second because Kafka was in doubt, by how it ended.",
                ),
            ),
        ),
        Row(
            "What came",
            (
                panel(
                    "Records by topic",
                    "ops",
                    rate("relevo_ingress_records_total", "topic"),
                    why="What webhooks became; a webhook of several conversations becomes several records.",
                ),
                panel(
                    "Kept and not processed",
                    "ops",
                    rate("relevo_ingress_kept_records_total", "reason"),
                    why="On inbound.rejected, by reason.",
                ),
                panel(
                    "Size of bodies",
                    "bytes",
                    *quantiles("relevo_ingress_body_bytes"),
                    why="As they were received.",
                ),
            ),
        ),
        Row(
            "Kafka, of all services",
            (
                panel(
                    "From send to confirmation",
                    "s",
                    *quantiles("relevo_kafka_delivery_seconds", "client"),
                    why="What the brokers take for a record, all copies included.",
                ),
                panel(
                    "Not confirmed yet",
                    "short",
                    most("relevo_kafka_producer_queue_records", "client"),
                    why="Records in the queue of a producer.",
                ),
                panel(
                    "Refused",
                    "ops",
                    rate("relevo_kafka_delivery_errors_total", "client, code"),
                    rate("relevo_kafka_backpressure_total", every="queue full"),
                    why="Records that Kafka did not confirm, by error, and sends for which there was no room.",
                ),
            ),
        ),
    ),
)
