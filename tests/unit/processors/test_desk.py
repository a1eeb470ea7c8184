"""The desk hears of a hand-off with the whole transcript, then each word of the person, and its end; what it answers
reaches the person, and stands in the transcripts. All of it in order, whatever the desk's service does."""

from __future__ import annotations

import asyncio
import copy
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.agent import Conversation
from processors.agents.builtin.desk import Desk
from processors.agents.builtin.desk.answers import AnswerError, obeyed
from processors.agents.checks import problems
from processors.agents.deliveries import PREFIX, Terms
from processors.agents.loops import Loops
from processors.agents.resources import World
from relevo import text_of
from relevo.testing import AgentFailed, Answers, Chat, Limits
from relevo.testing.loop import run
from runtime.hooks import Answer, Call, new_secret, verify
from runtime.secrets import Secret
from schemas import inbound
from schemas.dead_letter import HEADERS, Cause
from schemas.inbound import Facts, InboundEvent
from schemas.tenant import Handoff
from tests.builders.conversations import conversation_key, posted
from tests.builders.hooks import calling
from tests.builders.office import KEY, OK, SECRET, Office, answers
from tests.builders.taps import Tap
from tests.builders.webhooks import LINE, PERSON, flat
from tests.builders.wire_server import Exchange, WireServer

PHONE = "56955555555"
DOWN = Answer(outcome="unreachable", why="no connection")


def test_the_desk_hears_of_a_hand_off_with_all_that_both_sides_said_whichever_agent_made_it() -> None:
    office = Office()
    office.says("hola")
    office.says("¿precio?")
    office.says("humano")
    (started,) = office.hooks
    data = started["data"]
    assert started["type"] == "handoff.started"
    assert (data["tenant"], data["line"], data["contact"], data["by"]) == ("acme", LINE, PERSON, "handoff")
    said = [(line["who"], line["text"]) for line in data["transcript"]]
    assert said == office.lines
    assert said[-1] == ("bot", "te paso")
    assert data["facts"]["window_expires_ms"] == office.state().window_expires_ms(86_100_000)


def test_what_is_said_to_a_human_and_the_end_follow_with_the_same_hand_off() -> None:
    office = Office()
    office.says("humano")
    office.says("¿hay alguien?")
    office.orders(inbound.Resume)
    office.says("hola")
    started, message, ended = office.hooks
    assert [one["type"] for one in office.hooks] == ["handoff.started", "message", "handoff.ended"]
    assert len({one["data"]["handoff"] for one in office.hooks}) == 1
    assert (message["data"]["text"], message["data"]["content"]) == (
        "¿hay alguien?",
        {"type": "text", "body": "¿hay alguien?"},
    )
    assert (ended["data"]["reason"], ended["data"]["by"]) == ("order", "person:ines")
    office.says("humano")
    assert office.hooks[-1]["data"]["handoff"] != started["data"]["handoff"]


def test_calls_are_signed_and_each_has_an_id_of_its_own() -> None:
    office = Office()
    office.says("humano")
    office.says("¿hola?")
    first, second = office.calls.made
    assert first.id != second.id
    assert (first.secrets, first.headers["X-Team"]) == ((SECRET,), "a")
    assert SECRET not in repr(first)
    assert SECRET.encode() not in b"".join(record.value or b"" for record in office.outputs)
    with pytest.raises(Exception, match="webhook-id"):
        verify([SECRET], {}, first.body, 0)


def test_a_desks_answers_reach_the_person_in_order_and_stand_in_all_transcripts() -> None:
    says = [
        answers({"type": "say", "text": "soy Inés"}, {"type": "say", "text": "¿en qué ayudo?"}),
        answers({"type": "say", "content": {"type": "image", "link": "https://x.example/1.jpg"}}, {"type": "resume"}),
    ]
    office = Office(lambda call: says.pop(0) if says else OK)
    office.says("hola")
    office.says("humano")
    office.says("una foto")
    assert office.state().owner == "bot"
    assert office.lines == [
        ("customer", "hola"),
        ("bot", "bot: hola"),
        ("customer", "humano"),
        ("bot", "te paso"),
        ("human", "soy Inés"),
        ("human", "¿en qué ayudo?"),
        ("customer", "una foto"),
        ("human", "[image]"),
        ("bot", "sigo yo"),
    ]
    assert office.transcript("desk") == office.lines
    talk = [line for line in office.lines if line[1] not in ("humano", "te paso")]  # said to, and by, another agent
    assert office.transcript("menu") == talk
    assert [one["type"] for one in office.hooks] == ["handoff.started", "message", "handoff.ended"]
    assert office.hooks[-1]["data"]["by"] == "desk"


def test_a_desk_may_close_the_chat_and_hears_that_it_ended() -> None:
    office = Office(lambda call: answers({"type": "close"}) if b"handoff.started" in call.body else OK)
    office.says("humano")
    assert office.state().owner == "bot"
    assert [one["type"] for one in office.hooks] == ["handoff.started", "handoff.ended"]


def test_words_of_a_human_who_lost_the_conversation_meanwhile_take_it_again() -> None:
    slow: list[Answer] = [DOWN]
    office = Office(
        lambda call: slow.pop(0) if slow else answers({"type": "say", "text": "ya voy"}),
        handoff=Handoff(timeout_s=1),
    )
    office.says("humano")
    assert office.state().owner == "human"
    office.advance(1)
    assert ("bot", "sigo yo") in office.lines
    office.advance(30)
    assert ("human", "ya voy") in office.lines


def test_a_desk_that_is_away_gets_everything_later_in_order_under_the_same_ids() -> None:
    away = True
    office = Office(lambda call: DOWN if away else OK)
    office.says("humano")
    office.says("¿hola?")
    office.says("¿sigue ahí?")
    office.advance(60)
    tried = {call.id for call in office.calls.made}
    assert len(tried) == 1, "what follows waits for the first"
    away = False
    office.calls.made.clear()
    office.advance(600)
    assert [one["type"] for one in office.hooks] == ["handoff.started", "message", "message"]
    assert [one["data"].get("text") for one in office.hooks] == [None, "¿hola?", "¿sigue ahí?"]
    assert office.calls.made[0].id in tried
    assert office.memory("desk", KEY).alarms == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(outcome="refused", status=404, body=b"nobody here", why="answered 404"), "refused"),
        (Answer(outcome="ok", status=200, body=b'{"actions": [{"type": "sing"}]}'), "bad_answer"),
        (Answer(outcome="forbidden", why="a private address"), "forbidden"),
    ],
)
def test_what_the_desk_will_never_take_is_a_dead_letter_and_the_next_goes_on(answer: Answer, reason: str) -> None:
    office = Office(lambda call: answer if b"handoff.started" in call.body else OK)
    office.says("humano")
    office.says("¿hola?")
    letters = [one for kind, done in office.steps if kind == "desk" for one in done.records if "dlq" in one.topic]
    (letter,) = letters
    assert Cause.from_headers(letter.headers).reason == reason
    assert b"handoff.started" in (letter.value or b"")
    assert b"sing" not in Cause.from_headers(letter.headers).error.encode()
    assert [one["type"] for one in office.hooks] == ["handoff.started", "message"]


def test_on_an_api_bot_account_what_a_human_writes_at_chattigo_stands_in_the_desks_transcript() -> None:
    office = Office(service="bot")
    office.says("humano")
    echo = flat(id=900, chatType="OUTBOUND", stateAgent="AGENT", content="soy Marta", idUser=4021)
    again = flat(id=901, chatType="OUTBOUND", stateAgent="AGENT", content="te paso")  # our own last words come back
    office.comes(posted(echo), posted(again))
    assert office.transcript("desk") == [("customer", "humano"), ("bot", "te paso"), ("human", "soy Marta")]


def test_without_an_address_nothing_is_called_and_nothing_fails() -> None:
    office = Office(agents={})
    office.says("humano")
    assert office.calls.made == []
    assert {done.outcome for _, done in office.steps} <= {"handled", "noted"}


WORDS = st.sampled_from(["hola", "humano", "¿precio?", "gracias", "sí"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("says"), WORDS),
        st.tuples(st.just("down"), st.booleans()),
        st.tuples(st.just("desk"), st.sampled_from(["", "say", "resume", "close", "say+resume"])),
        st.tuples(st.just("wait"), st.integers(1, 400)),
        st.tuples(st.just("resume"), st.none()),
        st.tuples(st.just("hand_off"), st.none()),
    ),
    max_size=25,
)


@given(STEPS)
def test_whatever_happens_the_desk_gets_all_in_order_and_its_transcript_is_what_was_said(steps: list[Any]) -> None:
    state: dict[str, Any] = {"down": False, "answer": "", "count": 0}
    got: dict[str, bytes] = {}

    def answer(call: Call) -> Answer:
        if state["down"]:
            return DOWN
        got.setdefault(call.id, call.body)
        wanted, state["answer"] = state["answer"], ""
        state["count"] += 1
        made = [{"type": "say", "text": f"humano {state['count']}"}] if "say" in wanted else []
        made += [{"type": end} for end in ("resume", "close") if end in wanted]
        return answers(*made)

    office = Office(answer)
    office.says("hola")
    for step, value in steps:
        match step:
            case "says":
                office.says(value)
            case "down":
                state["down"] = value
            case "desk":
                state["answer"] = value
            case "wait":
                office.advance(value)
            case "resume":
                office.orders(inbound.Resume)
            case _:
                office.orders(inbound.HandOff)
    state["down"] = False
    office.advance(2000)
    assert not office.letters()
    assert office.transcript("desk") == office.lines[-20:]
    told = [msgspec.json.decode(body) for body in got.values()]
    heard = [one["data"]["text"] for one in told if one["type"] == "message"]
    assert [one["data"]["at_ms"] for one in told] == sorted(one["data"]["at_ms"] for one in told)
    taps = [e.event for e in office.told("desk") if e.kind == "event" and e.event.kind == "message"]
    assert heard == [text_of(event) for event in taps if event.facts.owner == "human"]
    started = [one["data"]["handoff"] for one in told if one["type"] == "handoff.started"]
    ended = [one["data"]["handoff"] for one in told if one["type"] == "handoff.ended"]
    assert started[: len(ended)] == ended
    assert len(started) - len(ended) == (office.state().owner == "human")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"hola", "JSON"),
        (b'{"actions": {}}', "array"),
        (b'{"actions": [{"type": "say"}]}', "either"),
        (b'{"actions": [{"type": "say", "text": "a", "content": {"type": "text", "body": "b"}}]}', "either"),
        (b'{"actions": [{"type": "say", "text": ""}]}', "length"),
        (b'{"actions": [{"type": "say", "words": "a"}]}', "no such field"),
        (b'{"actions": [{"type": "say", "content": {"type": "control", "action": "close"}}]}', "Invalid value"),
        (b'{"actions": [{"type": "say", "content": {"type": "template", "name": "a", "language": "es"}}]}', "Invalid"),
        (b'{"actions": [{"type": "resume"}, {"type": "say", "text": "a"}]}', "nothing follows"),
        (b'{"actions": [{"type": "say", "text": "\\ud800"}]}', "JSON"),
        (b"[" * 20_000, "JSON"),
        (b'{"actions": [{"type": "say", "content": {"type": "text", "body": "' + b"x" * 40_000 + b'"}}]}', "at most"),
        (b'{"actions": [' + b",".join([b'{"type": "resume"}'] * 6) + b"]}", "length"),
    ],
)
def test_an_answer_that_cannot_be_obeyed_says_what_is_wrong(body: bytes, what: str) -> None:
    with pytest.raises(AnswerError, match=what):
        obeyed(body)


@pytest.mark.parametrize("body", [b"", b"  ", b"{}", b'{"ok": true}', b'{"actions": []}'])
def test_an_answer_without_actions_is_none(body: bytes) -> None:
    assert obeyed(body) == []


GOOD = {"url": "https://desk.example/hook", "secret": Secret(SECRET)}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"url": ""}, ("url",)),
        ({"url": "desk.example"}, ("url",)),
        ({"url": 3}, ("url",)),
        ({"url": "http://desk.example/hook"}, ("url",)),
        ({"url": "ftp://desk.example"}, ("url",)),
        ({"secret": SECRET}, ("secret",)),
        ({"secret": Secret("short")}, ("secret",)),
        ({"secret": [Secret(SECRET), "whsec_text"]}, ("secret", 1)),
        ({"secret": None}, ("secret",)),
        ({"secret": []}, ("secret",)),
        ({"headers": ["a"]}, ("headers",)),
        ({"headers": {"Content-Length": "0"}}, ("headers", "Content-Length")),
        ({"headers": {"X-A": "a\r\nX-B: c"}}, ("headers", "X-A")),
        ({"url": "https://ana:clave@desk.example/"}, ("url",)),
        ({"adress": "x"}, ("adress",)),
    ],
)
def test_a_mistake_in_the_settings_is_named_with_its_place(changes: dict[str, Any], path: tuple[Any, ...]) -> None:
    found = problems("desk", {**copy.deepcopy(GOOD), **changes})
    assert [one.path for one in found] == [path]
    assert not any(SECRET in one.what for one in found)


def test_good_settings_have_no_mistake() -> None:
    assert problems("desk", {**GOOD, "transcript": "whole", "debounce": {"quiet_s": 3}}) == []
    assert problems("desk", {**GOOD, "url": "http://10.0.0.5/hook", "plain": True}) == []
    assert problems("desk", {**GOOD, "secret": [Secret(SECRET), Secret(new_secret())], "headers": {"X-A": "b"}}) == []


def test_a_person_who_takes_another_number_stays_with_the_human_and_the_desk_is_told_of_both() -> None:
    office = Office()
    office.says("humano")
    office.changes_number(PHONE)
    office.says("ya lo tengo", PHONE)
    _, changed, second, message = office.hooks
    assert [one["type"] for one in office.hooks] == ["handoff.started", "message", "handoff.started", "message"]
    assert changed["data"]["content"]["wa_id"] == PHONE
    assert (second["data"]["contact"], second["data"]["by"]) == (PHONE, "moved")
    assert message["data"]["handoff"] == second["data"]["handoff"]
    lines = [line.text for line in office.memory("desk", conversation_key(PHONE)).lines]
    assert lines == ["humano", "te paso", "ya lo tengo"], "what was said before came along"


def test_settings_that_cannot_be_used_make_a_dead_letter_that_says_which() -> None:
    office = Office(agents={"desk": {"url": 3, "secret": SECRET}})
    office.says("hola")
    (done,) = [done for kind, done in office.steps if kind == "desk" and done.outcome == "dead_letter"]
    assert done.reason == "settings"
    assert "agents.desk of the tenant's file: url" in str(done.failure)


def test_a_desk_whose_answers_cause_each_other_is_stopped() -> None:
    """It says something to each end, which takes the conversation again, and gives it back at each beginning."""
    said = {"handoff.started": [{"type": "say", "text": "hola"}, {"type": "resume"}]}
    said["handoff.ended"] = [{"type": "say", "text": "adiós"}]

    def answer(call: Call) -> Answer:
        return answers(*said[msgspec.json.decode(call.body)["type"]])

    chat = Chat(
        Desk(),
        kind="desk",
        tap=True,
        config={"url": "https://desk.example/", "secret": Secret(SECRET)},
        calls=Answers(answer),
        limits=Limits(loops=Loops(burst=20)),
    )
    with pytest.raises(AgentFailed, match="loop"):
        chat.human_takes()
    assert len(chat.messages) <= 20


def chat_with(answer: Any, **config: Any) -> Chat:
    given = {"url": "https://desk.example/", "secret": Secret(SECRET), **config}
    return Chat(Desk(), kind="desk", tap=True, config=given, calls=Answers(answer))


def test_what_waits_for_a_desk_that_the_file_names_no_more_is_given_up_with_its_bytes() -> None:
    human = Facts(owner="human", owner_epoch=1)
    for change in ({}, {"url": 3, "secret": "x"}):
        desk = Desk()
        run(desk.open(World(Answers(lambda call: DOWN), lambda: 0, Limits())))
        tap = Tap(desk, config=GOOD, kind="desk")
        tap.event("handed_off", facts=human)
        tap.says("¿hay alguien?", facts=human)
        tap.config = change
        tap.advance(3600)
        assert [Cause.from_headers(letter.headers).reason for letter in tap.letters] == ["settings"] * 2
        assert "¿hay alguien?".encode() in (tap.letters[1].value or b"")
        assert not any(name.startswith(PREFIX) for name in tap.memory.said)
        assert tap.memory.alarms == []


def test_a_desk_that_repeats_our_secret_does_not_bring_it_into_a_letter() -> None:
    chat = chat_with(
        lambda call: Answer(outcome="refused", status=400, body=b"x" * 498 + b"k-123"), headers={"K": "k-123"}
    )
    chat.human_takes()
    (letter,) = chat.letters
    assert b"xxx" in (letter.value or b"")
    assert b"xk" not in (letter.value or b"")


async def test_a_desk_that_never_answers_opens_its_circuit() -> None:
    async def silent(exchange: Exchange) -> None:
        await asyncio.Event().wait()

    terms = Terms(attempt_s=0.5)
    async with WireServer(silent) as server, calling(failures=2, pause_s=60, pause_max_s=60) as calls:
        desk = Desk()
        await desk.open(World(calls, lambda: 0, Limits(deliveries=terms)))
        config = {**GOOD, "url": server.base, "plain": True}
        for contact in ("1", "2"):
            about = {"tenant": "acme", "did": LINE, "contact": contact, "facts": Facts(owner="human", owner_epoch=1)}
            event = InboundEvent(id=contact, reply_to=contact, kind="handed_off", at_ms=1, **about)
            conversation = Conversation(memory={}, config=config, now_ms=1, agent="desk", **about)
            async for _ in desk(conversation, event):
                pass
        assert calls._breaker.open == 1


def test_answers_of_one_event_cause_no_more_than_an_event_may() -> None:
    """Of a desk that was away for long: each call is answered with all that an answer may hold, or refused."""
    state = {"up": False, "calls": 0}

    def answer(call: Call) -> Answer:
        state["calls"] += 1
        if not state["up"]:
            return DOWN
        if state["calls"] % 3:
            return answers(*[{"type": "say", "text": "hola"}] * 5)
        return Answer(outcome="refused", status=400)

    chat = chat_with(answer)
    chat.human_takes()
    for number in range(12):
        chat.says(str(number))
    state["up"] = True
    chat.advance(3600)
    assert not any(name.startswith("@delivery") for name in chat.memory)
    assert len(chat.messages) + len(chat.letters) > 13


def test_a_row_of_messages_that_a_human_is_told_reaches_the_desk_before_the_end_and_none_that_the_bot_was_told() -> (
    None
):
    told: list[Any] = []

    def answer(call: Call) -> Answer:
        hook = msgspec.json.decode(call.body)
        told.append((hook["type"], hook["data"].get("text", ""), len(hook["data"].get("parts", ()))))
        return OK

    chat = chat_with(answer, debounce={"quiet_s": 3, "taps": True})
    chat.says("para el bot")
    chat.human_takes()
    chat.says("uno")
    chat.says("dos")
    chat.resumes()
    chat.advance(10)
    assert told == [("handoff.started", "", 0), ("message", "uno\ndos", 2), ("handoff.ended", "", 0)]


def test_a_letter_of_a_number_that_the_person_has_left_is_delivered_where_they_are_now() -> None:
    """There its timers ring, and there it is known what was delivered since."""
    state = {"answer": Answer(outcome="refused", status=400)}
    office = Office(lambda call: state["answer"])
    office.says("humano")
    (letter,) = [one for kind, done in office.steps if kind == "desk" for one in done.records if "dlq" in one.topic]
    office.changes_number(PHONE)
    state["answer"] = DOWN
    told = [(name, value) for name, value in letter.headers if name not in HEADERS]
    office.comes(letter._replace(topic="agents.desk", headers=[*told, ("replay", b"run-1")]))
    assert not any(name.startswith(PREFIX) for name in office.memory("desk", KEY).said)
    state["answer"] = OK
    before = len(office.hooks)
    office.advance(3600)
    assert b"handoff.started" in office.calls.made[before].body
    assert not any(name.startswith(PREFIX) for name in office.memory("desk", conversation_key(PHONE)).said)
