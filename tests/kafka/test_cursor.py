"""A cursor reads on from where it was placed, each record once, whatever comes to it or goes."""

from __future__ import annotations

import time
from collections.abc import Callable

from confluent_kafka import Producer

from runtime.kafka.cursor import Cursor
from runtime.settings import KafkaSettings

MakeTopic = Callable[..., str]


def read(cursor: Cursor, count: int) -> list[tuple[int, bytes]]:
    """So many records, by partition; the rest of what there is shows up as too many."""
    found: list[tuple[int, bytes]] = []
    deadline = time.monotonic() + 20
    while len(found) < count and time.monotonic() < deadline:
        found += [(m.partition() or 0, bytes(m.value() or b"")) for m in cursor.read(3, 0.2)]  # type: ignore[arg-type]
    return sorted(found)


def test_a_cursor_goes_on_where_it_was_when_another_partition_comes(broker: str, make_topic: MakeTopic) -> None:
    name = make_topic(partitions=2)
    client = Producer({"bootstrap.servers": broker, "transactional.id": f"{name}-writer", "log_level": 0})
    client.init_transactions(30)
    for turn in range(4):
        client.begin_transaction()
        for partition in (0, 1):
            client.produce(name, b"%d" % turn, partition=partition)
        client.flush(10)
        (client.abort_transaction if turn == 1 else client.commit_transaction)(10)
    cursor = Cursor(KafkaSettings(bootstrap=broker))
    assert (cursor.placed, cursor.read(5, 0)) == (False, [])
    cursor.place({(name, 0): 0})
    assert read(cursor, 3) == [(0, b"0"), (0, b"2"), (0, b"3")], "what was aborted is nothing"
    cursor.place({(name, 0): 0, (name, 1): 4})
    assert read(cursor, 2) == [(1, b"2"), (1, b"3")]
    cursor.place({(name, 1): 0})
    client.begin_transaction()
    for partition in (0, 1):
        client.produce(name, b"new", partition=partition)
    client.commit_transaction(10)
    client.close()
    assert read(cursor, 1) == [(1, b"new")], "the other one is not read any more"
    cursor.close()
    assert (cursor.placed, cursor.read(5, 0)) == (False, [])
    cursor.place({(name, 0): 8})
    assert read(cursor, 1) == [(0, b"new")]
    cursor.close()
