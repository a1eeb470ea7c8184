"""Single records of a partition by their offsets, with one client for all of them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from runtime.kafka import config
from runtime.kafka.fetch import passing, take
from runtime.kafka.offsets import begin_offsets, end_offsets
from runtime.kafka.reader import ReadFailed
from runtime.settings import KafkaSettings

STALL_S = 20.0
# Offsets at most so far apart are read in one run: a fetch brings the records between them anyway.
RUN_GAP = 200
_BATCH = 500
_WAIT_S = 0.2


def pick(settings: KafkaSettings, topic: str, partition: int, offsets: Iterable[int]) -> dict[int, Message]:
    """The committed records at these offsets; one that Kafka keeps no longer (or never committed) is missing.

    Blocks. Raises ReadFailed when nothing moves for `STALL_S`, OffsetsUnavailable when Kafka does not say what is kept.
    """
    place = (topic, partition)
    wanted = sorted(set(offsets))
    if not wanted:
        return {}
    begin = begin_offsets(settings, [place])[place]
    end = end_offsets(settings, [place], committed=True)[place]
    kept = [offset for offset in wanted if begin <= offset < end]
    found: dict[int, Message] = {}
    own = {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
    client = Consumer(config.consumer(settings, "relevo-reader", overrides=own))
    try:
        for first, last in runs(kept):
            client.assign([TopicPartition(topic, partition, first)])
            for message in _run(client, f"{topic}/{partition}", last):
                found[message.offset() or 0] = message
    finally:
        client.close()
    return {offset: found[offset] for offset in kept if offset in found}


def runs(offsets: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ascending offsets as runs (first, last) without a gap wider than `RUN_GAP`."""
    first = last = -1
    for offset in offsets:
        if first >= 0 and offset - last > RUN_GAP:
            yield first, last
            first = -1
        first, last = (offset if first < 0 else first), offset
    if first >= 0:
        yield first, last


def _run(client: Consumer, name: str, last: int) -> Iterator[Message]:
    """Records from the client's position up to and with `last`; offsets between them may be holes."""
    moved = time.monotonic()
    while True:
        for message in take(client, _BATCH, _WAIT_S):
            moved = time.monotonic()
            error, offset = message.error(), message.offset() or 0
            if error is None:
                if offset <= last:
                    yield message
                if offset >= last:
                    return
            elif error.code() == KafkaError._PARTITION_EOF:
                if offset > last:
                    return
            elif not passing(error):
                raise ReadFailed(f"{name} before offset {last}: {error}")
        if time.monotonic() - moved > STALL_S:
            raise ReadFailed(f"{name}: nothing moved for {STALL_S:.0f} s before offset {last}")
