"""Takes what a consumer client has fetched, and tells passing errors from final ones."""

from confluent_kafka import Consumer, KafkaError, Message


def take(client: Consumer, count: int, wait_s: float) -> list[Message]:
    """Up to `count` records as soon as there is one; an empty list after `wait_s`.

    `consume(count, wait_s)` alone would wait the whole time unless `count` records came: that would be each
    record's latency.
    """
    first = client.consume(1, wait_s)
    return first + client.consume(count - 1, 0) if first and count > 1 else first


def passing(error: KafkaError) -> bool:
    """Whether librdkafka goes on by itself after this error: a broker that cannot be reached for a while."""
    return not error.fatal() and (error.retriable() or error.code() in _PASSING)


_PASSING = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError._TIMED_OUT,
        KafkaError._WAIT_COORD,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,  # of a broker that has just come back
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.REPLICA_NOT_AVAILABLE,
    }
)
