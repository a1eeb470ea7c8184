"""Fetched records say what aiokafka's own say, whichever of its results they come from, asked however often."""

from collections import OrderedDict
from types import SimpleNamespace
from typing import Any, cast

from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchError, FetchResult, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from runtime.engine.fetched import Fetched, prepare

TP = TopicPartition("in", 3)
GIVEN: list[tuple[bytes | None, bytes | None, list[tuple[str, bytes]]]] = [
    (b"k", b"v", [("id", b"1"), ("type", b"webhook")]),
    (None, b"", []),
    (b"", None, [("h", b"")]),
]


def records(check_crcs: bool = True) -> PartitionRecords:
    """Three records at the offsets 0 to 2, as a broker sends them."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1 << 16)
    for offset, (key, value, headers) in enumerate(GIVEN):
        builder.append(offset, 1_700_000_000_000 + offset, key, value, headers)
    batch = MemoryRecords(bytes(builder.build()))
    return PartitionRecords(TP, batch, [], 0, None, None, check_crcs, READ_COMMITTED)


def result(partition_records: PartitionRecords) -> FetchResult:
    return FetchResult(TP, assignment=None, partition_records=partition_records, backoff=0)


def a_fetcher(**results: Any) -> Any:
    return SimpleNamespace(_records=OrderedDict(results))


def taken(fetcher: Any, name: str) -> list[Fetched]:
    return cast(list[Fetched], list(fetcher._records[name]._partition_records))


def test_a_fetched_record_says_what_aiokafka_would() -> None:
    fetcher = a_fetcher(before=result(records()))
    prepare(fetcher)
    fetcher._records["after"] = result(records())
    theirs = list(records())
    for ours in (taken(fetcher, "before"), taken(fetcher, "after")):
        assert [type(one) for one in ours] == [Fetched] * 3
        for name in Fetched._fields[:-1]:
            assert [getattr(one, name) for one in ours] == [getattr(one, name) for one in theirs]
        assert [tuple(one.headers) for one in ours] == [tuple(one.headers) for one in theirs]
    assert [(one.key, one.value, list(one.headers)) for one in theirs] == GIVEN


def test_a_second_call_changes_nothing_and_errors_pass() -> None:
    fetcher = a_fetcher()
    prepare(fetcher)
    results = fetcher._records
    prepare(fetcher)
    assert fetcher._records is results
    error = results["failed"] = FetchError(error=ValueError(), backoff=0)
    assert fetcher._records["failed"] is error
