"""The topics of the cluster against the catalogue: what differs, and making it so.

Partition counts and replication are never changed here (a new count would move keys); settings are, and missing
topics are created. A topic may keep more than the catalogue asks (retention, message size, in-sync replicas), never
less. Blocks.
"""

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from runtime import metrics
from runtime.kafka import config, mock
from runtime.settings import KafkaSettings
from schemas.topics import PROFILES, Profile, Topic

TIMEOUT_S = 30.0
T = TypeVar("T")

# Settings that a service relies on; the others of the catalogue are applied but not insisted on.
_AT_LEAST = ("retention.ms", "max.message.bytes", "min.insync.replicas")
_CHECKED = ("cleanup.policy", *_AT_LEAST)
_FIXABLE = "run `relevo topics apply`"


@dataclass(frozen=True)
class Mismatch:
    """One thing in which a topic is not as the catalogue says; `fixable` by apply."""

    topic: str
    field: str
    expected: str
    actual: str
    advice: str
    fixable: bool

    def __str__(self) -> str:
        return f"{self.topic}: {self.field} is {self.actual}, must be {self.expected}; {self.advice}"


@dataclass(frozen=True)
class Change:
    """One thing that apply did: `created` a topic, or `set` a setting."""

    topic: str
    action: str
    detail: str


class TopicMismatch(Exception):
    """The cluster's topics are not those of the catalogue; a service must not start."""

    def __init__(self, mismatches: Sequence[Mismatch]) -> None:
        super().__init__("\n".join(["the topics are not as the catalogue says:", *(f"  {m}" for m in mismatches)]))
        self.mismatches = tuple(mismatches)


@dataclass(frozen=True)
class Actual:
    """What the cluster has of a topic."""

    partitions: int
    replication: int
    config: dict[str, str]


def check(settings: KafkaSettings, topics: Iterable[Topic]) -> list[Mismatch]:
    """Every mismatch, missing topics first. Raises KafkaException when the cluster does not answer."""
    wanted = list(topics)
    if mock.is_mock(settings):
        mock.touch(settings, wanted)
        return []
    return _compared(wanted, _describe(_client(settings), wanted), PROFILES[settings.profile])


def require(settings: KafkaSettings, topics: Iterable[Topic]) -> None:
    """For services at start. Raises TopicMismatch that names every mismatch and what to do."""
    wanted = list(topics)
    mismatches = check(settings, wanted)
    if mismatches:
        raise TopicMismatch(mismatches)
    profile = PROFILES[settings.profile]
    for topic in wanted:
        metrics.gauge(metrics.KAFKA_TOPIC_PARTITIONS).labels(topic=topic.name).set(topic.count(profile))
        if topic.cleanup == "delete" and topic.retention_ms > 0:
            metrics.gauge(metrics.KAFKA_RETENTION_SECONDS).labels(topic=topic.name).set(topic.retention_ms / 1000)


def apply(settings: KafkaSettings, topics: Iterable[Topic]) -> list[Change]:
    """Creates what is missing and sets what differs; running it again changes nothing.

    Raises TopicMismatch, and then has changed nothing, when a partition count or replication differs.
    """
    wanted = list(topics)
    if mock.is_mock(settings):
        mock.touch(settings, wanted)
        return []
    profile = PROFILES[settings.profile]
    client = _client(settings)
    actual = _describe(client, wanted)
    stuck = [mismatch for mismatch in _compared(wanted, actual, profile) if not mismatch.fixable]
    if stuck:
        raise TopicMismatch(stuck)
    missing = [topic for topic in wanted if topic.name not in actual]
    _create(client, missing, profile)
    return [
        *(Change(topic.name, "created", f"{topic.count(profile)} partitions") for topic in missing),
        *_configure(client, [topic for topic in wanted if topic.name in actual], actual, profile),
    ]


def _client(settings: KafkaSettings) -> AdminClient:
    return AdminClient(config.admin(settings))


def _compared(topics: Sequence[Topic], actual: dict[str, Actual], profile: Profile) -> list[Mismatch]:
    missing = [_missing(topic, profile) for topic in topics if topic.name not in actual]
    found = [(topic, actual[topic.name]) for topic in topics if topic.name in actual]
    return missing + [mismatch for topic, has in found for mismatch in compare(topic, profile, has)]


def _missing(topic: Topic, profile: Profile) -> Mismatch:
    expected = f"there with {topic.count(profile)} partitions"
    return Mismatch(topic.name, "topic", expected, "missing", _FIXABLE, fixable=True)


def compare(topic: Topic, profile: Profile, actual: Actual) -> list[Mismatch]:
    """What differs between the catalogue's topic and the cluster's."""
    found = []
    count = topic.count(profile)
    if actual.partitions != count:
        advice = (
            "keys would move to other partitions, so it cannot be changed in place: make a new topic and copy, "
            "or set RELEVO_KAFKA_PROFILE to the profile of this cluster"
        )
        found.append(Mismatch(topic.name, "partitions", str(count), str(actual.partitions), advice, fixable=False))
    if actual.replication < profile.replication:
        advice = "reassign its partitions to more brokers (kafka-reassign-partitions)"
        expected = f"at least {profile.replication}"
        found.append(Mismatch(topic.name, "replication", expected, str(actual.replication), advice, fixable=False))
    expected_config = topic.config(profile)
    for name in _CHECKED:
        expected, has = expected_config[name], actual.config.get(name, "")
        if not fits(name, expected, has):
            shown = f"at least {expected}" if name in _AT_LEAST else expected
            found.append(Mismatch(topic.name, name, shown, has or "not set", _FIXABLE, fixable=True))
    return found


def fits(name: str, expected: str, actual: str) -> bool:
    """Whether a setting's value will do: the same, or more of what must not be less."""
    if name == "cleanup.policy":
        return set(expected.split(",")) == set(actual.split(","))
    if name not in _AT_LEAST:
        return expected == actual
    try:
        has, needs = int(actual), int(expected)
    except ValueError:
        return False
    unlimited = name == "retention.ms" and has == -1
    return unlimited or (needs != -1 and has >= needs) or has == needs


def _describe(client: AdminClient, topics: Sequence[Topic]) -> dict[str, Actual]:
    """The topics that exist, by name."""
    present = client.list_topics(timeout=TIMEOUT_S).topics
    wanted = dict.fromkeys(topic.name for topic in topics)  # librdkafka cannot read an answer that names one twice
    names = [name for name in wanted if name in present and present[name].error is None]
    resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
    answers = client.describe_configs(resources, request_timeout=TIMEOUT_S) if resources else {}
    configs = {resource.name: _values(_result(answer)) for resource, answer in answers.items()}
    return {name: _actual(present[name].partitions, configs[name]) for name in names}


def _values(entries: dict[str, ConfigEntry]) -> dict[str, str]:
    return {name: entry.value for name, entry in entries.items() if entry.value is not None}


def _actual(partitions: dict[int, Any], values: dict[str, str]) -> Actual:
    return Actual(len(partitions), min(len(partition.replicas) for partition in partitions.values()), values)


def _create(client: AdminClient, topics: Sequence[Topic], profile: Profile) -> None:
    new = [
        NewTopic(
            topic.name,
            num_partitions=topic.count(profile),
            replication_factor=profile.replication,
            config=topic.config(profile),
        )
        for topic in topics
    ]
    if not new:
        return
    for answer in client.create_topics(new, operation_timeout=TIMEOUT_S).values():
        _created(answer)
    _wait_until_led(client, {topic.name for topic in topics}, time.monotonic() + TIMEOUT_S)


def _created(answer: "Future[None]") -> None:
    try:
        _result(answer)
    except KafkaException as failed:
        # Someone else applies the same catalogue right now.
        if failed.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def _wait_until_led(client: AdminClient, names: set[str], deadline: float) -> None:
    """A created topic takes records only when its partitions have leaders."""
    while True:
        topics = client.list_topics(timeout=TIMEOUT_S).topics
        parts = [p for name in names if name in topics for p in topics[name].partitions.values()]
        if names <= topics.keys() and all(part.leader >= 0 for part in parts):
            return
        if time.monotonic() > deadline:
            raise KafkaException(KafkaError(KafkaError.LEADER_NOT_AVAILABLE, "new topics have no leaders yet"))
        time.sleep(0.05)


def _configure(
    client: AdminClient, topics: Sequence[Topic], actual: dict[str, Actual], profile: Profile
) -> list[Change]:
    resources, changes = [], []
    for topic in topics:
        has = actual[topic.name].config
        wrong = [(n, value) for n, value in topic.config(profile).items() if not fits(n, value, has.get(n, ""))]
        if wrong:
            entries = [ConfigEntry(n, value, incremental_operation=AlterConfigOpType.SET) for n, value in wrong]
            resources.append(ConfigResource(ResourceType.TOPIC, topic.name, incremental_configs=entries))
            changes += [Change(topic.name, "set", f"{n}={value} (was {has.get(n)})") for n, value in wrong]
    answers = client.incremental_alter_configs(resources, request_timeout=TIMEOUT_S) if resources else {}
    for answer in answers.values():
        _result(answer)
    return changes


def _result(answer: "Future[T]") -> T:
    return answer.result(TIMEOUT_S + 1)
