"""What producers take and give: a record to write, where it landed, and how it can fail."""

from collections.abc import Sequence
from typing import NamedTuple

from confluent_kafka import KafkaError

Headers = Sequence[tuple[str, bytes]]


class Record(NamedTuple):
    """A record to write. `partition` -1 lets murmur2 of the key decide; `timestamp_ms` 0 is now."""

    topic: str
    value: bytes | None
    key: bytes | None = None
    headers: Headers = ()
    partition: int = -1
    timestamp_ms: int = 0


class Delivered(NamedTuple):
    """Where a record landed; all in-sync replicas have it."""

    topic: str
    partition: int
    offset: int


class Backpressure(Exception):
    """The producer's queue is full; nothing was taken. Try later, or tell the sender to."""


class DeliveryError(Exception):
    """Kafka did not confirm a record: it may be written or not. `code` is Kafka's name of the error."""

    def __init__(self, code: str, retriable: bool, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.retriable = retriable

    @classmethod
    def of(cls, error: KafkaError) -> "DeliveryError":
        # A time-out is not "retriable" to librdkafka, which has already tried; to a caller with patience it is.
        patient = error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT, KafkaError._TRANSPORT)
        return cls(error.name(), error.retriable() or patient, error.str())
