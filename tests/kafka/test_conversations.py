"""Conversations on a genuine Kafka: each event once whatever is killed, poison aside, everything accounted for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from sandbox.kafka import Broker
from schemas.dead_letter import Cause
from schemas.tenant import Line
from tests.builders.conversations import Source, posted, record, tenant
from tests.builders.pipeline import Pipeline, killed, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(240)
CONTACTS = [f"5692222{i:04}" for i in range(20)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A broker of its own, since the topics' names are the real ones."""
    with Broker() as broker:
        pipeline = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"))
        yield pipeline
        pipeline.stop()


@pytest.fixture
def did(pipeline: Pipeline, request: pytest.FixtureRequest) -> str:
    """A line of the test's own."""
    number = str(56_900_000_000 + abs(hash(request.node.name)) % 10**8)
    lines = [Line(did=number, sends="main", templates="main")]
    pipeline.tenant(tenant(also=["echo"], lines=lines))
    return number


def said(did: str, number: int) -> Source:
    """Message `number`, from one of the contacts."""
    contact = CONTACTS[number % len(CONTACTS)]
    value = cloud_value(did=did, messages=[cloud_text(str(number), wamid=f"wamid.{number}", sender=contact)])
    return posted(cloud(value), did=did, contact=contact)


def test_each_event_arrives_once_and_in_order_though_the_process_is_killed(pipeline: Pipeline, did: str) -> None:
    sent = 900
    batch = [said(did, number) for number in range(sent)]
    doubled = [one for i, one in enumerate(batch) for one in ([one, one] if i % 10 == 0 else [one])]
    pipeline.feed(*doubled, *batch[:60])
    for nth in (5, 9, 13):
        killed(pipeline.conversations(points=f"chunk_processed=kill:{nth}"))
        assert len(pipeline.events("menu", did)) < sent, "it was killed in the middle"
    process = pipeline.conversations()
    until(lambda: len(pipeline.events("menu", did)) >= sent, "all events")
    for agent in ("menu", "echo"):
        events = pipeline.events(agent, did)
        assert Counter(one.id for one in events) == Counter(f"wamid.{n}" for n in range(sent))
        for contact in CONTACTS:
            order = [int(one.id.removeprefix("wamid.")) for one in events if one.contact == contact]
            assert order == sorted(order)
    process.terminate()
    assert process.wait(30) == 0


def test_poison_is_kept_with_its_cause_and_the_others_go_on(pipeline: Pipeline, did: str) -> None:
    process = pipeline.conversations()
    contact = CONTACTS[0]
    broken = record(b"\xff{", "webhook", did=did, contact=contact)
    foreign = said("56999999999", 3)
    pipeline.feed(said(did, 0), broken, foreign, said(did, len(CONTACTS)))
    until(lambda: len(pipeline.events("menu", did)) == 2, "both good events")
    until(lambda: len(pipeline.read("inbound.conversations.dlq")) >= 2, "both dead letters")
    letters = {Cause.from_headers(m.headers()).reason: m for m in pipeline.read("inbound.conversations.dlq")}
    assert set(letters) == {"not_json", "unknown_line"}
    assert letters["not_json"].value() == broken.value
    assert letters["not_json"].key() == broken.key
    process.terminate()
    assert process.wait(30) == 0


def test_a_line_that_was_added_just_now_is_waited_for(pipeline: Pipeline, did: str) -> None:
    process = pipeline.conversations()
    pipeline.feed(said(did, 1))
    until(lambda: len(pipeline.events("menu", did)) == 1, "that it works")
    new = str(int(did) + 1)
    pipeline.feed(said(new, 1))
    pipeline.tenant(tenant(lines=[Line(did=one, sends="main", templates="main") for one in (did, new)]))
    until(lambda: len(pipeline.events("menu", new)) == 1, "the new line's event")
    process.terminate()
    assert process.wait(30) == 0
