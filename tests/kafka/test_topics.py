"""The catalogue against a genuine cluster: what is missing is made, what differs is told, keys never move."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient

from runtime.kafka import topics
from runtime.kafka.topics import Change, TopicMismatch
from runtime.settings import KafkaSettings
from schemas.topics import LAPTOP, OUTBOUND_REPLIES, TENANTS, Topic, catalogue

Names = Callable[[str], str]


@pytest.fixture
def settings(broker: str) -> KafkaSettings:
    return KafkaSettings(bootstrap=broker)


def named(topic: Topic, name: str, **changes: Any) -> Topic:
    return msgspec.structs.replace(topic, name=name, **changes)


def test_the_whole_catalogue_is_made_and_then_fits(settings: KafkaSettings, topic_names: Names) -> None:
    wanted = [named(topic, topic_names(name)) for name, topic in catalogue(("menu",)).items()]
    missing = topics.check(settings, wanted)
    assert {m.topic for m in missing} == {topic.name for topic in wanted}
    assert {m.actual for m in missing} == {"missing"}
    changes = topics.apply(settings, wanted)
    assert [change.action for change in changes] == ["created"] * len(wanted)
    assert topics.check(settings, wanted) == []
    topics.require(settings, wanted)
    assert topics.apply(settings, wanted) == []


def test_a_created_topic_takes_records_at_once(settings: KafkaSettings, topic_names: Names) -> None:
    topic = named(TENANTS, topic_names("tenants"))
    topics.apply(settings, [topic])
    producer = Producer({"bootstrap.servers": settings.bootstrap, "retries": 0})
    failures: list[object] = []
    producer.produce(topic.name, b"value", b"key", on_delivery=lambda error, _: failures.append(error))
    assert producer.flush(10) == 0
    assert failures == [None]


def test_another_partition_count_is_told_and_never_changed(
    settings: KafkaSettings, admin: AdminClient, topic_names: Names
) -> None:
    topic = named(OUTBOUND_REPLIES, topic_names("replies"))
    topics.apply(settings, [named(topic, topic.name, partitions=3)])
    [mismatch] = topics.check(settings, [topic])
    assert (mismatch.field, mismatch.expected, mismatch.actual, mismatch.fixable) == ("partitions", "4", "3", False)
    fresh = named(topic, topic_names("fresh"))
    with pytest.raises(TopicMismatch, match="partitions is 3, must be 4; keys would move"):
        topics.apply(settings, [topic, fresh])
    assert fresh.name not in admin.list_topics(timeout=10).topics
    with pytest.raises(TopicMismatch, match=r"(?s)missing.*topics apply.*partitions"):
        topics.require(settings, [topic, fresh])


def test_settings_that_differ_are_told_and_set(settings: KafkaSettings, topic_names: Names) -> None:
    topic = named(OUTBOUND_REPLIES, topic_names("replies"))
    other = named(topic, topic.name, cleanup="compact", retention_ms=1000)
    topics.apply(settings, [other])
    told = {m.field: (m.expected, m.actual) for m in topics.check(settings, [topic])}
    week = str(7 * 86_400_000)
    assert told == {"cleanup.policy": ("delete", "compact"), "retention.ms": (f"at least {week}", "1000")}
    changes = topics.apply(settings, [topic])
    assert Change(topic.name, "set", f"retention.ms={week} (was 1000)") in changes
    assert topics.check(settings, [topic]) == []


def test_longer_retention_is_nobodys_mistake(settings: KafkaSettings, topic_names: Names) -> None:
    topic = named(OUTBOUND_REPLIES, topic_names("replies"))
    topics.apply(settings, [named(topic, topic.name, retention_ms=topic.retention_ms * 2)])
    assert topics.check(settings, [topic]) == []


def test_a_laptop_is_no_production_cluster(broker: str, settings: KafkaSettings, topic_names: Names) -> None:
    topic = named(OUTBOUND_REPLIES, topic_names("replies"))
    topics.apply(settings, [topic])
    production = KafkaSettings(bootstrap=broker, profile="production")
    fields = [m.field for m in topics.check(production, [topic])]
    assert fields == ["partitions", "replication", "min.insync.replicas"]
    assert LAPTOP.name == settings.profile
