"""Agents on a genuine Kafka: a bad deployment keeps its topic, a tenant that hangs holds up no other, a rebalance waits
for what was begun."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Message, TopicPartition

from runtime.engine import Exit
from runtime.kafka.record import Record
from sandbox.kafka import Broker
from schemas import content as c
from schemas import keys
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Facts, InboundEvent
from schemas.record import encode
from schemas.session import Text
from schemas.tenant import Line, Routing, Rule
from tests.builders.conversations import tenant
from tests.builders.pipeline import PARTITIONS, Pipeline, until

pytestmark = pytest.mark.timeout(120)
BROKEN, MENDED = "odd=tests.builders.guard_agents:broken", "odd=tests.builders.guard_agents:mended"
ODD = "odd=tests.builders.odd_agents:odd"
TOPIC, LETTERS = "agents.odd", "agents.odd.dlq"
LINES = {"acme": "56911120001", "globex": "56911120002"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """Two tenants, all of whose events go to one agent; events are written to its topic."""
    with Broker() as broker:
        pipeline = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"), agents=("odd",))
        for name, did in LINES.items():
            lines = [Line(did=did, sends="main", templates="main")]
            pipeline.tenant(tenant(tenant=name, lines=lines, routing=Routing(route=[Rule(to="odd")])))
        yield pipeline
        pipeline.stop()


def said(owner: str, contact: int, text: str, event_id: str) -> Record:
    """An event as conversations would write it."""
    did, person = LINES[owner], str(56_922_000_000 + contact)
    event = InboundEvent(
        id=event_id,
        tenant=owner,
        did=did,
        contact=person,
        reply_to=person,
        kind="message",
        at_ms=1,
        content=c.Text(body=text),
        facts=Facts(window_expires_ms=2**52),
    )
    key = keys.conversation(did, person).encode()
    headers = Headers(id=event_id, type="event", tenant=owner, at_ms=1, did=did, contact=person).to_kafka()
    return Record(TOPIC, encode(event), key, headers, keys.partition(key, PARTITIONS))


def everywhere(owner: str, first: int, text: str, name: str) -> list[Record]:
    """An event in each partition, of a conversation each."""
    found: dict[int, Record] = {}
    for contact in range(first, first + 1000):
        record = said(owner, contact, text, f"{name}{contact}")
        found.setdefault(record.partition, record)
    assert len(found) == PARTITIONS
    return list(found.values())


def answers(pipeline: Pipeline, owner: str) -> list[str]:
    """What was said on the tenant's line."""
    return [one.content.body for one in pipeline.replies(LINES[owner]) if isinstance(one.content, Text)]


def letters(pipeline: Pipeline, *records: Record) -> dict[bytes, Message]:
    """The letters of these records' conversations, each with the bytes of its record."""
    values = {record.key: record.value for record in records}
    found = {m.key(): m for m in pipeline.read(LETTERS) if m.key() in values}
    assert all(message.value() == values[key] for key, message in found.items())
    return found  # type: ignore[return-value]


def said_in(message: Message) -> bytes:
    value = message.value()
    return value if isinstance(value, bytes) else b""


def written_s(message: Message) -> float:
    """When a record was written."""
    return message.timestamp()[1] / 1000


def logged_s(log: Path, text: str) -> float:
    """When a line of a log was written that contains the text."""
    line = next(line for line in log.read_text().splitlines() if text in line)
    found = re.search(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line)
    assert found
    return datetime.fromisoformat(found[0]).timestamp()


def committed(pipeline: Pipeline) -> int:
    """Offsets that the agents' group has committed."""
    client = Consumer({"bootstrap.servers": pipeline.kafka.bootstrap, "group.id": "relevo-agents-odd"})
    try:
        found = client.committed([TopicPartition(TOPIC, number) for number in range(PARTITIONS)], timeout=20)
    finally:
        client.close()
    return sum(max(one.offset, 0) for one in found)


def ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    assert process.wait(30) == 0


def test_a_bad_deployment_stops_with_the_topic_kept_and_the_mended_one_takes_all_the_rest(pipeline: Pipeline) -> None:
    fed = [said(owner, n, f"{n}", f"{owner}-{n}-{turn}") for turn in (1, 2) for n in range(100) for owner in LINES]
    pipeline.write(*fed)
    stopped = pipeline.agent(BROKEN, "g0", dead_letter_conversations="20", dead_letter_stand_s="0.2")
    assert stopped.wait(60) == Exit.LETTERS
    dead = {Cause.from_headers(m.headers()).source: m for m in pipeline.read(LETTERS)}
    assert 0 < len(dead) < 80
    assert committed(pipeline) <= len(dead)
    log = (pipeline.folder / "g0.log").read_text()
    assert "too many dead letters: nothing more is committed" in log
    assert "RELEVO_PROCESSOR_DEAD_LETTER_CONVERSATIONS=0" in log

    good = pipeline.agent(MENDED, "g0")
    until(lambda: sum(len(answers(pipeline, owner)) for owner in LINES) >= len(fed) - len(dead), "all the rest")
    said_ids = [text.split()[0] for owner in LINES for text in answers(pipeline, owner)]
    dead_ids = [dict(m.headers() or [])["id"].decode() for m in dead.values()]
    assert sorted(said_ids + dead_ids) == sorted(dict(record.headers)["id"].decode() for record in fed)
    by_id = {dict(record.headers)["id"]: record for record in fed}
    for letter in dead.values():
        original = by_id[dict(letter.headers() or [])["id"]]
        assert (letter.value(), letter.key()) == (original.value, original.key)
        assert Cause.from_headers(letter.headers()).reason == "raised"
    assert all(
        said_ids.index(f"{o}-{n}-1") < said_ids.index(f"{o}-{n}-2")
        for o in LINES
        for n in range(100)
        if {f"{o}-{n}-1", f"{o}-{n}-2"} <= set(said_ids)
    )
    ended(good)


def test_a_tenant_that_floods_with_calls_that_hang_holds_up_no_other_nor_do_those_that_raise_or_yield_for_ever(
    pipeline: Pipeline,
) -> None:
    """When the other tenant is answered everywhere, not one of those that hang has ended. They fill each partition to
    the share of a tenant, so most of them have ended a moment after the first."""
    process = pipeline.agent(ODD, "g0", chunk_max="125", agent_timeout_s="5", drain_s="10")
    hang = [said("acme", 1000 + n, "hang", f"h{n}") for n in range(1000)]
    bad = [said("acme", 2000, "raise", "raise"), said("acme", 2001, "flood", "flood")]
    pipeline.write(*hang, *bad, *everywhere("globex", 3000, "served", "s"))
    until(lambda: len(letters(pipeline, *hang)) == len(hang), "an end of all that hang")
    assert answers(pipeline, "globex").count("1: served") == PARTITIONS
    hung = list(letters(pipeline, *hang).values())
    served = [written_s(m) for m in pipeline.read("outbound.replies") if b"1: served" in said_in(m)]
    ends = sorted(map(written_s, hung))
    assert {Cause.from_headers(m.headers()).reason for m in hung} == {"timeout"}
    assert max(served) < ends[0], "they were served meanwhile"
    assert ends[900] - ends[0] < 4, "with the full time for each it would take thrice that"
    found = letters(pipeline, *bad)
    assert [Cause.from_headers(found[one.key].headers()).reason for one in bad] == ["raised", "too_many_actions"]
    ended(process)


def test_a_rebalance_waits_for_an_agent_that_hangs_and_no_longer_than_its_time_out(pipeline: Pipeline) -> None:
    """It hangs for longer than the session: the member stays in the group, for heartbeats go on meanwhile."""
    settings = {
        "agent_timeout_s": "9",
        "drain_s": "14",
        "drain_begun_share": "0.75",
        "session_timeout_s": "6",
        "rebalance_timeout_s": "20",
    }
    first = pipeline.agent(ODD, "g0", **settings)
    hang = everywhere("acme", 5000, "hang", "r")
    pipeline.write(*everywhere("globex", 6000, "before", "b"))
    until(lambda: answers(pipeline, "globex").count("1: before") == PARTITIONS, "that it works")
    pipeline.write(*hang)
    second = pipeline.agent(ODD, "g1", **settings)
    log = pipeline.folder / "g1.log"
    until(lambda: "recovered 2 partitions" in log.read_text(), "the second one's partitions", 40)
    hung = letters(pipeline, *hang).values()
    assert len(hung) == PARTITIONS, "what hung came to its end, in the first one"
    for letter in hung:
        cause = Cause.from_headers(letter.headers())
        assert cause.reason == "timeout"
        assert 9 <= written_s(letter) - cause.at_ms / 1000 < 12
        assert 0 < logged_s(log, "recovered 2 partitions") - written_s(letter) < 5
    told = (pipeline.folder / "g0.log").read_text().rpartition("recovered 4 partitions")[2]
    assert told.count("because it is rebalancing") >= 2, "the first one's heartbeats went on"
    pipeline.write(*everywhere("globex", 7000, "after", "a"))
    until(lambda: answers(pipeline, "globex").count("1: after") == PARTITIONS, "both at work")
    ended(first)
    ended(second)
