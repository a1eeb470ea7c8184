"""A topic may keep more than the catalogue asks, never less."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime import metrics
from runtime.kafka import topics as kafka_topics
from runtime.kafka.topics import Actual, compare, fits
from runtime.settings import KafkaSettings
from schemas.topics import EGRESS_JOURNAL, OUTBOUND_PARKED, PRODUCTION, TENANTS


@pytest.mark.parametrize(
    ("name", "expected", "actual", "fit"),
    [
        ("cleanup.policy", "compact,delete", "delete,compact", True),
        ("cleanup.policy", "delete", "compact", False),
        ("cleanup.policy", "delete", "compact,delete", False),
        ("retention.ms", "1000", "-1", True),
        ("retention.ms", "-1", "1000", False),
        ("retention.ms", "-1", "-1", True),
        ("max.message.bytes", "4194304", "-1", False),
        ("min.insync.replicas", "2", "", False),
        ("unclean.leader.election.enable", "false", "true", False),
    ],
)
def test_what_fits(name: str, expected: str, actual: str, fit: bool) -> None:
    assert fits(name, expected, actual) is fit


@given(st.integers(0, 10**12), st.integers(0, 10**12))
def test_numbers_fit_when_they_are_not_less(expected: int, actual: int) -> None:
    assert fits("retention.ms", str(expected), str(actual)) is (actual >= expected)


def test_every_difference_says_what_to_do() -> None:
    found = compare(EGRESS_JOURNAL, PRODUCTION, Actual(4, 1, {"cleanup.policy": "delete"}))
    assert [m.field for m in found] == [
        "partitions",
        "replication",
        "cleanup.policy",
        "retention.ms",
        "max.message.bytes",
        "min.insync.replicas",
    ]
    assert all(m.advice and m.topic == "egress.journal" for m in found)
    assert [m.fixable for m in found] == [False, False, True, True, True, True]
    assert str(found[0]).startswith("egress.journal: partitions is 4, must be 64; keys would move")


def test_a_service_shows_how_long_its_topics_keep_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topics, "check", lambda settings, wanted: [])
    kafka_topics.require(KafkaSettings(), [OUTBOUND_PARKED, TENANTS])
    gauge = metrics.gauge(metrics.KAFKA_RETENTION_SECONDS)
    assert metrics.PROCESS.value(metrics.KAFKA_RETENTION_SECONDS, topic="outbound.parked") == 30 * 86_400
    assert ("tenants",) not in gauge.series()


def test_a_service_shows_how_many_partitions_its_topics_have(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_topics, "check", lambda settings, wanted: [])
    kafka_topics.require(KafkaSettings(profile="production"), [OUTBOUND_PARKED, TENANTS])
    shown = [
        metrics.PROCESS.value(metrics.KAFKA_TOPIC_PARTITIONS, topic=name) for name in ("outbound.parked", "tenants")
    ]
    assert shown == [64, TENANTS.count(PRODUCTION)]
