"""A Kafka of one's own on this machine: genuine, from pip alone, or librdkafka's mock as a last resort.

`Broker` is what demos and tests use, `Cluster` several of them as one Kafka. `MockCluster` has a broker's interface,
for machines that can download nothing. All stay on 127.0.0.1. Nothing here is for production.
"""

from sandbox.kafka.broker import Broker
from sandbox.kafka.cluster import Cluster
from sandbox.kafka.disk import NoSmallDisk
from sandbox.kafka.errors import BrokerFailed, KafkaUnavailable
from sandbox.kafka.jars import KAFKA_VERSION, prepare
from sandbox.kafka.mock import MockCluster

__all__ = [
    "KAFKA_VERSION",
    "Broker",
    "BrokerFailed",
    "Cluster",
    "KafkaUnavailable",
    "MockCluster",
    "NoSmallDisk",
    "prepare",
]
