"""One genuine broker for the whole run, and topics of one's own in it.

`RELEVO_TEST_KAFKA=host:port` uses a broker that already runs. Tests that stop or kill a broker start their
own.
"""

import os
import uuid
from collections.abc import Callable, Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from sandbox.kafka import Broker
from tests.builders import nursery

MakeTopic = Callable[..., str]


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """The bootstrap address of a genuine Kafka. Most who ask for it start services, too."""
    nursery.own()
    running = os.environ.get("RELEVO_TEST_KAFKA")
    if running:
        yield running
        return
    with Broker() as started:
        yield started.bootstrap


@pytest.fixture(scope="session")
def admin(broker: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker})


@pytest.fixture
def topic_names() -> Callable[[str], str]:
    """Names that no other test has: `topic_names("journal")`."""
    run = uuid.uuid4().hex[:8]
    return lambda name: f"{name}-{run}"


@pytest.fixture
def make_topic(admin: AdminClient, topic_names: Callable[[str], str]) -> MakeTopic:
    """Creates a topic of the test's own and returns its name: `make_topic("journal", partitions=2, **config)`."""

    def make(name: str = "topic", partitions: int = 1, **config: str) -> str:
        topic = topic_names(name)
        settings = {key.replace("_", "."): value for key, value in config.items()}
        new = NewTopic(topic, num_partitions=partitions, replication_factor=1, config=settings)
        admin.create_topics([new])[topic].result(30)
        return topic

    return make
