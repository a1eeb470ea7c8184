"""Fetched records, as they travel in chunks, and how aiokafka is brought to make them instead of its own.

aiokafka makes of each record an object with a dictionary and eleven fields, of which nobody here reads four. A plain
tuple costs a third of that, in time and in memory. What is parsed, checked and left out stays aiokafka's.
"""

from collections import OrderedDict
from typing import Any, NamedTuple

from aiokafka.consumer.fetcher import Fetcher, FetchResult


class Fetched(NamedTuple):
    """A `SourceRecord`."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


class _Results(OrderedDict[Any, Any]):
    """What the fetcher has got and nobody took yet, by partition: the place where each result passes before its
    records are made."""

    def __setitem__(self, tp: Any, result: Any) -> None:
        if isinstance(result, FetchResult):
            result._partition_records._consumer_record = _made
        super().__setitem__(tp, result)


def prepare(fetcher: Fetcher) -> None:
    """In the consumer's thread: what the fetcher gets from now on becomes `Fetched`. Called again, it does nothing."""
    if not isinstance(fetcher._records, _Results):
        got, fetcher._records = fetcher._records, _Results()
        for tp, result in got.items():
            fetcher._records[tp] = result


def _made(tp: Any, record: Any) -> Fetched:
    return Fetched(tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value, record.headers)
