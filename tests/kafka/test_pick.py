"""Single records by offset: those that are kept, whatever lies between them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import TopicPartition

from runtime.kafka.pick import pick, runs
from runtime.settings import KafkaSettings

MakeTopic = Callable[..., str]


def test_offsets_are_read_in_runs() -> None:
    assert list(runs([])) == []
    assert list(runs([3, 4, 9, 500, 501, 10_000])) == [(3, 9), (500, 501), (10_000, 10_000)]


@pytest.fixture
def topic(broker: str, make_topic: MakeTopic, topic_names: Callable[[str], str]) -> str:
    """2,000 records in transactions of 10, every third one aborted: each ends with a control record."""
    name = make_topic()
    client = Producer({"bootstrap.servers": broker, "transactional.id": topic_names("writer"), "log_level": 0})
    client.init_transactions(30)
    for turn in range(200):
        client.begin_transaction()
        for n in range(10):
            client.produce(name, f"{turn}-{n}".encode(), partition=0)
        client.flush(10)
        (client.abort_transaction if turn % 3 == 2 else client.commit_transaction)(10)
    client.close()
    return name


def test_the_committed_records_at_these_offsets_and_nothing_else(broker: str, topic: str, admin: AdminClient) -> None:
    settings = KafkaSettings(bootstrap=broker)
    found = pick(settings, topic, 0, [0, 5, 10, 11, 25, 1100, 2199, 5000])
    # 10 is a control record, 25 was aborted, 2199 is the last control record, 5000 is not there yet.
    values = {offset: message.value() for offset, message in found.items()}
    assert values == {0: b"0-0", 5: b"0-5", 11: b"1-0", 1100: b"100-0"}
    admin.delete_records([TopicPartition(topic, 0, 6)])[TopicPartition(topic, 0, 6)].result(10)
    assert sorted(pick(settings, topic, 0, [0, 5, 6, 11])) == [6, 11]
    assert pick(settings, topic, 0, []) == {}
