"""The client by which a command asks Kafka where topics begin and end: one for the whole process.

A new client connects first, which on a busy machine is often a second or more, and a command asks many times.
"""

from __future__ import annotations

from functools import lru_cache

from confluent_kafka.admin import AdminClient

from runtime.kafka import config
from runtime.settings import KafkaSettings


@lru_cache(maxsize=1)
def asker(settings: KafkaSettings) -> AdminClient:
    """The same one for the same cluster."""
    return AdminClient(config.admin(settings))
