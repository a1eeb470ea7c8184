"""Alerts on what services see of Kafka. The brokers themselves are watched by who runs them."""

from __future__ import annotations

from relevo.monitoring.rule import Alert, Dashboard, grew
from schemas import topics

_BOARD: Dashboard = "relevo-processors-kafka"
RETENTION = 0.25
FOLLOWED = 1000
REBALANCES = 10
# Workers that are started again in their turn leave each partition for a moment: it must have been alone for as long.
_ALONE = "4m"
# Of egress one input stands for all: a worker has the same partitions of each.
_READ = "|".join((topics.INBOUND_CONVERSATIONS.name, topics.agent("[^.]+").name, topics.OUTBOUND_REPLIES.name))


def unowned(window: str = "") -> str:
    """By topic, how many partitions no worker has; with a window, has had."""
    shown = ("relevo_kafka_consumer_lag_records", "relevo_egress_intake_behind_records")
    owned = " or ".join(f"last_over_time({name}[{window}])" if window else name for name in shown)
    there = f'max by (topic) (relevo_kafka_topic_partitions{{topic=~"{_READ}"}})'
    return f"{there} - (count by (topic) (count by (topic, partition) ({owned})) or 0 * {there})"


ALERTS = (
    Alert(
        "RelevoRetentionNear",
        "("
        "max by (topic) (relevo_kafka_consumer_lag_seconds)"
        " or max by (topic) (relevo_egress_intake_behind_seconds)"
        ' or max by (topic) (label_replace(relevo_egress_parked_oldest_seconds, "topic", "outbound.parked", "", ""))'
        f") / on (topic) max by (topic) (relevo_kafka_retention_seconds) > {RETENTION}",
        "5m",
        "critical",
        _BOARD,
        "What waits on {{ $labels.topic }} has used {{ $value | humanizePercentage }} of the time that Kafka keeps it.",
    ),
    Alert(
        "RelevoUnreadRemoved",
        grew("relevo_egress_unread_offsets_total", "topic", "1h"),
        "0m",
        "critical",
        "relevo-egress-campaigns",
        "Kafka removed records of {{ $labels.topic }} before anybody read them.",
    ),
    Alert(
        "RelevoKafkaRefuses",
        grew("relevo_kafka_delivery_errors_total", "client, code", more_than=2),
        "2m",
        "warning",
        "relevo-ingress",
        "Kafka does not confirm records of {{ $labels.client }} ({{ $labels.code }}).",
    ),
    Alert(
        "RelevoKafkaFull",
        grew("relevo_kafka_backpressure_total", "client", more_than=2),
        "2m",
        "warning",
        "relevo-ingress",
        "{{ $labels.client }} has more for Kafka than its queue holds.",
    ),
    Alert(
        "RelevoTransactionsFail",
        # The process that counts one ends by it, so it is the ends that are counted.
        'sum by (service, instance) (changes(relevo_service_previous_end_seconds{code=~"71|73"}[30m]) + 1) > 2',
        "0m",
        "warning",
        "relevo-overview",
        "Kafka refuses transactions of {{ $labels.service }} again and again; each time its process ends.",
    ),
    Alert(
        "RelevoTransactionsSlow",
        "histogram_quantile(0.95, sum by (le, processor)"
        " (rate(relevo_processors_transaction_seconds_bucket[10m]))) > 1"
        " or histogram_quantile(0.95, sum by (le) (rate(relevo_egress_transaction_seconds_bucket[10m]))) > 1",
        "15m",
        "warning",
        _BOARD,
        "One of twenty transactions takes {{ $value | humanizeDuration }} or longer.",
    ),
    Alert(
        "RelevoRebalancesMany",
        # Of the worker that sees most of them: each counts for itself, so that a sum grows with the workers alone.
        f"max by (group) (sum by (group, job, instance) (increase(relevo_kafka_rebalances_total[30m]))) > {REBALANCES}",
        "5m",
        "warning",
        _BOARD,
        "Partitions of {{ $labels.group }} change hands all the time.",
    ),
    Alert(
        "RelevoPartitionsUnowned",
        f"{unowned(_ALONE)} > 0",
        "1m",
        "critical",
        _BOARD,
        "No worker has {{ $value }} partitions of {{ $labels.topic }}.",
    ),
    Alert(
        "RelevoFollowerBehind",
        f"max by (topic) (relevo_kafka_follower_lag_records) > {FOLLOWED}",
        "5m",
        "warning",
        _BOARD,
        "A service still has {{ $value }} records of {{ $labels.topic }} to read.",
    ),
)
