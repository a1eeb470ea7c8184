"""What was said is kept within its bounds, shortened, of all who spoke, and given to the human with the hand-off."""

from __future__ import annotations

import asyncio
from typing import Any, cast, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents import service
from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.memory import Memory, decode, encode
from processors.agents.step import Scene, Step, step
from processors.agents.tidying import tidy
from processors.agents.transcript import LINE_MAX, Keep, Line, heard, said, told
from processors.guard import Guard
from relevo import (
    Actions,
    Conversation,
    HandOff,
    InboundEvent,
    OptOut,
    Remember,
    Reply,
    Schedule,
    SendTemplate,
    Template,
    text_of,
)
from runtime.engine import TableView
from runtime.service import Service
from runtime.settings import KafkaSettings, ProcessorSettings, ServiceSettings
from runtime.tenants import Tenants
from schemas import content as c
from schemas import inbound, topics
from schemas import session as s
from schemas.headers import Headers
from schemas.inbound import Facts
from schemas.record import encode as encode_record
from tests.builders.conversations import Source, conversation_key
from tests.builders.webhooks import LINE, PERSON

NOW = 1_700_000_000_000
DAY_MS = 86_400_000


def event(id: str, content: c.AnyContent | None = None, **fields: Any) -> InboundEvent:
    given = {"tenant": "acme", "did": LINE, "contact": PERSON, "reply_to": PERSON, "kind": "message", "at_ms": NOW}
    return InboundEvent(id=id, content=content, **(given | fields))


def human(id: str, text: str, **fields: Any) -> InboundEvent:
    return event(id, c.Text(body=text), kind="system", facts=Facts(owner="human", owner_epoch=1), **fields)


async def talker(conversation: Conversation, event: InboundEvent) -> Actions:
    """Answers, and hands off when asked to."""
    if event.kind != "message":
        return
    if text_of(event) == "humano":
        yield Reply.text("un momento")
        yield HandOff(text="ya viene")
    else:
        yield Reply.buttons("¿Qué?", "Pan", "Té")
        yield Remember({"heard": [line.text for line in conversation.transcript]})


class Told:
    """An agent's memory over the records that it gets."""

    def __init__(self, function: Any = talker, **limits: Any) -> None:
        self.scene = Scene(Agent("test", function), lambda _: {}, 4, Limits(**limits))
        self.memory = Memory()
        self.offset = 0

    def gets(self, event: InboundEvent, reason: str = "") -> Step:
        kind = "dropped" if reason else "event"
        headers = Headers(id=event.id, type=kind, tenant="acme", at_ms=NOW).to_kafka()
        headers += [("reason", reason.encode())] if reason else []
        record = Source(encode_record(event), conversation_key(), headers, self.offset, "agents.test", 1, NOW)
        self.offset += 1
        done = asyncio.run(step(self.scene, record, self.memory, NOW))
        self.memory = done.memory or Memory()
        return done

    @property
    def lines(self) -> list[tuple[str, str]]:
        return [(line.who, line.text) for line in self.memory.lines]


def test_a_hand_off_carries_what_was_said_before_it() -> None:
    told = Told()
    told.gets(event("1", c.Text(body="hola")))
    told.gets(event("2", c.Image(media_id="9", caption="mi boleta")))
    done = told.gets(event("3", c.Text(body="humano")))
    (order,) = [r for r in done.records if r.topic == topics.INBOUND_CONVERSATIONS.name]
    command = topics.INBOUND_CONVERSATIONS.decoder().decode(order.value)
    assert isinstance(command, inbound.HandOff)
    assert [(line.who, line.text) for line in command.transcript] == [
        ("customer", "hola"),
        ("bot", "¿Qué? [Pan] [Té]"),
        ("customer", "[image] mi boleta"),
        ("bot", "¿Qué? [Pan] [Té]"),
        ("customer", "humano"),
        ("bot", "un momento"),
    ]
    assert told.lines[-1] == ("bot", "ya viene")
    assert told.memory.said == {"heard": ["hola", "¿Qué? [Pan] [Té]", "[image] mi boleta"]}, "the agent sees it, too"
    assert decode(encode(told.memory)) == told.memory


def test_what_a_human_and_the_customer_say_meanwhile_is_overheard_and_our_own_echo_is_not() -> None:
    told = Told()
    told.gets(event("1", c.Text(body="humano")))
    assert told.gets(human("2", "un momento"), "echo").outcome == "noted"
    told.gets(human("3", "Hola, soy Luz"), "echo")
    told.gets(event("4", c.Text(body="gracias")), "human_owns")
    told.gets(human("7", "ya viene"), "echo")
    told.gets(event("5", c.Text(body="x"), kind="timer"), "human_owns")
    assert told.lines[3:] == [("human", "Hola, soy Luz"), ("customer", "gracias")]
    assert told.gets(event("6", c.Text(body="¿sigue ahí?"))).outcome == "muted"
    assert told.lines[-1] == ("customer", "¿sigue ahí?")


def test_while_the_bot_owns_an_echo_is_the_bots_unless_a_person_wrote_it_in_the_app() -> None:
    told = Told()
    told.gets(event("1", c.Text(body="hola")))
    told.gets(event("2", c.Text(body="Oferta"), kind="system"), "echo")
    told.gets(event("5", c.Text(body="¿Qué?"), kind="system"), "echo")
    told.gets(event("wamid.3", c.Text(body="Le llamo yo"), kind="system"), "echo")
    assert told.lines[2:] == [("bot", "Oferta"), ("human", "Le llamo yo")]


def test_an_echo_alone_begins_no_memory_and_another_tenants_is_not_kept() -> None:
    told = Told()
    assert told.gets(human("1", "campaña"), "echo").same
    told.gets(event("2", c.Text(body="hola")))
    assert told.gets(human("3", "ajeno", tenant="other"), "echo").same
    assert len(told.lines) == 2


def test_a_note_is_taken_in_once() -> None:
    told = Told()
    told.gets(event("1", c.Text(body="humano")))
    told.gets(human("2", "Hola"), "echo")
    told.offset -= 1
    assert told.gets(human("2", "Hola"), "echo").reason == "replay"
    assert told.lines.count(("human", "Hola")) == 1


def test_an_event_that_failed_and_one_of_another_tenant_leave_nothing_of_it() -> None:
    async def raises(conversation: Conversation, event: InboundEvent) -> Actions:
        raise ValueError
        yield

    told = Told(raises)
    told.gets(event("1", c.Text(body="hola")))
    assert told.lines == []
    told = Told()
    told.gets(event("1", c.Text(body="hola")))
    told.gets(event("2", c.Text(body="soy otro"), tenant="other"))
    assert ("customer", "hola") not in told.lines


def test_it_can_be_switched_off_and_is_counted_apart_from_the_memory() -> None:
    told = Told(transcript=Keep(0, 8192))
    told.gets(event("1", c.Text(body="hola")))
    assert told.lines == []
    told = Told(many, memory_bytes=200)
    done = told.gets(event("1", c.Text(body="x" * 400)))
    assert (done.outcome, len(told.lines)) == ("handled", 3)


async def many(conversation: Conversation, event: InboundEvent) -> Actions:
    yield SendTemplate(Template(name="codigo", language="es", body=["482913"]), send_class="otp")
    yield OptOut()
    yield Schedule("x", 1)
    yield Reply.location(-33.4, -70.6, "Casa")


async def loose(conversation: Conversation, event: InboundEvent) -> Actions:
    buttons: Any = [{"id": "1", "title": "Pan"}]  # what is not quite the type, and still the right JSON
    yield Reply(s.Buttons(body="¿Qué?", buttons=buttons))


def test_the_line_is_of_what_the_person_gets_however_it_was_written() -> None:
    told = Told(loose)
    assert told.gets(event("1", c.Text(body="hola"))).outcome == "handled"
    assert told.lines[-1] == ("bot", "¿Qué? [Pan]")


def test_a_templates_parameters_are_not_kept() -> None:
    told = Told(many)
    told.gets(event("1", c.Text(body="clave")))
    assert told.lines == [("customer", "clave"), ("bot", "[template codigo]"), ("bot", "[location] Casa")]


@given(st.lists(st.text(max_size=900), max_size=60), st.integers(0, 30), st.integers(1024, 9000))
def test_the_newest_lines_stay_within_both_bounds(texts: list[str], lines: int, size: int) -> None:
    keep, kept = Keep(lines, size), list[Line]()
    for n, text in enumerate(texts):
        kept = keep.added(kept, "customer", text, n)
    wanted = [text for text in texts if text.strip()]
    assert len(kept) <= lines
    assert sum(len(line.text.encode("utf-8", "replace")) for line in kept) <= size
    assert all(len(line.text) <= LINE_MAX for line in kept)
    assert [line.at_ms for line in kept] == sorted(line.at_ms for line in kept)
    if wanted and lines:
        assert kept[-1].text[:10] == wanted[-1].strip()[:10]
    assert [line.text for line in kept] == [one.text for one in told(kept)]


CONTENTS: list[tuple[c.AnyContent, str]] = [
    (c.Text(body=" hola "), " hola "),
    (c.Image(media_id="1"), "[image]"),
    (c.Video(media_id="1", caption="v"), "[video] v"),
    (c.Audio(media_id="1", voice=True), "[audio]"),
    (c.Document(media_id="1", filename="f.pdf", caption="d"), "[document f.pdf] d"),
    (c.Sticker(media_id="1"), "[sticker]"),
    (c.Location(latitude=1.5, longitude=-2), "[location] 1.5,-2"),
    (c.Location(address="Calle 1"), "[location] Calle 1"),
    (c.Contacts(contacts=[{"name": {"formatted_name": "Luz"}}, {"name": 1}]), "[contacts] Luz"),
    (c.ButtonReply(id="1", title="Sí"), "Sí"),
    (c.ListReply(id="1"), "1"),
    (c.FlowReply(response_json="{}", body="Enviado"), "[flow] Enviado"),
    (c.TemplateButton(payload="p"), "p"),
    (c.Reaction(message_id="1", emoji="👍"), "[reaction 👍]"),
    (c.Reaction(message_id="1"), "[reaction taken back]"),
    (c.Order(product_items=[{}, {}], text="ya"), "[order of 2] ya"),
    (c.NumberChanged(wa_id="1"), ""),
    (c.RequestWelcome(), ""),
    (c.Unsupported(), "[unsupported]"),
    (c.SessionControl(action="close"), ""),
    (c.Unknown(kind="hologram"), "[hologram]"),
]
SENT: list[tuple[s.AnySendable, str]] = [
    (s.Text(body="hola"), "hola"),
    (s.Image(link="https://x", caption="c"), "[image] c"),
    (s.Document(link="https://x", filename="f.pdf"), "[document f.pdf]"),
    (s.Video(link="https://x"), "[video]"),
    (s.Audio(link="https://x"), "[audio]"),
    (s.Sticker(link="https://x"), "[sticker]"),
    (s.Location(latitude=1, longitude=2, name="Casa"), "[location] Casa"),
    (s.Contacts(contacts=[{"name": {"formatted_name": "Luz"}}]), "[contacts] Luz"),
    (s.Reaction(message_id="1", emoji="👍"), "[reaction 👍]"),
    (s.Buttons(body="¿?", buttons=[s.Choice("1", "Sí")]), "¿? [Sí]"),
    (s.ChoiceList(body="¿?", button="ver", sections=[s.Section(rows=[s.Choice("1", "Pan")])]), "¿? [Pan]"),
    (s.Interactive(interactive={"type": "flow", "body": {"text": "Llena"}}), "[interactive] Llena"),
    (s.Template(name="t", language="es", body=["1"]), "[template t]"),
    (s.Control(action="close", text="adiós"), "adiós"),
]


def test_every_type_has_its_line() -> None:
    assert [heard(content) for content, _ in CONTENTS] == [line for _, line in CONTENTS]
    assert [said(content) for content, _ in SENT] == [line for _, line in SENT]
    assert {type(content) for content, _ in CONTENTS} == set(get_args(c.AnyContent))
    assert {type(content) for content, _ in SENT} == set(get_args(s.AnySendable))


async def test_the_agents_engine_tidies_up() -> None:
    """With the clock as it is, what was said in 2023 leaves a table that the engine's housekeepers look at."""
    tenants = cast(Tenants, None)  # only asked when an event comes
    guard = Guard(Service("test", ServiceSettings()), "agents.menu", ProcessorSettings(), lambda: ["acme"])
    made, _ = service.engine(KafkaSettings(), ProcessorSettings(), Agent("menu", talker), tenants, "i", guard)
    old = Memory(offset=1, touched_ms=NOW, lines=[Line("customer", "hola", NOW)])
    table = TableView(0, {b"k": encode(old)})
    found = [effects.writes for _, keeper in made._housekeepers if (effects := keeper(table)) is not None]
    assert found == [{b"k": None}]


@pytest.mark.parametrize(
    ("said", "muted", "left"),
    [({}, -1, None), ({"a": 1}, -1, 0), ({}, 4, None), ({"a": 1}, 4, 0)],
    ids=["nothing else is kept: all goes", "a memory stays", "a silence ends", "a silence ends beside a memory"],
)
def test_what_was_said_leaves_when_the_conversation_is_idle(said: dict[str, Any], muted: int, left: int | None) -> None:
    memory = Memory(offset=1, touched_ms=NOW, said=said, muted_since=muted, lines=[Line("customer", "hola", NOW)])
    table = TableView(0, {b"k": encode(memory)})
    assert tidy(table, 7 * DAY_MS, NOW + 7 * DAY_MS) is None
    effects = tidy(table, 7 * DAY_MS, NOW + 7 * DAY_MS + 1)
    assert effects is not None
    value = effects.writes[b"k"]
    assert (None if value is None else len(decode(value).lines)) == left
    if value is not None:
        assert (decode(value).said, decode(value).muted_since) == (said, -1)
        table.apply(effects.writes)
        assert tidy(table, 7 * DAY_MS, NOW + 8 * DAY_MS) is None, "nothing is written twice"
