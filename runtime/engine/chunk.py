"""A chunk: consecutive records of one partition that travel through Faust as one message.

Faust's cost is per message; a chunk of up to some hundreds of records pays it once. A chunk knows the end of the
one fetched before it, which lets the lane prove that nothing between was lost, doubled or swapped.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol


class Partition(NamedTuple):
    """A topic and a partition number; equal to Faust's and aiokafka's own tuples of the two."""

    topic: str
    partition: int


class SourceRecord(Protocol):
    """A record as fetched: offset in its partition, timestamp in ms, key, value and headers in bytes."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Chunk:
    """Records of one partition, in order. `first` and `end` are offsets, `end` is one past the last record.

    `previous_end` is the `end` of the chunk fetched before it, or where reading began. Offsets inside may have
    holes (control records, aborted or compacted records). `fetched_s` is monotonic.
    """

    __slots__ = ("end", "epoch", "fetched_s", "first", "previous_end", "records", "tp")

    def __init__(
        self,
        tp: Partition,
        records: Sequence[SourceRecord],
        *,
        previous_end: int,
        epoch: int = 0,
        fetched_s: float = 0.0,
    ) -> None:
        self.tp = tp
        self.records = records
        self.first = records[0].offset
        self.end = records[-1].offset + 1
        self.previous_end = previous_end
        self.epoch = epoch
        self.fetched_s = fetched_s

    def __iter__(self) -> Iterator[SourceRecord]:
        return iter(self.records)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"Chunk({self.tp.topic}-{self.tp.partition} {self.first}..{self.end} after {self.previous_end})"


def cut(
    tp: Partition,
    records: Sequence[SourceRecord],
    limit: int,
    *,
    previous_end: int,
    epoch: int,
    fetched_s: float,
) -> Iterator[Chunk]:
    """Chunks of at most `limit` records, each knowing the end of the one before."""
    for start in range(0, len(records), limit):
        part = records[start : start + limit]
        yield Chunk(tp, part, previous_end=previous_end, epoch=epoch, fetched_s=fetched_s)
        previous_end = part[-1].offset + 1
