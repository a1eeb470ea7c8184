"""People with two keys on a genuine Kafka: two workers, agents, all of them killed; then what is idle leaves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from threading import Event

import pytest
from confluent_kafka.admin import AdminClient

from processors.conversations.service import APP_ID
from processors.conversations.state import State, decode
from runtime.engine.chunk import Partition
from runtime.engine.recovery import Recovery
from runtime.kafka.config import admin
from sandbox.kafka import Broker
from schemas import inbound
from schemas.tenant import Line, Routing, Rule
from tests.builders.conversations import Source, ordered, posted, tenant
from tests.builders.people import message
from tests.builders.pipeline import PARTITIONS, Pipeline, killed, until

pytestmark = pytest.mark.timeout(240)
DID = "56911220001"
PEOPLE = range(16)
WISHES, HUMANS = (0, 1, 2, 3), (2, 3, 4, 5)
ODD_AGENT = "odd=tests.builders.odd_agents:odd"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A broker of its own, since the topics' names are the real ones."""
    with Broker() as broker:
        pipeline = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"), ("odd",))
        lines = [Line(did=DID, sends="main", templates="main")]
        pipeline.tenant(tenant(lines=lines, routing=Routing(route=[Rule(to="odd")])))
        yield pipeline
        pipeline.stop()


def phone(n: int) -> str:
    return f"5692244{n:04}"


def user(n: int) -> str:
    return f"CL.77{n:04}"


def said(n: int, event: int, *, by_phone: bool, by_user: bool) -> Source:
    sender, known_as = phone(n) if by_phone else "", user(n) if by_user else ""
    body = message(f"wamid.{n}.{event}", "x", sender=sender, user=known_as, did=DID)
    return posted(body, did=DID, contact=sender or known_as)


def order(kind: type[inbound.Command], n: int) -> Source:
    made = kind(id=f"{kind.__name__}{n}", tenant="acme", did=DID, contact=user(n), at_ms=1, by="isv")
    return ordered(made, did=DID, contact=user(n))


def first_half() -> list[Source]:
    """Each person writes by user id alone, then with both; a third comes twice."""
    alone = [said(n, event, by_phone=False, by_user=True) for event in (0, 1) for n in PEOPLE]
    orders = [order(inbound.OptOut, n) for n in WISHES] + [order(inbound.HandOff, n) for n in HUMANS]
    both = [said(n, 2, by_phone=True, by_user=True) for n in PEOPLE]
    return [*alone, *orders, *both, *alone[::3], *both[::3]]


def second_half() -> list[Source]:
    """Then by either; what came by user id alone at the very beginning comes again."""
    either = [said(n, event, by_phone=bool(event % 2), by_user=not event % 2) for event in range(3, 9) for n in PEOPLE]
    return [*either, *either[::3], *first_half()[:8]]


def owners(pipeline: Pipeline) -> int:
    """How many workers own partitions."""
    client = AdminClient(admin(pipeline.kafka))  # kept until it has answered
    group = client.describe_consumer_groups([APP_ID])[APP_ID].result(20)
    return sum(bool(member.assignment.topic_partitions) for member in group.members)


def states(pipeline: Pipeline) -> dict[str, State]:
    """What the changelog says now, by contact."""
    latest = {m.key(): m.value() for m in pipeline.read("conversations.state")}
    return {key.decode().split("|")[1]: decode(value) for key, value in latest.items() if value}  # type: ignore[union-attr, arg-type]


def accounted(pipeline: Pipeline) -> Counter[str]:
    """How often an event was given to the agent or noted as dropped, by its id."""
    records = [dict(m.headers() or []) for m in pipeline.read("agents.odd")]
    return Counter(h["id"].decode() for h in records if h["type"] in (b"event", b"dropped"))  # type: ignore[union-attr]


def test_one_person_with_two_keys_is_one_conversation_whoever_is_killed(pipeline: Pipeline) -> None:
    events = {f"wamid.{n}.{event}" for n in PEOPLE for event in range(9)}
    pipeline.feed(*first_half())
    agents = pipeline.agent(ODD_AGENT, "a0", "event_submitted=kill:30")
    killed(pipeline.conversations("c0", "chunk_processed=kill:3"))
    assert len(accounted(pipeline)) < 3 * len(PEOPLE), "it was killed in the middle"
    workers = [pipeline.conversations("c0"), pipeline.conversations("c1")]
    killed(agents)
    pipeline.agent(ODD_AGENT, "a0")
    until(lambda: owners(pipeline) == 2, "keys of one person with two owners")
    pipeline.feed(*second_half())
    until(lambda: set(accounted(pipeline)) == events, "all events", 90)
    until(lambda: len({one.cause for one in pipeline.replies(DID)} & events) >= answered(pipeline), "all answers")
    found = states(pipeline)
    assert set(accounted(pipeline).values()) == {1}
    assert {contact: one.alias for contact, one in found.items() if one.alias} == {user(n): phone(n) for n in PEOPLE}
    assert {n for n in PEOPLE if found[phone(n)].owner == "human"} == set(HUMANS)
    assert {n for n in PEOPLE if found[phone(n)].optout == []} == set(WISHES)
    wishes = {m.key(): m.value() is not None for m in pipeline.read("optouts")}
    assert wishes == {f"{DID}|{who(n)}".encode(): who is phone for n in WISHES for who in (phone, user)}
    replies = Counter(one.id for one in pipeline.replies(DID))
    assert set(replies.values()) == {1}
    assert not pipeline.read("inbound.conversations.dlq")
    assert not pipeline.read("agents.odd.dlq")
    for process in workers:
        process.terminate()
        assert process.wait(30) == 0


def answered(pipeline: Pipeline) -> int:
    """How many events the agent was given."""
    return len(pipeline.events("odd", DID))


def test_what_is_idle_leaves_without_traffic_and_is_not_recovered(pipeline: Pipeline) -> None:
    """Eight days later, by a worker's clock: the conversations end their aliases, and the wishes alone stay."""
    late = pipeline.conversations("c0", days_ahead=8)
    kept = {phone(n): State(optout=[], tenant="acme") for n in WISHES}
    until(lambda: states(pipeline) == kept, "only the wishes are left")
    late.terminate()
    assert late.wait(30) == 0
    tombstones = [m for m in pipeline.read("conversations.state") if m.value() is None]
    assert len(tombstones) >= 2 * len(PEOPLE) - len(WISHES)
    recovery = Recovery(pipeline.kafka, APP_ID, "conversations.state", stable_s=20, stall_s=20)
    source = [Partition("inbound.conversations", number) for number in range(PARTITIONS)]
    tables = recovery.restore(source, {}, Event()).tables
    assert {key for table in tables.values() for key in table} == {f"{DID}|{contact}".encode() for contact in kept}
    assert {m.key() for m in pipeline.read("optouts") if m.value()} >= {f"{DID}|{contact}".encode() for contact in kept}
