"""Small things of the engine, for its unit tests."""

from collections.abc import Iterable
from typing import NamedTuple

from runtime.engine.chunk import Chunk, Partition

TP = Partition("source", 3)


class ARecord(NamedTuple):
    offset: int
    key: bytes | None = b"key"
    value: bytes | None = b"value"
    topic: str = TP.topic
    partition: int = TP.partition
    timestamp: int = 1_700_000_000_000
    headers: tuple[tuple[str, bytes], ...] = ()


def a_chunk(offsets: Iterable[int], previous_end: int = 0, epoch: int = 1) -> Chunk:
    return Chunk(TP, [ARecord(offset) for offset in offsets], previous_end=previous_end, epoch=epoch, fetched_s=1.0)
