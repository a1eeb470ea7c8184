"""Where partitions begin, end, or stand at a transaction that hangs; where a time is; what a group has committed."""

import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka import admin as _admin
from confluent_kafka.admin import AdminClient

from runtime.kafka import config
from runtime.kafka.fetch import passing
from runtime.settings import KafkaSettings

Partition = tuple[str, int]

TIMEOUT_S = 15.0
_TRY_S = 2.0
_PAUSE_S = 0.05
_LOOK_S = 0.5
_MISSING = frozenset({KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION})
_SPEC: Any = vars(_admin)["OffsetSpec"]  # neither exported nor typed by the library


class OffsetsUnavailable(Exception):
    """Kafka did not say it in time; the text names partition and error."""


def end_offsets(
    settings: KafkaSettings,
    partitions: Iterable[Partition],
    *,
    committed: bool = False,
    timeout_s: float = TIMEOUT_S,
    client: AdminClient | None = None,
) -> dict[Partition, int]:
    """The offset after the last record of each partition, open transactions included.

    With `committed` the last stable offset: what a read_committed reader can reach now. Who asks often brings a
    `client`. Raises OffsetsUnavailable.
    """
    level = IsolationLevel.READ_COMMITTED if committed else IsolationLevel.READ_UNCOMMITTED
    return _listed(settings, partitions, _SPEC.latest(), level, timeout_s, client)


def begin_offsets(
    settings: KafkaSettings,
    partitions: Iterable[Partition],
    *,
    timeout_s: float = TIMEOUT_S,
    client: AdminClient | None = None,
) -> dict[Partition, int]:
    """The offset of the first record that is still kept, of each partition. Who asks often brings a `client`. Raises
    OffsetsUnavailable."""
    return _listed(settings, partitions, _SPEC.earliest(), IsolationLevel.READ_UNCOMMITTED, timeout_s, client)


def offsets_since(
    settings: KafkaSettings,
    partitions: Iterable[Partition],
    at_ms: int,
    *,
    timeout_s: float = TIMEOUT_S,
    client: AdminClient | None = None,
) -> dict[Partition, int]:
    """The offset of the first record that is not older than `at_ms`, by the time when it was written.

    A partition without such a record is left out. Who asks often brings a `client`. Raises OffsetsUnavailable.
    """
    spec = _SPEC.for_timestamp(max(at_ms, 0))
    found = _listed(settings, partitions, spec, IsolationLevel.READ_UNCOMMITTED, timeout_s, client)
    return {partition: offset for partition, offset in found.items() if offset >= 0}


def hanging(settings: KafkaSettings, topics: Iterable[str], for_s: float) -> dict[Partition, int]:
    """Where a transaction hangs: the offset at which read_committed readers stood for `for_s`, with more behind it.

    A topic that is not there is left out. Returns at once where no transaction is open, and as soon as each open one
    has ended. Raises OffsetsUnavailable, KafkaException.
    """
    client = AdminClient(config.admin(settings))
    there = client.list_topics(timeout=TIMEOUT_S).topics
    wanted = [(name, number) for name in topics if name in there for number in there[name].partitions]
    stands = end_offsets(settings, wanted, committed=True, client=client)
    ends = end_offsets(settings, wanted, client=client)
    stands = {partition: offset for partition, offset in stands.items() if offset < ends[partition]}
    deadline = time.monotonic() + for_s
    while stands and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
        now = end_offsets(settings, stands, committed=True, client=client)
        stands = {partition: offset for partition, offset in stands.items() if now[partition] == offset}
    return stands


def _listed(
    settings: KafkaSettings,
    partitions: Iterable[Partition],
    spec: Any,
    level: IsolationLevel,
    timeout_s: float,
    client: AdminClient | None = None,
) -> dict[Partition, int]:
    wanted = {TopicPartition(topic, number): spec for topic, number in partitions}
    client = client or AdminClient(config.admin(settings))
    deadline = time.monotonic() + timeout_s
    found: dict[Partition, int] = {}
    while wanted:
        left = max(deadline - time.monotonic(), 0.1)
        for partition, answer in client.list_offsets(wanted, isolation_level=level, request_timeout=left).items():
            try:
                found[partition.topic, partition.partition] = answer.result(left + 1).offset
                del wanted[partition]
            except KafkaException as failed:
                _may_wait(failed.args[0], f"{partition.topic}/{partition.partition}", deadline)
    return found


def _may_wait(error: KafkaError, what: str, deadline: float) -> None:
    """A partition may be without a leader for a moment: just created, or its broker just left."""
    if not passing(error) or error.code() in _MISSING or time.monotonic() > deadline:
        raise OffsetsUnavailable(f"{what}: {error}")
    time.sleep(_PAUSE_S)


def stable_committed(
    client: Consumer, partitions: Iterable[Partition], *, timeout_s: float = 60.0
) -> dict[Partition, int | None]:
    """What the client's group committed, None where nothing; waits while a transaction on the offsets is open.

    The client is read_committed (then Kafka refuses to answer while an offset is in doubt). Raises
    OffsetsUnavailable.
    """
    wanted = [TopicPartition(topic, number) for topic, number in partitions]
    deadline = time.monotonic() + timeout_s
    while wanted:
        try:
            answers = client.committed(wanted, min(_TRY_S, max(deadline - time.monotonic(), 0.1)))
            return _values(answers)
        except KafkaException as failed:
            error: KafkaError = failed.args[0]
            waiting = error.retriable() or error.code() in _PENDING
            if not waiting or time.monotonic() > deadline:
                open_still = f", for {timeout_s:.0f} s: a transaction on them may be open" if waiting else ""
                raise OffsetsUnavailable(f"committed offsets: {error}{open_still}") from failed
    return {}


_PENDING = frozenset({KafkaError._TIMED_OUT, KafkaError.UNSTABLE_OFFSET_COMMIT, KafkaError._WAIT_COORD})


def _values(answers: Iterable[TopicPartition]) -> dict[Partition, int | None]:
    found: dict[Partition, int | None] = {}
    for answer in answers:
        if answer.error is not None:
            raise KafkaException(answer.error)
        found[answer.topic, answer.partition] = answer.offset if answer.offset >= 0 else None
    return found
