"""An agent's event: its actions leave together with its memory, or nothing leaves and the cause is kept."""

from __future__ import annotations

import asyncio
import functools
import sys
from typing import Any

import msgspec
import pytest

from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.memory import HELD, Alarm, Memory, decode, encode
from processors.agents.registry import AgentNotFound, find, names
from processors.agents.step import Scene, Step, step
from processors.agents.tidying import tidy
from relevo import (
    Actions,
    Choice,
    Close,
    Conversation,
    HandOff,
    InboundEvent,
    OptIn,
    OptOut,
    Remember,
    Reply,
    Schedule,
    SendTemplate,
    Template,
    UpdateCrm,
    text_of,
)
from relevo.testing import AgentFailed, Chat
from runtime.engine import Effects, TableView
from schemas import inbound, keys, session, topics
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Facts
from schemas.outbound import OutboundMessage
from schemas.record import decode as decode_record
from schemas.record import encode as encode_record
from tests.builders.conversations import Source, conversation_key
from tests.builders.webhooks import LINE, PERSON

NOW = 1_700_000_000_000


async def counter(conversation: Conversation, event: InboundEvent) -> Actions:
    """Counts what was said."""
    if event.kind != "message":
        return
    said = conversation.memory.get("said", 0) + 1
    yield Remember({"said": said})
    yield Reply.text(f"{said}: {text_of(event)}")


async def everything(conversation: Conversation, event: InboundEvent) -> Actions:
    """Yields each action once."""
    yield Reply.text("uno", quote=True, expires_s=60, fallback=Template(name="t", language="es"))
    yield SendTemplate(Template(name="aviso", language="es", body=["1"]), send_class="marketing")
    yield OptOut(["marketing"])
    yield OptIn(["utility"])
    yield UpdateCrm({"stage": 2})
    yield Schedule("later", 5, {"n": 1})
    yield Remember({"a": 1})
    yield Close()
    yield HandOff(group="ventas", note="nota", text="ya viene alguien")


def event(id: str = "wamid.1", epoch: int = 0, **fields: Any) -> InboundEvent:
    facts = Facts(window_expires_ms=NOW + 1000, owner_epoch=epoch)
    given = {"tenant": "acme", "did": LINE, "contact": PERSON, "reply_to": PERSON, "kind": "message", "at_ms": NOW}
    return InboundEvent(id=id, facts=facts, **(given | fields))


def source(value: bytes | None, offset: int = 0, kind: str = "event") -> Source:
    headers = Headers(id="h", type=kind, tenant="acme", at_ms=NOW - 7, traceparent="00-ab").to_kafka()
    return Source(value, conversation_key(), headers, offset, "agents.test", 1, NOW)


def run(function: Any, record: Source, memory: Memory | None = None, **limits: Any) -> Step:
    scene = Scene(Agent("test", function), lambda _: {}, 4, Limits(**limits))
    return asyncio.run(step(scene, record, memory or Memory(), NOW))


def test_all_that_one_event_causes_is_stamped_and_ordered_with_ids_of_its_own() -> None:
    done = run(everything, source(encode_record(event())))
    assert done.outcome == "handled"
    assert [one.topic for one in done.records] == ["outbound.replies"] * 2 + ["inbound.conversations"] * 5
    first = decode_record(done.records[0].value, OutboundMessage)
    assert (first.to, first.cause, first.agent, first.tenant) == (PERSON, "wamid.1", "test", "acme")
    assert (first.reply_to_id, first.window_expires_ms, first.expires_ms) == ("wamid.1", NOW + 1000, NOW + 60_000)
    second = decode_record(done.records[1].value, OutboundMessage)
    assert (second.send_class, second.content) == (
        "marketing",
        session.Template(name="aviso", language="es", body=["1"]),
    )
    told = [Headers.from_kafka(one.headers) for one in done.records]
    assert len({one.id for one in told}) == 7
    assert {(one.at_ms, one.traceparent, one.tenant) for one in told} == {(NOW - 7, "00-ab", "acme")}
    assert [one.partition for one in done.records] == [keys.partition(LINE, 4)] * 2 + [1] * 5
    orders = [topics.INBOUND_CONVERSATIONS.decoder().decode(one.value) for one in done.records[2:]]
    assert [type(order) for order in orders] == [
        inbound.OptOut,
        inbound.OptIn,
        inbound.UpdateCrm,
        inbound.Close,
        inbound.HandOff,
    ]
    assert {order.by for order in orders} == {"test"}
    assert done.memory is not None
    assert (done.memory.muted_since, done.memory.said, done.memory.alarms[0].due_ms) == (0, {"a": 1}, NOW + 5000)


def test_a_replay_derives_the_same_ids() -> None:
    ids = [
        [Headers.from_kafka(one.headers).id for one in run(everything, source(encode_record(event()))).records]
        for _ in "ab"
    ]
    assert ids[0] == ids[1]


def test_an_event_is_handled_once_whether_redelivered_or_sent_again() -> None:
    memory = run(counter, source(encode_record(event()), offset=3)).memory
    assert run(counter, source(encode_record(event()), offset=3), memory).reason == "replay"
    again = run(counter, source(encode_record(event()), offset=9), memory)
    assert (again.outcome, again.records) == ("duplicate", [])


def test_after_a_hand_off_the_agent_is_silent_until_a_newer_epoch() -> None:
    memory = run(everything, source(encode_record(event()), 0)).memory
    muted = run(counter, source(encode_record(event("wamid.2")), 1), memory)
    assert (muted.outcome, muted.records) == ("muted", [])
    speaks = run(counter, source(encode_record(event("wamid.3", epoch=2)), 2), muted.memory)
    assert speaks.outcome == "handled"
    assert speaks.memory is not None
    assert speaks.memory.muted_since == -1


def test_notices_of_conversations_are_obeyed() -> None:
    memory = run(everything, source(encode_record(event()))).memory
    assert run(counter, source(b"{}", 1, "erase"), Memory()).memory is None, "nothing was known"
    freed = run(counter, source(b"{}", 1, "released"), memory).memory
    assert freed is not None
    assert freed.muted_since == -1
    noted = run(counter, source(b"{}", 1, "dropped"), memory)
    assert (noted.outcome, noted.same) == ("noted", True)
    held = msgspec.structs.replace(memory, muted_since=HELD)
    assert run(counter, source(b"{}", 1, "released"), held).memory == freed, "silence that was brought along ends, too"


def test_of_an_erased_person_nothing_stays_but_how_far_the_key_was_handled() -> None:
    """Events of a partition are done in any order, so a crash delivers again what came before the erasure."""
    memory = run(everything, source(encode_record(event()))).memory
    erased = run(counter, source(b"{}", 1, "erase"), memory).memory
    assert erased == Memory(offset=1, touched_ms=NOW, changed_ms=NOW)
    again = run(everything, source(encode_record(event())), erased)
    assert (again.outcome, again.records, again.memory) == ("duplicate", [], erased)
    echo = source(encode_record(event("wamid.9")), 2, "dropped")
    echo.headers.append(("reason", b"echo"))
    assert run(counter, echo, erased).same, "nothing is kept of others' words"
    table = TableView(1, {b"key": encode(erased)})
    assert tidy(table, idle_ms=1000, now_ms=NOW + 1001) == Effects(writes={b"key": None})
    assert run(counter, source(encode_record(event("wamid.2")), 2), erased).outcome == "handled"


async def raises(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text("never leaves")
    raise ValueError(f"secret {event.contact}")


async def hangs(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Remember({"a": 1})
    await asyncio.Event().wait()


async def floods(conversation: Conversation, event: InboundEvent) -> Actions:
    while True:
        yield Reply.text("x")


async def stubborn(conversation: Conversation, event: InboundEvent) -> Actions:
    while True:
        try:
            await asyncio.sleep(0.3)
        except asyncio.CancelledError:
            yield Reply.text("still here")


async def babbles(conversation: Conversation, event: InboundEvent) -> Actions:
    yield "hola"  # type: ignore[misc]


async def wrong_content(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply(session.Template(name="t", language="es"))  # type: ignore[arg-type]


async def hoards(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Remember({"a": "x" * 100_000})


async def unspeakable(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Remember({"a": object()})


async def mistypes(conversation: Conversation, event: InboundEvent) -> Actions:
    yield HandOff(note=event.contact, text=3)  # type: ignore[arg-type]


async def misnames(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply(session.Text(body="x"), fallback=Template(name="t", language="es", header_kind=event.contact))  # type: ignore[arg-type]


async def muddles(conversation: Conversation, event: InboundEvent) -> Actions:
    yield UpdateCrm({"who": object()})


async def half_a_letter(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text("\ud800")


async def never(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Schedule("x", float("inf"))


async def nameless(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Schedule(7, 1)  # type: ignore[arg-type]


async def winds_up(conversation: Conversation, event: InboundEvent) -> Actions:
    for n in range(4):
        yield Schedule(f"t{n}", 60)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (mistypes, "not_an_action"),
        (misnames, "not_an_action"),
        (never, "not_an_action"),
        (nameless, "not_an_action"),
        (muddles, "not_json"),
        (half_a_letter, "not_json"),
        (winds_up, "too_many_timers"),
        (raises, "raised"),
        (hangs, "timeout"),
        (stubborn, "timeout"),
        (floods, "too_many_actions"),
        (babbles, "not_an_action"),
        (wrong_content, "not_an_action"),
        (hoards, "memory"),
        (unspeakable, "memory"),
    ],
)
def test_what_an_agent_does_wrong_is_a_dead_letter_with_its_cause(function: Any, reason: str) -> None:
    record = source(encode_record(event()), offset=4)
    done = run(function, record, timeout_s=0.1, timers=3)
    (letter,) = done.records
    cause = Cause.from_headers(letter.headers)
    assert (letter.topic, letter.value, letter.key) == ("agents.test.dlq", record.value, record.key)
    assert (cause.reason, cause.source, cause.by) == (reason, "agents.test-1-4", "agents.test")
    assert "secret" not in cause.error
    assert PERSON not in cause.error
    assert done.memory is not None
    assert (done.memory.said, done.memory.offset) == ({}, 4)
    assert not done.memory.knows("wamid.1")


@pytest.mark.parametrize(
    ("function", "told"),
    [
        (mistypes, "HandOff with a wrong value: Expected `str`, got `int` - at `$.text`"),
        (hangs, "no end after 0.1 s (RELEVO_PROCESSOR_AGENT_TIMEOUT_S)"),
        (floods, "more than 20 actions for one event (RELEVO_PROCESSOR_AGENT_ACTIONS_MAX)"),
        (winds_up, "more than 3 timers of one conversation (RELEVO_PROCESSOR_AGENT_TIMERS_MAX)"),
        (hoards, "65536 allowed (RELEVO_PROCESSOR_AGENT_MEMORY_BYTES)"),
        (never, "Schedule.in_s must be seconds, at most ten years"),
        (nameless, "Schedule.name is int, not a text"),
        (muddles, "UpdateCrm holds what JSON cannot say (TypeError)"),
        (raises, "ValueError in raises (test_agents.py:"),
    ],
)
def test_the_cause_says_what_to_change(function: Any, told: str) -> None:
    done = run(function, source(encode_record(event())), timeout_s=0.1, timers=3)
    assert told in Cause.from_headers(done.records[0].headers).error


def test_a_timer_that_is_set_anew_is_no_further_one() -> None:
    async def again(conversation: Conversation, event: InboundEvent) -> Actions:
        for _ in range(9):
            yield Schedule("same", 60)

    assert run(again, source(encode_record(event())), timers=1).outcome == "handled"


def test_an_unreadable_event_is_a_dead_letter() -> None:
    assert run(counter, source(b"nonsense")).reason == "malformed"
    assert run(counter, source(None)).reason == "malformed"


def test_a_topic_created_anew_under_a_kept_memory_loses_nothing() -> None:
    memory = Memory(offset=1000, touched_ms=NOW - 1)
    memory.note("wamid.1")
    assert run(counter, source(encode_record(event("wamid.1"))), memory).outcome == "duplicate"
    assert run(counter, source(encode_record(event("wamid.2"))), memory).outcome == "handled"
    assert run(counter, source(encode_record(event("wamid.2")))._replace(timestamp=NOW - 1), memory).reason == "replay"


def test_a_record_that_failed_is_not_tried_again_when_it_comes_again() -> None:
    async def broken(conversation: Conversation, event: InboundEvent) -> Actions:
        raise ValueError
        yield

    record = source(encode_record(event()))
    done = run(broken, record)
    assert done.memory is not None
    assert run(broken, record, done.memory).outcome == "duplicate"


def test_an_agent_remembers_nothing_of_the_tenant_that_had_the_line_before() -> None:
    done = run(counter, source(encode_record(event("wamid.1"))))
    assert done.memory is not None
    done.memory.set_alarm(Alarm("later", NOW, "id"))
    moved = run(counter, source(encode_record(event("wamid.2", tenant="other")), 1), done.memory)
    assert moved.memory is not None
    assert (moved.memory.said, moved.memory.alarms, moved.memory.tenant) == ({"said": 1}, [], "other")
    assert moved.memory.knows("wamid.1")
    again = run(counter, source(encode_record(event("wamid.3", tenant="other")), 2), moved.memory)
    assert again.memory is not None
    assert again.memory.said == {"said": 2}


def test_memory_survives_its_encoding() -> None:
    memory = run(everything, source(encode_record(event()))).memory
    assert memory is not None
    assert decode(encode(memory)) == memory


def test_agents_are_found_by_name_and_by_path() -> None:
    assert find("echo").kind == "echo"
    assert {"echo", "menu"} <= set(names())
    assert find("processors.agents.builtin.echo:echo").kind == "echo"
    assert find("parrot=processors.agents.builtin.echo:echo").kind == "parrot"


class Counter:
    """An agent with parts of its own."""

    def __init__(self, word: str) -> None:
        self.word = word

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> Actions:
        yield Reply.text(self.word)


async def worded(word: str, conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.text(word)


async def unyielding(conversation: Conversation, event: InboundEvent) -> None:
    return None


an_object, a_part = Counter("hola"), functools.partial(worded, "hola")


def test_an_agent_may_be_an_object_or_a_part_of_a_function(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "agents_here", sys.modules[__name__])
    for name in ("an_object", "a_part"):
        function = find(f"x=agents_here:{name}").function
        assert run(function, source(encode_record(event()))).outcome == "handled"
        chat = Chat(function)
        chat.says("x")
        assert chat.texts == ["hola"]
    for name, why in [("Counter", "is a class"), ("unyielding", "without a yield"), ("NOW", "cannot be called")]:
        with pytest.raises(AgentNotFound, match=why):
            find(f"x=agents_here:{name}")


@pytest.mark.parametrize(
    "spec", ["nobody", "no.such.module:f", "processors.text:fold", "Big=processors.agents.builtin.echo:echo", "os:"]
)
def test_what_is_no_agent_is_named(spec: str) -> None:
    with pytest.raises(AgentNotFound):
        find(spec)


def test_a_chat_plays_an_agent_with_memory() -> None:
    chat = Chat(counter)
    chat.says("hola")
    chat.says("otra vez")
    assert chat.texts == ["2: otra vez"]
    assert chat.memory == {"said": 2}
    assert [message.to for message in chat.messages] == [chat.contact] * 2


def test_a_chat_hands_off_stays_silent_and_comes_back() -> None:
    chat = Chat(everything)
    chat.says("hola")
    assert chat.says("¿hay alguien?") == []
    assert chat.outcomes[-1] == "human_owns"
    assert chat.resumes()


def test_a_chat_raises_what_would_be_a_dead_letter() -> None:
    with pytest.raises(AgentFailed, match="raised"):
        Chat(raises).says("hola")


async def reminder(conversation: Conversation, event: InboundEvent) -> Actions:
    if event.kind == "timer":
        yield Reply.text(f"{event.extra['name']} {event.extra['payload']}")
    elif text_of(event) == "alto":
        yield Schedule.cancel("tea")
    else:
        yield Schedule("tea", 60, [1])
        yield Schedule("bread", 120)


def test_timers_ring_when_the_clock_gets_there() -> None:
    chat = Chat(reminder)
    chat.says("hola")
    assert chat.advance(59) == []
    chat.advance(1)
    assert chat.texts == ["tea [1]"]
    chat.advance(600)
    assert chat.texts == ["bread None"]
    assert chat.advance(600) == []


def test_a_timer_can_be_taken_off_and_set_anew() -> None:
    chat = Chat(reminder)
    chat.says("hola")
    chat.advance(30)
    chat.says("hola")
    assert chat.advance(40) == []
    chat.says("alto")
    chat.advance(1000)
    assert chat.texts == ["bread None"]


async def shop(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Reply.buttons("¿Qué?", "Pan", Choice("t", "Té")) if conversation.config["small"] else Reply.text("no")


def test_a_chat_presses_what_was_offered_and_reads_the_configuration() -> None:
    chat = Chat(shop, config={"small": True})
    chat.says("hola")
    chat.presses("Té")
    with pytest.raises(LookupError, match="Pan"):
        chat.presses("Leche")


async def test_a_chat_works_inside_a_coroutine() -> None:
    assert Chat(counter).says("hola")
