"""`relevo conversation` against a genuine Kafka: orders that the processor obeys, and what is said of them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processors.conversations import state
from relevo.conversations.order import OrderError
from runtime.clock import now_ms
from runtime.kafka.reader import read_partition
from schemas import ids, keys
from schemas.optout import Optout
from schemas.record import decode
from schemas.tenant import Line, Routing, Rule, When
from tests.builders.command import Command, command
from tests.builders.conversations import posted, tenant
from tests.builders.pipeline import PARTITIONS, Pipeline, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(120)
DID, LOST, PERSON = "56911170001", "56911170002", "56922270001"


@pytest.fixture
def pipeline(broker: str, tmp_path: Path) -> Iterator[Pipeline]:
    made = Pipeline(broker, tmp_path)
    lines = [Line(did=did, sends="main", templates="main") for did in (DID, LOST)]
    rules = [Rule(to="gone", when=When(line=[LOST])), Rule(to="menu")]
    made.tenant(tenant(tenant="convcli", lines=lines, routing=Routing(route=rules)))
    yield made
    made.stop()


@pytest.fixture
def conversation(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`relevo conversation …` in this process."""
    return command(monkeypatch, pipeline.kafka.bootstrap, "conversation", (OrderError,))


def shown(conversation: Command, contact: str = PERSON) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(conversation("show", DID, contact, "--json").out)
    return told


def orders_of(pipeline: Pipeline) -> list[str]:
    """The ids of the orders that stand on the topic."""
    number = keys.partition(f"{DID}|{PERSON}", PARTITIONS)
    found = [dict(one.headers() or []) for one in read_partition(pipeline.kafka, "inbound.conversations", number)]
    return [str(one["id"], "utf-8") for one in found if one["type"] == b"command" and one["did"] == DID.encode()]


def wrote(pipeline: Pipeline) -> bool:
    """Whether the conversation has heard the person."""
    found = (one.value() for one in pipeline.read("conversations.state") if one.key() == f"{DID}|{PERSON}".encode())
    return any(state.decode(one).last_inbound_ms for one in found if isinstance(one, bytes))


def optouts(pipeline: Pipeline) -> list[list[str] | None]:
    number, key = keys.partition(DID, PARTITIONS), f"{DID}|{PERSON}".encode()
    found = [one.value() for one in read_partition(pipeline.kafka, "optouts", number) if one.key() == key]
    return [decode(one, Optout).categories if isinstance(one, bytes) else None for one in found]


def test_a_person_orders_and_the_conversation_obeys_each_order_once(pipeline: Pipeline, conversation: Command) -> None:
    here = (DID, "+" + PERSON)
    late = conversation("handoff", *here, "--id", "h1", "--wait", 0)  # nobody carries it out yet
    assert (late.code, late.out) == (1, "")
    assert "was not carried out within 0 s" in late.err
    assert "It needs no second one; its id: h1" in late.err
    text = cloud_text("hola", wamid="w1", sender=PERSON, at_s=now_ms() // 1000)
    said = posted(cloud(cloud_value(did=DID, messages=[text])), did=DID, contact=PERSON, at_ms=now_ms())
    pipeline.feed(said._replace(headers=[(k, b"convcli" if k == "tenant" else v) for k, v in said.headers]))
    pipeline.conversations("conv-cli")
    until(lambda: wrote(pipeline), "the person's message")

    stands = shown(conversation)
    assert (stands["owner"], stands["owner_epoch"], stands["state"]) == ("human", 1, "known")
    again = conversation("handoff", *here, "--id", "h1")
    assert (again.code, again.out.split(":")[0]) == (0, "carried out before, so nothing new comes of it")
    assert "has not written yet" in conversation("show", *here).out
    [waits] = conversation("ls", "--owner", "human", "--tenant", "convcli").out.splitlines()
    assert f"line {DID}" in waits
    assert "has not written yet" in waits
    assert PERSON not in waits
    assert conversation("send", *here, "--text", "soy Inés", "--as", "human", "--id", "p1").code == 0
    [one] = conversation("ls", "--tenant", "convcli", "--json", "--contacts").out.splitlines()
    assert json.loads(one)["wrote_ms"] >= json.loads(one)["since_ms"] > 0
    assert json.loads(one)["contact"] == PERSON
    assert shown(conversation)["human_wrote_ms"] == json.loads(one)["wrote_ms"]
    back = conversation("resume", *here, "--language", "pt")
    assert conversation("ls", "--tenant", "convcli").out == ""
    assert (back.code, back.out.split(";")[0]) == (0, "carried out: owner bot in epoch 2"), back.err
    assert conversation("optout", *here, "--category", "marketing", "--why", "asked").code == 0
    told = conversation("show", *here).out
    for part in ("owner bot in epoch 2", "window: open for 23 h", "language pt, an order", "wants no marketing"):
        assert part in told
    assert PERSON not in told
    assert conversation("optin", *here).code == 0
    assert optouts(pipeline) == [["marketing"], None]
    sent = conversation("send", *here, "--text", "hola de nuevo", "--id", "s1")
    assert (sent.code, sent.out.splitlines()[-1]) == (0, f"message {ids.message_id_of_request('convcli', 's1')}")
    assert conversation("send", *here, "--text", "hola de nuevo", "--id", "s1").code == 0
    humans, reply = pipeline.replies(DID)
    assert humans.id == ids.message_id_of_request("convcli", "p1")
    assert reply.window_expires_ms == stands["window_expires_ms"] > now_ms()
    assert conversation("close", *here).code == 0
    assert [event.kind for event in pipeline.events("menu", DID)] == ["resumed", "session"]

    assert conversation("erase", *here).code == 1  # nobody said yes
    assert conversation("erase", *here, "--yes").code == 0
    gone = conversation("show", *here)
    assert (gone.code, "nothing is known" in gone.out) == (1, True)

    dead = conversation("resume", LOST, PERSON)
    assert (dead.code, "not carried out: unknown_agent (no agent of type 'gone' runs here)" in dead.err) == (1, True)
    before = orders_of(pipeline)
    assert before.count("h1") == before.count("s1") == 1
    closed = conversation("send", *here, "--text", "hola")
    assert (closed.code, "no window is open" in closed.err) == (1, True)
    assert "no tenant has line" in conversation("resume", "56911179999", PERSON).err
    assert orders_of(pipeline) == before
