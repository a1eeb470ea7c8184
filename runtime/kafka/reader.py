"""Reads one partition from an offset to an end, once: recovery, campaigns' chunks, audits.

Promises: yields every committed record below the end, in order, then stops, also when the end is a transaction's
marker or when the last transaction was aborted; waits for a transaction that is still open; raises when nothing
moves for too long. Commits nothing. Blocks: run it in a thread.
"""

import time
from collections.abc import Iterator

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Message, TopicPartition

from runtime.kafka import config
from runtime.kafka.fetch import passing, take
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.settings import KafkaSettings

__all__ = ["BEGINNING", "ReadFailed", "begin_offsets", "end_offsets", "passing", "read_partition"]

BEGINNING = OFFSET_BEGINNING
BATCH = 1000
STALL_S = 60.0
_WAIT_S = 0.2


class ReadFailed(Exception):
    """The partition could not be read to its end; the text says where it stood and why."""


def read_partition(
    settings: KafkaSettings,
    topic: str,
    partition: int,
    start: int = BEGINNING,
    end: int | None = None,
    *,
    isolation: config.Isolation = "read_committed",
    stall_s: float = STALL_S,
) -> Iterator[Message]:
    """Records of offsets `start <= offset < end`.

    `end` None is where the partition ends now for a reader that sees open transactions too. A `start` that Kafka no
    longer keeps is ReadFailed (BEGINNING is always right); so is no progress for `stall_s`. Raises OffsetsUnavailable.
    """
    if end is None:
        end = end_offsets(settings, [(topic, partition)])[topic, partition]
    if start >= end or end == 0:
        return
    # A consumer that has to ask where the beginning is takes half a second for it.
    first = begin_offsets(settings, [(topic, partition)])[topic, partition] if start == BEGINNING else start
    if first >= end:
        return
    overrides = {
        "enable.partition.eof": True,
        # The first record may go after its offset was asked for: the beginning is then further on.
        "auto.offset.reset": "earliest" if start == BEGINNING else "error",
    }
    client = Consumer(config.consumer(settings, "relevo-reader", isolation, overrides))
    try:
        client.assign([TopicPartition(topic, partition, first)])
        yield from _until(client, f"{topic}/{partition}", first, end, stall_s)
    finally:
        client.close()


def _until(client: Consumer, name: str, start: int, end: int, stall_s: float) -> Iterator[Message]:
    position, moved = start, time.monotonic()
    while position < end:
        before = position
        for message in take(client, BATCH, _WAIT_S):
            error = message.error()
            if error is None:
                position = _offset(message) + 1
                if position <= end:
                    yield message
            elif error.code() == KafkaError._PARTITION_EOF:
                # Comes behind control records and aborted ones, which are never delivered themselves.
                position = max(position, _offset(message))
            else:
                _check(error, name, position, end)
        if position != before:
            moved = time.monotonic()
        elif time.monotonic() - moved > stall_s:
            raise ReadFailed(f"{name}: nothing moved for {stall_s:.0f} s at offset {position} of {end}")


def _offset(message: Message) -> int:
    offset = message.offset()
    return -1 if offset is None else offset


def _check(error: KafkaError, name: str, position: int, end: int) -> None:
    if not passing(error):
        raise ReadFailed(f"{name} at offset {position} of {end}: {error}")
