"""Metrics of what services see of Kafka."""

from runtime.metrics.buckets import FAST as _FAST
from runtime.metrics.metric import Metric

KAFKA_CONSUMER_LAG = Metric(
    "relevo_kafka_consumer_lag_records",
    "gauge",
    "Records between what is done and the end of the partition.",
    ("group", "topic", "partition"),
)
KAFKA_LAG_SECONDS = Metric(
    "relevo_kafka_consumer_lag_seconds",
    "gauge",
    "For how long, at most, the oldest of these records has waited.",
    ("group", "topic", "partition"),
)
KAFKA_RETENTION_SECONDS = Metric(
    "relevo_kafka_retention_seconds",
    "gauge",
    "How long a topic keeps a record at least, by the catalogue; only of topics that are not compacted.",
    ("topic",),
)
KAFKA_TOPIC_PARTITIONS = Metric(
    "relevo_kafka_topic_partitions",
    "gauge",
    "How many partitions a topic has, as found when the service started; of the topics that it uses.",
    ("topic",),
)
KAFKA_PRODUCER_QUEUE = Metric(
    "relevo_kafka_producer_queue_records", "gauge", "Records handed to a producer and not confirmed.", ("client",)
)
KAFKA_DELIVERY_SECONDS = Metric(
    "relevo_kafka_delivery_seconds", "histogram", "From send to confirmation.", ("client",), buckets=_FAST
)
KAFKA_DELIVERY_ERRORS = Metric(
    "relevo_kafka_delivery_errors_total",
    "counter",
    "Records that Kafka did not confirm, by error code.",
    ("client", "code"),
)
KAFKA_BACKPRESSURE = Metric(
    "relevo_kafka_backpressure_total", "counter", "Sends refused because the producer's queue was full.", ("client",)
)
KAFKA_TRANSACTION_ERRORS = Metric(
    "relevo_kafka_transaction_errors_total", "counter", "Transactions that failed, by error code.", ("client", "code")
)
KAFKA_REBALANCES = Metric(
    "relevo_kafka_rebalances_total", "counter", "Assignments and revocations.", ("group", "event")
)
KAFKA_FOLLOWER_LAG = Metric(
    "relevo_kafka_follower_lag_records", "gauge", "Records of a compacted topic not yet read.", ("topic",)
)
