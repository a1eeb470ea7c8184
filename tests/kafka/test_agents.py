"""From webhook to reply on a genuine Kafka: memory and messages leave together, and no agent stops another."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator

import pytest
from confluent_kafka import Message

from processors.agents.loops import Loops
from sandbox.kafka import Broker
from schemas import inbound
from schemas.dead_letter import Cause
from schemas.inbound import InboundEvent
from schemas.outbound import OutboundMessage
from schemas.session import Buttons, Control, Text
from schemas.tenant import Hours, Line, Routing, Rule, When
from tests.builders.conversations import Source, ordered, posted, tenant
from tests.builders.pipeline import Pipeline, killed, until
from tests.builders.webhooks import cloud, cloud_text, cloud_value

pytestmark = pytest.mark.timeout(240)
MENU, ODD, SHOP = "56911110001", "56911110002", "56911110003"
WAITING = """\
start: inicio
nodes:
  inicio: {branch: [{when: {hours: siempre}, to: pregunta}], to: cerrado}
  cerrado: {text: Cerrado, close: true}
  pregunta: {text: "¿Sigues?", ask: {save: x}, timeout: {after_s: 3, to: tarde}, to: cerrado}
  tarde: {text: Nadie contestó, options: [{title: Seguir, to: pregunta}]}
"""
ODD_AGENT = "odd=tests.builders.odd_agents:odd"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pipeline]:
    """A broker of its own, conversations, and a line for each of two agents on an API Bot account."""
    with Broker() as broker:
        pipeline = Pipeline(broker.bootstrap, tmp_path_factory.mktemp("logs"))
        lines = [Line(did=did, sends="main", templates="main") for did in (MENU, ODD)]
        rules = [Rule(to="odd", when=When(line=[ODD])), Rule(to="menu")]
        pipeline.tenant(tenant("bot", lines=lines, routing=Routing(route=rules, also=["echo"])))
        hours = {"siempre": Hours(zone="America/Santiago", week={"mon-sun": ["00:00-24:00"]})}
        lines = [Line(did=SHOP, sends="main", templates="main")]
        pipeline.tenant(tenant(tenant="shop", lines=lines, hours=hours, agents={"menu": {"menu": WAITING}}))
        pipeline.conversations()
        yield pipeline
        pipeline.stop()


@pytest.fixture(scope="module")
def odd(pipeline: Pipeline) -> subprocess.Popen[bytes]:
    """The agents that misbehave."""
    return pipeline.agent(ODD_AGENT, "odd0")


@pytest.fixture(scope="module")
def menu(pipeline: Pipeline) -> subprocess.Popen[bytes]:
    """The menu."""
    return pipeline.agent("menu", "menu0")


def said(did: str, contact: str, text: str, wamid: str) -> Source:
    value = cloud_value(did=did, messages=[cloud_text(text, wamid=wamid, sender=contact)])
    return posted(cloud(value), did=did, contact=contact)


def at_shop(contact: str, text: str, wamid: str) -> Source:
    """The same to the line of the other tenant."""
    source = said(SHOP, contact, text, wamid)
    return source._replace(headers=[(name, b"shop" if name == "tenant" else value) for name, value in source.headers])


def replies(pipeline: Pipeline, did: str, contact: str) -> list[OutboundMessage]:
    return [one for one in pipeline.replies(did) if one.contact == contact]


def answered(pipeline: Pipeline, contacts: list[str]) -> int:
    """How many replies these have."""
    return sum(one.contact in contacts for one in pipeline.replies(ODD))


def heard(pipeline: Pipeline, contact: str) -> list[InboundEvent]:
    """What the tap got of a conversation."""
    return [one for one in pipeline.events("echo", ODD) if one.contact == contact]


def texts(pipeline: Pipeline, contact: str, did: str = ODD) -> list[str]:
    return [one.content.body for one in replies(pipeline, did, contact) if isinstance(one.content, Text)]


def test_two_answers_within_a_second_each_fit_the_state_they_meet(
    pipeline: Pipeline, menu: subprocess.Popen[bytes]
) -> None:
    contact = "56922220001"
    pipeline.feed(*(said(MENU, contact, text, f"wamid.m{i}") for i, text in enumerate(["hola", "2", "12345", "no"])))
    until(lambda: len(replies(pipeline, MENU, contact)) >= 6, "all replies")
    found = replies(pipeline, MENU, contact)
    assert [type(one.content) for one in found] == [Buttons, Text, Text, Buttons, Text, Control]
    assert [one.content.body for one in found[1:3] if isinstance(one.content, Text)] == [
        "Escribe el número de tu pedido (solo dígitos), o *volver*.",
        "Gracias. Anotamos tu pedido 12345 y te avisaremos por aquí.",
    ]
    assert {one.to for one in found} == {contact}
    assert found[0].window_expires_ms > 0


def test_a_question_that_nobody_answers_leads_on_once_though_the_menu_is_killed_while_it_waits(
    pipeline: Pipeline, menu: subprocess.Popen[bytes]
) -> None:
    contact = "56922220004"
    pipeline.feed(at_shop(contact, "hola", "wamid.w1"))
    until(lambda: texts(pipeline, contact, SHOP) == ["¿Sigues?"], "the question, for it is open by the tenant's hours")
    menu.kill()
    assert menu.wait(10) != 0
    pipeline.agent("menu", "menu0")
    until(lambda: len(replies(pipeline, SHOP, contact)) > 1, "the time-out")
    pipeline.feed(at_shop(contact, "seguir", "wamid.w2"))
    until(lambda: len(replies(pipeline, SHOP, contact)) > 2, "the dialogue goes on")
    found = [one.content for one in replies(pipeline, SHOP, contact)]
    assert [type(one) for one in found] == [Text, Buttons, Text]
    assert isinstance(found[1], Buttons)
    assert found[1].body == "Nadie contestó"


def test_what_an_agent_tells_the_crm_and_what_was_said_before_a_hand_off_reach_the_taps_in_order(
    pipeline: Pipeline, odd: subprocess.Popen[bytes]
) -> None:
    contact = "56922220002"
    pipeline.feed(*(said(ODD, contact, text, f"wamid.h{i}") for i, text in enumerate(["a", "crm", "human", "b"])))
    until(lambda: len(heard(pipeline, contact)) == 6, "all events of the tap")
    events = heard(pipeline, contact)
    assert Counter(one.kind for one in events) == {"message": 4, "crm": 1, "handed_off": 1}
    crm, handed_off = (next(one for one in events if one.kind == kind) for kind in ("crm", "handed_off"))
    assert events.index(crm) < events.index(handed_off)
    assert crm.extra == {"fields": {"stage": 2}, "by": "odd"}
    lines = [(line["who"], line["text"]) for line in handed_off.extra["transcript"]]
    assert lines == [("customer", "a"), ("bot", "1: a"), ("customer", "crm"), ("bot", "2: crm"), ("customer", "human")]
    assert [one.content.body for one in replies(pipeline, ODD, contact) if isinstance(one.content, Text)] == [
        "1: a",
        "2: crm",
        "3: human",
    ]


def test_an_agent_that_raises_hangs_or_floods_stops_nobody_and_leaves_its_cause(
    pipeline: Pipeline, odd: subprocess.Popen[bytes]
) -> None:
    bad = [(f"5692222100{i}", text) for i, text in enumerate(["raise", "hang", "flood"])]
    pipeline.feed(*(said(ODD, contact, text, f"wamid.b{contact}") for contact, text in bad))
    pipeline.feed(*(said(ODD, contact, "ok", f"wamid.o{contact}") for contact, _ in [*bad, ("56922221009", "")]))
    until(lambda: all(texts(pipeline, contact) == ["1: ok"] for contact, _ in bad), "an answer after the failure")
    letters = {m.key(): Cause.from_headers(m.headers()).reason for m in pipeline.read("agents.odd.dlq")}
    assert [letters[f"{ODD}|{contact}".encode()] for contact, _ in bad] == ["raised", "timeout", "too_many_actions"]
    assert texts(pipeline, "56922221009") == ["1: ok"]


def test_a_timer_comes_back_as_an_event(pipeline: Pipeline, odd: subprocess.Popen[bytes]) -> None:
    contact = "56922220003"
    pipeline.feed(said(ODD, contact, "remind", "wamid.t1"))
    until(lambda: len(texts(pipeline, contact)) == 2, "the timer")
    assert texts(pipeline, contact) == ["1: remind", "timer tea"]


def test_each_event_is_answered_once_though_the_agents_are_killed_and_a_loop_is_stopped_all_the_same(
    pipeline: Pipeline, odd: subprocess.Popen[bytes]
) -> None:
    odd.terminate()
    assert odd.wait(30) == 0
    contacts = [f"5692223{i:04}" for i in range(15)]
    sent, looping, beyond = 300, "56922240000", 3
    burst = Loops().burst
    pipeline.feed(
        *(said(ODD, looping, "x", f"wamid.l{n}") for n in range(burst // 2)),
        *(said(ODD, contacts[n % len(contacts)], "x", f"wamid.k{n}") for n in range(sent)),
        *(said(ODD, looping, "x", f"wamid.l{n}") for n in range(burst // 2, burst + beyond)),
    )
    for nth in (40, 90):
        killed(pipeline.agent(ODD_AGENT, "odd0", f"event_submitted=kill:{nth}"))
        assert answered(pipeline, contacts) < sent, "it was killed in the middle"
    process = pipeline.agent(ODD_AGENT, "odd0")
    until(lambda: answered(pipeline, contacts) >= sent, "all answers")
    until(lambda: len(loop_letters(pipeline)) >= beyond, "the letters of the loop")
    for contact in contacts:
        assert texts(pipeline, contact) == [f"{n}: x" for n in range(1, sent // len(contacts) + 1)]
    assert texts(pipeline, looping) == [f"{n}: x" for n in range(1, burst + 1)]
    letters = loop_letters(pipeline)
    assert {letter.key() for letter in letters} == {f"{ODD}|{looping}".encode()}
    events = {letter.value() for letter in letters}
    assert len(events) == beyond
    assert events <= {message.value() for message in pipeline.read("agents.odd")}
    ids = Counter(one.id for one in pipeline.replies(ODD))
    assert set(ids.values()) == {1}
    process.terminate()
    assert process.wait(30) == 0


def loop_letters(pipeline: Pipeline) -> list[Message]:
    return [m for m in pipeline.read("agents.odd.dlq") if Cause.from_headers(m.headers()).reason == "loop"]


def test_after_a_hand_off_the_bot_is_silent_though_all_are_killed_in_the_middle_of_a_burst(pipeline: Pipeline) -> None:
    contacts = [f"5692225{i:04}" for i in range(12)]
    burst = ["a", "b", "c", "human", *"defghijk"]
    pipeline.processes[0].kill()
    pipeline.processes[0].wait(10)
    pipeline.feed(*(said(ODD, one, text, f"wamid.s{one}{n}") for n, text in enumerate(burst) for one in contacts))
    agent = pipeline.agent(ODD_AGENT, "odd0", "event_submitted=kill:15")
    killed(pipeline.conversations(points="chunk_processed=kill:3"))
    last = pipeline.conversations()
    killed(agent)
    last.kill()
    assert last.wait(10) != 0
    killed(pipeline.agent(ODD_AGENT, "odd0", "event_submitted=kill:15"))
    assert len(handed_off(pipeline, contacts)) < len(contacts), "all were killed in the middle"
    pipeline.conversations()
    process = pipeline.agent(ODD_AGENT, "odd0")
    until(lambda: len(handed_off(pipeline, contacts)) == len(contacts), "all hand-offs")
    resumes = [
        inbound.Resume(id=f"r{one}", tenant="acme", did=ODD, contact=one, at_ms=1, by="operator") for one in contacts
    ]
    pipeline.feed(*(ordered(resume, did=ODD, contact=resume.contact) for resume in resumes))
    pipeline.feed(*(said(ODD, one, "end", f"wamid.e{one}") for one in contacts))
    until(lambda: all("end" in " ".join(texts(pipeline, one)) for one in contacts), "the bot's return")
    for one in contacts:
        assert texts(pipeline, one) == ["1: a", "2: b", "3: c", "4: human", "5: end"]
    process.terminate()
    assert process.wait(30) == 0


def handed_off(pipeline: Pipeline, contacts: list[str]) -> list[str]:
    """Whose chat left for a human."""
    return [m.contact for m in pipeline.replies(ODD) if m.contact in contacts and isinstance(m.content, Control)]
