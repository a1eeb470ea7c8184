"""Rules that change while events flow, and `relevo why`, which tells what became of each event. On a genuine Kafka."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from runtime.clock import now_ms
from runtime.kafka.record import Record
from sandbox.kafka import Broker
from schemas import keys
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import encode
from schemas.tenant import Line, Routing, Rule, Tenant, When
from tests.builders.command import Command, command
from tests.builders.conversations import Source, posted, record, tenant
from tests.builders.pipeline import PARTITIONS, Pipeline, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(180)
DID, MOVING, GOING, PERSON = "56911150001", "56911150002", "56911150003", "56922250001"
PARTITION = keys.partition(f"{DID}|{PERSON}", PARTITIONS)


def acme(*rules: Rule, dids: tuple[str, ...] = (DID,), name: str = "acme") -> Tenant:
    lines = [Line(did=did, sends="main", templates="main") for did in dids]
    return tenant(tenant=name, lines=lines, routing=Routing(route=list(rules)), updated_ms=now_ms())


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A broker of its own, for the topics' names are the real ones; conversations, and one agent that misbehaves."""
    with Broker() as broker:
        made = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"))
        made.tenant(acme(Rule(to="menu", when=When(keyword=["precio"])), Rule(to="odd")))
        made.conversations()
        made.agent("odd=tests.builders.odd_agents:odd", "odd0")
        yield made
        made.stop()


@pytest.fixture
def why(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`relevo why …` in this process."""
    return command(monkeypatch, pipeline.kafka.bootstrap, "why")


def said(text: str, wamid: str, did: str = DID, name: str = "acme") -> Source:
    value = cloud_value(did=did, messages=[cloud_text(text, wamid=wamid, sender=PERSON)])
    source = posted(cloud(value), did=did, contact=PERSON)
    return source._replace(headers=[(k, name.encode() if k == "tenant" else v) for k, v in source.headers])


def egress_said(pipeline: Pipeline, message: OutboundMessage, at_ms: int) -> None:
    """What egress would put on record of a message that was sent and read."""
    number = keys.partition(DID, PARTITIONS)
    plan = Plan(
        plan_id="plan1", tenant="acme", did=DID, account="isv|x", route="session", send_class="reply", digest="d",
        messages=[PlannedMessage(message.id, PERSON, PERSON, "outbound.replies", 0)], deadline_ms=at_ms, at_ms=at_ms,
    )  # fmt: skip
    call = CallOutcome(plan_id="plan1", did=DID, result="accepted", at_ms=at_ms + 1, provider_ids=["wamid.provider"])
    told = [
        Outcome(tenant="acme", did=DID, state=state, at_ms=at_ms + n, message_ids=[message.id], contacts=[PERSON],
                plan_id="plan1")
        for n, state in enumerate(("accepted", "delivered"), 2)
    ]  # fmt: skip
    pipeline.write(
        Record("egress.journal", encode(plan), f"{DID}|plan1".encode(), partition=number),
        Record("egress.journal", encode(call), f"{DID}|plan1|outcome".encode(), partition=number),
        *(Record("outcomes", encode(one), DID.encode(), partition=number) for one in told),
    )


def has(text: str, *parts: str) -> None:
    for part in parts:
        assert part in text, text


def test_each_fate_of_an_event_is_told_from_the_records(pipeline: Pipeline, why: Command) -> None:
    broken, hello = record(b"\xff{", "webhook", did=DID, contact=PERSON), said("hola, todo bien", "wamid.WHYHELLO")
    pipeline.feed(hello, broken, hello, said("raise", "wamid.WHYRAISE"), said("precio", "wamid.WHYPRICE"))
    pipeline.feed(said("human", "wamid.WHYHUMAN"), said("y ahora", "wamid.WHYMUTE"))
    here = ("--line", DID, "--contact", PERSON)
    until(lambda: "order hand_off" in why("wamid.WHYHUMAN", *here).out, "the hand-off")
    until(lambda: "mute" in why("wamid.WHYMUTE", *here).out, "the agent has come to the last one")
    pipeline.feed(said("sigo aqui", "wamid.WHYAFTER"))
    until(lambda: "dropped: human_owns" in why("wamid.WHYAFTER", *here).out, "a drop")
    [answer] = [one for one in pipeline.replies(DID) if one.cause == "wamid.WHYHELLO"]
    egress_said(pipeline, answer, now_ms())

    answered = why("wamid.WHYHELLO")
    assert answered.code == 0, answered.err
    has(
        answered.out,
        "event wamid.WHYHELLO (message: text of 15 characters): tenant acme, line 56911150001, contact …01\n",
        f"came: webhook inbound.conversations-{PARTITION}-0, received ",
        "; handled\n",
        f"came again: webhook inbound.conversations-{PARTITION}-2, received ",
        "known already, so nothing new came of it",
        "owner bot in epoch 0; window until ",
        f"routed to odd by rule 1, at agents.odd-{PARTITION}-0: 1 message\n",
        f"message {answer.id} (text of odd): delivered\n",
        "planned, plan plan1\n",
        "accepted, plan plan1\n",
        "why, by the tenant's rules as they are now:\n"
        "  rule 0 (to menu): no; keyword wants precio, there was text of 15 characters\n  rule 1: to odd\n",
    )
    assert "hola" not in answered.out
    assert PERSON not in answered.out
    for known_as in (answer.id, "wamid.provider", f"inbound.conversations-{PARTITION}-0"):
        other = why(known_as)
        assert (other.code, other.out.splitlines()[1:]) == (0, answered.out.splitlines()[1:]), known_as
    has(why("wamid.WHYRAISE", *here).out, "the agent failed, see its dead letter", "dead letter of agents.odd, ",
        ": raised; relevo dlq show agents.odd.dlq:", "ValueError")  # fmt: skip
    has(
        why("wamid.WHYPRICE", *here).out,
        "routed to menu by rule 0",
        "the agent has not come to it yet",
        "rule 0: to menu",
    )
    has(
        why("wamid.WHYHUMAN", *here).out,
        "routed to odd by rule 1",
        "1 message and 1 order",
        "order hand_off ",
        ": handled",
    )
    has(why("wamid.WHYMUTE", *here).out, "routed to odd by rule 1", "mute: the agent had handed the conversation over")
    has(
        why("wamid.WHYAFTER", *here).out,
        "dropped: human_owns (a human has the conversation, and no tap listens), by rule 1",
        "owner human in epoch 1",
        "rule 1: to odd, which is mute while a human owns",
    )
    place = f"inbound.conversations-{PARTITION}-1"
    has(why(place).out, f"event {place}: tenant acme", "a dead letter, see below", ": not_json; relevo dlq show ")

    shown = why(f"agents.odd-{PARTITION}-0", "--line", DID, "--contact", f"+{PERSON}", "--json", "--contacts")
    [story] = json.loads(shown.out)["stories"]
    assert (story["id"], story["contact"]) == ("wamid.WHYHELLO", PERSON)
    assert [one["standing"] for one in story["arrived"]] == ["done", "duplicate"]
    assert [(one["agent"], one["rule"], one["messages"][0]["state"]) for one in story["heard"]] == [
        ("odd", "1", "delivered")
    ]
    assert story["rules"]["agrees"] is True


def test_what_is_nowhere_or_was_refused_at_the_door_is_said(pipeline: Pipeline, why: Command) -> None:
    headers = Headers(id="", type="rejected", tenant="acme", at_ms=now_ms()).to_kafka()
    body = said("x", "wamid.WHYREFUSED").value
    pipeline.write(Record("inbound.rejected", body, None, [*headers, ("reason", b"foreign_line")]))
    refused = why("wamid.WHYREFUSED", "--line", DID)
    assert refused.code == 0, refused.err
    has(
        refused.out, "kept at the door and never processed: foreign_line, tenant acme, ", "relevo dlq show inbound.reje"
    )
    nothing = why("wamid.NOWHERE", "--since", "2h")
    assert (nothing.code, nothing.out) == (1, "")
    has(nothing.err, "nothing of wamid.NOWHERE since ", "(2h): ", "searched: inbound.conversations, ", "--since 7d")
    told = json.loads(why("wamid.NOWHERE", "--json").out)
    assert (told["found"], told["not_looked_at"]) == (False, {}), "all that there is was written within a day"

    def older() -> str:
        return why("wamid.WHYREFUSED", "--since", "1s").err.partition("not looked at, as older than --since: about ")[2]

    until(lambda: "of inbound.rejected" in older(), "it is a second old")
    assert why("inbound.conversations-0-99999").code == 1
    assert why("nonsense-0-1").code == 1
    assert (why("x", "--since", "soon").code, why(" ").code) == (2, 2)


def test_rules_that_change_while_events_flow_lose_and_double_none(pipeline: Pipeline, why: Command) -> None:
    pipeline.tenant(acme(Rule(to="odd"), dids=(MOVING,), name="moving"))
    fed: list[str] = []

    def feed_one() -> None:
        fed.append(f"wamid.MOVE{len(fed)}")
        pipeline.feed(said("hola", fed[-1], MOVING, "moving"))

    def moved() -> bool:
        feed_one()
        return bool(pipeline.events("echo", MOVING))

    feed_one()
    until(lambda: len(pipeline.events("odd", MOVING)) == 1, "the first event")
    pipeline.tenant(acme(Rule(to="echo", when=When(keyword=["hola"])), dids=(MOVING,), name="moving"))
    until(moved, "an event goes by the new rules")
    pipeline.write(Record("tenants", b"{broken", b"moving"))
    feed_one()
    until(lambda: (pipeline.folder / "c0.log").read_bytes().count(b"tenant record refused") == 1, "it is said")
    feed_one()

    def routed(agent: str) -> list[str]:
        return [one.id for one in pipeline.events(agent, MOVING)]

    until(lambda: len(routed("odd") + routed("echo")) >= len(fed), "all events")
    assert routed("odd") + routed("echo") == fed, "each once, and once they went elsewhere they all do"
    assert routed("echo")[-2:] == fed[-2:], "the last record that could be read stays in force"
    told = why(fed[0], "--line", MOVING, "--contact", PERSON).out
    has(told, "rules as they are now; they were written ", "after the event", "rule 0: to echo", "they lead elsewhere")

    pipeline.write(Record("tenants", None, b"moving"))

    def gone() -> bool:
        feed_one()
        return any(m.key() == f"{MOVING}|{PERSON}".encode() for m in pipeline.read("inbound.conversations.dlq"))

    until(gone, "a line that nobody has any more")
    [letter] = [m for m in pipeline.read("inbound.conversations.dlq") if (m.key() or b"").startswith(MOVING.encode())][
        :1
    ]
    assert Cause.from_headers(letter.headers()).reason == "unknown_line"
    lost = why(fed[-1], "--line", MOVING)
    has(lost.out, "a dead letter, see below", ": unknown_line; relevo dlq show inbound.conversations.dlq:")
    has(why(fed[0]).out, "tenant moving does not have this line now, so its rules cannot be asked")
