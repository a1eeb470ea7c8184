"""Single records of a partition by their offsets, with one client for all of them.

A `Picker` keeps its client: starting one costs as much as reading thousands of records.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient

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
    """What a `Picker` finds that is asked once."""
    picker = Picker(settings)
    try:
        return picker.pick(topic, partition, offsets)
    finally:
        picker.close()


class Picker:
    """Reads single records, from any thread, one after the other. It connects when it is first asked."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._turn = threading.Lock()
        self._clients: tuple[Consumer, AdminClient] | None = None

    def pick(self, topic: str, partition: int, offsets: Iterable[int]) -> dict[int, Message]:
        """The committed records at these offsets; one that Kafka keeps no longer (or never committed) is missing.

        Blocks. Raises ReadFailed when nothing moves for `STALL_S`, OffsetsUnavailable when Kafka does not say what is
        kept.
        """
        wanted = sorted(set(offsets))
        if not wanted:
            return {}
        with self._turn:
            try:
                return self._read(topic, partition, wanted)
            except BaseException:
                self._end()  # whatever is wrong with the clients, new ones do not have it
                raise

    def _read(self, topic: str, partition: int, wanted: list[int]) -> dict[int, Message]:
        place, name = (topic, partition), f"{topic}/{partition}"
        client, admin = self._clients = self._clients or self._connect()
        begin = begin_offsets(self._settings, [place], client=admin)[place]
        end = end_offsets(self._settings, [place], committed=True, client=admin)[place]
        kept = dict.fromkeys(offset for offset in wanted if begin <= offset < end)
        found: dict[int, Message] = {}
        for first, last in runs(kept):
            client.assign([TopicPartition(topic, partition, first)])
            for message in _run(client, name, last):
                offset = message.offset() or 0
                if offset in kept:  # others stand between them
                    found[offset] = message
        client.unassign()  # or it would go on fetching
        return found

    def _connect(self) -> tuple[Consumer, AdminClient]:
        own = {"enable.partition.eof": True, "auto.offset.reset": "earliest"}
        reader = Consumer(config.consumer(self._settings, "relevo-reader", overrides=own))
        return reader, AdminClient(config.admin(self._settings))

    def close(self) -> None:
        """Waits for what is being read."""
        with self._turn:
            self._end()

    def _end(self) -> None:
        clients, self._clients = self._clients, None
        if clients is not None:
            clients[0].close()


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
