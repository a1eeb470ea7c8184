"""Messages in a row get one answer: when, as what, and what becomes of them when something comes between."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from processors.agents import alarms, debounce
from processors.agents.agent import Agent
from processors.agents.checks import problems
from processors.agents.debounce import MESSAGES_MAX, Debounce
from processors.agents.deliveries import PREFIX, Delivery
from processors.agents.limits import Limits
from processors.agents.loops import Budget, Loops
from processors.agents.memory import Memory, decode, encode
from processors.agents.step import Scene, Step, step
from processors.agents.tidying import tidy
from relevo import Actions, Conversation, HandOff, InboundEvent, Remember, Reply, Schedule, choice_of, content, text_of
from relevo.testing import AgentFailed, Chat
from runtime import metrics
from runtime.engine import TableView
from runtime.metrics.process import PROCESS
from schemas import ids, topics
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Facts, MovedTo
from schemas.record import decode as decode_record
from schemas.record import encode as encode_record
from tests.builders.agent_stage import Stage, message
from tests.builders.conversations import Source, conversation_key
from tests.builders.webhooks import LINE, PERSON

SETTING = {"debounce": {"quiet_s": 3, "max_s": 10}}
NOW = 1_700_000_000_000


async def teller(conversation: Conversation, event: InboundEvent) -> Actions:
    """Says back what it heard, and remembers each event: it knows nothing of debounce."""
    heard = [*conversation.memory.get("heard", []), [event.kind, text_of(event) or choice_of(event)]]
    yield Remember({"heard": heard})
    if text_of(event) == "raise":
        raise ValueError
    if text_of(event) == "human":
        yield HandOff()
    elif event.kind == "message":
        yield Reply.text(f"«{text_of(event)}»", quote=True)


def chat(setting: Any = SETTING, **fields: Any) -> Chat:
    return Chat(teller, config=setting, **fields)


def heard(one: Chat) -> list[list[str]]:
    said: list[list[str]] = one.memory.get("heard", [])
    return said


def test_four_short_messages_get_one_answer_when_the_person_pauses() -> None:
    one = chat()
    for text in ("hola", "quiero", "un", "café"):
        assert one.says(text) == []
        assert one.advance(2) == []
    assert (one.held, one.texts) == (4, [])
    one.advance(1)
    assert one.texts == ["«hola\nquiero\nun\ncafé»"]
    assert one.outcomes == ["held"] * 4 + ["handled"]
    assert one.transcript == [
        "customer: hola",
        "customer: quiero",
        "customer: un",
        "customer: café",
        f"bot: {one.texts[0]}",
    ]
    [reply] = one.messages
    assert (reply.cause, reply.reply_to_id) == ("event-3", "event-3")
    assert reply.id == ids.message_id(one.did, "event-3", "teller", 0)
    assert (one.held, one.timers, one.advance(600)) == (0, {}, [])


def test_who_never_pauses_is_answered_all_the_same() -> None:
    one = chat()
    for n in range(12):
        one.says(str(n))
        one.advance(1)
    assert [text for _, text in heard(one)] == ["\n".join(map(str, range(10)))]
    assert one.held == 2


def test_one_message_alone_is_told_as_it_came() -> None:
    one = chat()
    one.sends(content.Image(url="https://x.example/a.jpg"))
    one.advance(3)
    assert heard(one) == [["message", ""]]


def test_what_must_not_wait_lets_what_is_held_go_first() -> None:
    one = chat()
    one.says("hola")
    one.says("eh")
    one.sends(content.ButtonReply(id="b1", title="Pan"))
    assert one.texts == ["«hola\neh»", "«Pan»"]
    one.says("otra")
    one.closes()
    assert heard(one) == [["message", "hola\neh"], ["message", "Pan"], ["message", "otra"], ["session", ""]]
    assert one.advance(60) == []


def test_a_timer_of_the_agents_own_comes_behind_what_is_held() -> None:
    async def alarmed(conversation: Conversation, event: InboundEvent) -> Actions:
        yield Remember({"heard": [*conversation.memory.get("heard", []), event.extra.get("name") or text_of(event)]})
        if text_of(event) == "set":
            yield Schedule("tea", 1)

    one = Chat(alarmed, config=SETTING)
    one.says("set")
    one.advance(3)
    one.says("x")
    one.advance(5)
    assert one.memory["heard"] == ["set", "x", "tea"]
    forbidden = Chat(_forbidden)
    with pytest.raises(AgentFailed, match="Relevo's own"):
        forbidden.says("x")


async def _forbidden(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Schedule(debounce.TIMER, 1)


def test_the_agent_that_hands_off_for_what_was_held_is_silent_for_what_comes_behind() -> None:
    one = chat()
    one.says("human")
    one.sends(content.ButtonReply(id="b1", title="Pan"))
    assert one.outcomes == ["held", "handled", "muted"]
    assert heard(one) == [["message", "human"]]


def test_while_a_human_owns_what_was_held_is_not_told() -> None:
    one = chat()
    one.says("hola")
    one.human_takes()
    one.advance(10)
    assert (one.held, heard(one)) == (0, [])
    assert one.outcomes == ["held", "human_owns"]
    one.resumes()
    assert heard(one) == [["resumed", ""]]


def test_parts_have_each_message_as_it_came() -> None:
    got: list[InboundEvent] = []

    async def keeper(conversation: Conversation, event: InboundEvent) -> Actions:
        got.append(event)
        yield Remember({})

    one = Chat(keeper, config=SETTING)
    one.says("hola", referral={"source_type": "ad"})
    one.sends(content.Image(url="https://x.example/a.jpg", caption="este"))
    one.sends(content.Audio(url="https://x.example/b.ogg"), extra={"more": 1})
    one.says("¿cuánto?", late=True)
    one.advance(3)
    [event] = got
    assert event.content == content.Image(url="https://x.example/a.jpg", caption="hola\neste\n¿cuánto?")
    assert (text_of(event), event.late, event.referral) == ("hola\neste\n¿cuánto?", True, {"source_type": "ad"})
    assert [part.id for part in event.parts] == [f"event-{n}" for n in range(4)]
    assert [type(part.content) for part in event.parts] == [content.Text, content.Image, content.Audio, content.Text]
    assert (event.parts[2].extra, event.at_ms, event.kind) == ({"more": 1}, one.now_ms - 3000, "message")


@pytest.mark.parametrize(
    ("contents", "said"),
    [
        ([content.Text(body="a"), content.Audio(url="u"), content.Text(body="b")], content.Text(body="a\nb")),
        ([content.Audio(url="u"), content.Sticker(url="v")], content.Sticker(url="v")),
        ([content.Image(url="u"), content.Image(url="v")], content.Image(url="v")),
        ([content.Location(latitude=1, longitude=2), content.Text(body="aquí")], content.Text(body="aquí")),
    ],
)
def test_the_content_says_all_words_and_shows_the_last_medium_that_may_have_a_caption(
    contents: list[content.AnyContent], said: content.AnyContent
) -> None:
    got: list[InboundEvent] = []

    async def keeper(conversation: Conversation, event: InboundEvent) -> Actions:
        got.append(event)
        yield Remember({})

    one = Chat(keeper, config=SETTING)
    for each in contents:
        one.sends(each)
    one.advance(3)
    assert got[0].content == said


def test_more_than_the_bound_is_told_before_the_next_is_held() -> None:
    one = chat()
    for n in range(MESSAGES_MAX + 1):
        one.says(str(n))
    assert [text for _, text in heard(one)] == ["\n".join(map(str, range(MESSAGES_MAX)))]
    assert one.held == 1
    big = chat()
    big.says("a")
    big.says("x" * 4000 * 10)
    assert [text[:1] for _, text in heard(big)] == ["a", "x"], "what is too large for itself does not wait"


def test_what_is_put_back_is_told_at_once() -> None:
    done = run(source("a", 0, more=[("replay", b"run-1")]), Memory())
    assert done.outcome == "handled"


def test_a_tap_hears_at_once_unless_it_is_asked_for() -> None:
    def told(setting: dict[str, Any]) -> str:
        scene = Scene(Agent("crm", teller), lambda _: setting, 4)
        record = source("a", 0, more=[("rule", b"also")])
        return asyncio.run(step(scene, record, Memory(), NOW)).outcome

    assert told(SETTING) == "handled"
    assert told({"debounce": {"quiet_s": 3, "taps": True}}) == "held"


@pytest.mark.parametrize(
    ("setting", "where", "what"),
    [
        (3, (), "such as"),
        ({"quiet_s": 0}, ("quiet_s",), "above 0 and at most 60"),
        ({}, ("quiet_s",), "above 0"),
        ({"quiet_s": True}, ("quiet_s",), "above 0"),
        ({"quiet_s": 5, "max_s": 4}, ("max_s",), "at least quiet_s and at most 300"),
        ({"quiet_s": 5, "taps": 1}, ("taps",), "true where"),
        ({"quiet_s": 5, "quiet": 1}, ("quiet",), "known are quiet_s, max_s, taps"),
    ],
)
def test_a_setting_that_is_wrong_is_named_for_any_agent_and_holds_nothing(setting: Any, where: Any, what: str) -> None:
    for kind in ("echo", "own"):
        [problem] = problems(kind, {"debounce": setting})
        assert (problem.path, what in problem.what) == (("debounce", *where), True), problem
    assert Debounce.of({"debounce": setting}) is None
    one = chat({"debounce": setting})
    one.says("a")
    assert one.outcomes == ["handled"]


def test_the_setting_is_the_hosts_and_the_agents_own_settings_stay_one_object() -> None:
    seen: list[Any] = []

    async def looker(conversation: Conversation, event: InboundEvent) -> Actions:
        seen.append(conversation.config)
        yield Remember({})

    one = Chat(looker, config={**SETTING, "file": "x"})
    for _ in "ab":
        one.sends(content.ButtonReply(id="b"))
    assert seen == [{"file": "x"}] * 2
    assert seen[0] is seen[1]


def test_without_a_longest_time_it_is_five_quiet_ones() -> None:
    assert Debounce.of({"debounce": {"quiet_s": 2}}) == Debounce(2000, 10_000, False)
    assert problems("echo", {"debounce": {"quiet_s": 60}}) == []


# -- what is kept, and what is lost to no one


def source(text: str, offset: int, *, more: Any = (), tenant: str = "acme", id_: str = "") -> Source:
    event = InboundEvent(
        id=id_ or f"w{offset}", tenant=tenant, did=LINE, contact=PERSON, reply_to=PERSON, kind="message", at_ms=NOW,
        content=content.Text(body=text), facts=Facts(window_expires_ms=NOW + 10**6),
    )  # fmt: skip
    return of(event, offset, more)


def of(event: InboundEvent, offset: int, more: Any = (), kind: str = "event") -> Source:
    told = Headers(id=event.id, type=kind, tenant=event.tenant, at_ms=NOW).to_kafka()
    return Source(encode_record(event), conversation_key(), [*told, *more], offset, "agents.test", 1, NOW)


def timer(memory: Memory, offset: int, *, kind: str = "event", reason: str = "", told: bool = True) -> Source:
    """The timer of what is held, as it comes back; or as a note that does not say which timer."""
    extra = {"name": debounce.TIMER, "payload": None} if told else {}
    event = InboundEvent(
        id=debounce.timer_id(LINE, "test", memory), tenant=memory.tenant, did=LINE, contact=PERSON, reply_to=PERSON,
        kind="timer", at_ms=memory.held[-1].at_ms, extra=extra,
    )  # fmt: skip
    return of(event, offset, [("reason", reason.encode())] if reason else (), kind)


def scene(function: Any = teller, **limits: Any) -> Scene:
    return Scene(Agent("test", function), lambda _: SETTING, 4, Limits(**limits))


def run(record: Source, memory: Memory, now_ms: int = NOW, on: Scene | None = None) -> Step:
    return asyncio.run(step(on or scene(), record, decode(encode(memory)), now_ms))


def after(*texts: str, on: Scene | None = None) -> Memory:
    """The memory that holds these."""
    memory = Memory()
    for offset, text in enumerate(texts):
        memory = run(source(text, offset), memory, on=on).memory or Memory()
    return memory


def test_messages_whose_event_fails_are_letters_with_their_own_bytes_and_can_be_put_back() -> None:
    memory = after("hola", "raise me", on=scene(_raises))
    done = run(timer(memory, 2), memory, NOW + 3000, scene(_raises))
    assert (done.outcome, done.reason, done.told) == ("dead_letter", "raised", 2)
    assert [letter.value for letter in done.records] == [source("hola", 0).value, source("raise me", 1).value]
    causes = [Cause.from_headers(letter.headers) for letter in done.records]
    assert [(cause.reason, cause.source, cause.by) for cause in causes] == [
        ("raised", "agents.test-1-0", "agents.test"),
        ("raised", "agents.test-1-1", "agents.test"),
    ]
    assert {letter.topic for letter in done.records} == {topics.agent("test").name + ".dlq"}
    rest = done.memory
    assert rest is not None
    assert (rest.held, rest.said, rest.offset) == ([], {}, 2)
    again = run(source("hola", 3, id_="w0"), rest)
    assert again.outcome == "held", "it is no duplicate of itself"
    back = run(source("hola", 3, id_="w0", more=[("replay", b"run")]), rest)
    assert back.memory is not None
    assert [line.text for line in back.memory.lines if line.who == "customer"] == ["hola", "raise me"]


async def _raises(conversation: Conversation, event: InboundEvent) -> Actions:
    yield Remember({"a": 1})
    raise ValueError


def test_what_another_tenant_held_is_a_letter_and_not_told_to_the_next_one() -> None:
    memory = after("hola")
    done = run(source("buenas", 5, tenant="boreal"), memory)
    [letter] = done.records
    assert (letter.value, Cause.from_headers(letter.headers).reason) == (source("hola", 0).value, "foreign_line")
    assert done.memory is not None
    assert [one.id for one in done.memory.held] == ["w5"]
    assert not done.memory.knows("w0")
    rung = run(timer(memory, 6, kind="dropped", reason="foreign_line", told=False), memory)
    assert [one.value for one in rung.records] == [source("hola", 0).value]
    assert rung.memory is not None
    assert not rung.memory.held


def test_what_comes_along_to_a_line_that_is_the_next_tenants_by_now_is_letters_and_its_memory_stands() -> None:
    moved = Headers(id="", type="moved", tenant="acme", at_ms=0, did=LINE, contact=PERSON).to_kafka()
    held = after("a", "b")
    delivery = Delivery(key="k", body={"a": 1}, at_ms=NOW, seq=1)
    held.said = {PREFIX + "k": msgspec.to_builtins(delivery)}
    [adopt] = run(Source(encode_record(MovedTo(contact="56933333333")), conversation_key(), moved, 7), held).records
    theirs = run(source("buenas", 0, tenant="boreal"), Memory()).memory or Memory()
    boreal = scene()._replace(owner=lambda _: "boreal")
    came = Source(adopt.value, adopt.key, list(adopt.headers), 3, "agents.test", 1, NOW)
    done = run(came, theirs, on=boreal)
    assert {Cause.from_headers(one.headers).reason for one in done.records} == {"foreign_line"}
    assert [dict(one.headers)["id"] for one in done.records[:2]] == [b"w0", b"w1"]
    assert b'"a":1' in (done.records[2].value or b""), "so does what it was to deliver"
    assert done.memory is not None
    assert ([one.id for one in done.memory.held], done.memory.tenant, done.memory.offset) == (["w0"], "boreal", 3)
    assert run(came, done.memory, on=boreal).records == [], "delivered again, they are not written again"


def test_where_no_tenant_has_the_line_any_more_timers_grow_rare_and_in_the_end_there_are_letters() -> None:
    memory, idle_ms = after("a", "b"), 7 * 86_400_000
    table = TableView(1, {conversation_key(): encode(memory)})
    rung, now_ms = 0, NOW
    while now_ms < NOW + idle_ms:
        now_ms += 30_000
        rung += bool(alarms.ring("test", conversation_key(), memory, "acme", 1, now_ms))
    assert 5 < rung < 20, "each becomes a dead letter of conversations"
    assert tidy(table, idle_ms, NOW + idle_ms, kind="test") is None
    effects = tidy(table, idle_ms, NOW + idle_ms + 1, kind="test")
    assert effects is not None
    causes = [Cause.from_headers(one.headers) for one in effects.outputs]
    assert [(one.reason, one.source) for one in causes] == [
        ("not_told", "agents.test-1-0"),
        ("not_told", "agents.test-1-1"),
    ]
    assert [one.value for one in effects.outputs] == [one.value for one in memory.held]
    assert letters_counted("not_told") == 2
    table.apply(effects.writes)
    rest = decode(table.get(conversation_key()))
    assert not rest.held
    assert not rest.knows("w0"), "put back, it is told"


def letters_counted(reason: str) -> float:
    return PROCESS.value(metrics.PROCESSOR_DEAD_LETTERS, processor="agents.test", tenant="acme", reason=reason)


def test_a_timer_that_is_early_or_comes_twice_tells_nothing() -> None:
    memory = after("a", "b")
    early = timer(memory, 3)
    memory = run(source("c", 2), memory, NOW + 2900).memory or Memory()
    assert run(early, memory, NOW + 3000).outcome == "noted"
    done = run(timer(memory, 4), memory, NOW + 5900)
    assert (done.outcome, done.told) == ("handled", 3)
    assert run(timer(memory, 5), done.memory or Memory(), NOW + 9000).outcome == "noted"


def test_an_erased_person_has_nothing_that_waits() -> None:
    done = run(
        Source(b"{}", conversation_key(), Headers(id="", type="erase", tenant="acme", at_ms=0).to_kafka(), 9),
        after("a"),
    )
    assert done.memory is not None
    assert not done.memory.held


def test_what_is_held_goes_along_to_the_persons_other_key_and_is_told_there_soon() -> None:
    memory = after("a", "b")
    headers = Headers(id="", type="moved", tenant="acme", at_ms=0, did=LINE, contact=PERSON).to_kafka()
    left = run(Source(encode_record(MovedTo(contact="56933333333")), conversation_key(), headers, 7), memory)
    assert left.memory is not None
    assert not left.memory.held
    [adopt] = left.records
    here = run(source("c", 0, id_="w9"), Memory()).memory or Memory()
    there = run(Source(adopt.value, adopt.key, list(adopt.headers), 3), here, NOW + 60_000).memory
    assert there is not None
    assert [one.id for one in there.held] == ["w0", "w1", "w9"]
    assert [decode_record(one.value, InboundEvent).contact for one in there.held[:2]] == ["56933333333"] * 2
    assert there.held_due_ms <= NOW + 61_000
    told = run(timer(there, 4), there, NOW + 61_000)
    assert told.memory is not None
    assert told.memory.said["heard"] == [["message", "a\nb\nc"]]


def test_a_loop_that_is_stopped_names_what_was_held() -> None:
    on = scene(loops=Loops(burst=2))
    memory = after("a", on=on)
    memory.budget = Budget(2, NOW)
    done = run(timer(memory, 1), memory, NOW, on)
    assert (done.outcome, done.reason, len(done.records)) == ("dead_letter", "loop", 1)


async def test_the_host_tells_what_is_held_in_a_transaction_of_its_own_before_the_next_event() -> None:
    stage = Stage(teller)
    stage.host._scene = stage.host._scene._replace(config=lambda _: SETTING)
    stage.receive((PERSON, "hola"), (PERSON, "eh"))
    await stage.until(2)
    press = message(PERSON, "x", 2)
    event = decode_record(press.value, InboundEvent)
    press = press._replace(value=encode_record(_pressed(event)))
    stage.hear(press)
    await stage.until(3)
    assert stage.steps == [(0, "held"), (1, "held"), (2, "handled"), (2, "handled")]
    assert [len(one.outputs) for one in stage.lane.effects] == [0, 0, 1, 1]
    key = conversation_key()
    assert decode(stage.lane.table.get(key)).said["heard"] == [["message", "hola\neh"], ["message", "Pan"]]
    stage.receive((PERSON, "otra"), first=3)
    await stage.until(4)
    stage.now_ms += 2999
    assert stage.host.ring_alarms(stage.lane.table) is None
    stage.now_ms += 1
    rung = stage.host.ring_alarms(stage.lane.table)
    assert rung is not None
    [record] = rung.outputs
    assert (record.topic, dict(record.headers)["type"]) == ("inbound.conversations", b"timer")
    stage.lane.table.apply(rung.writes)
    assert stage.host.ring_alarms(stage.lane.table) is None, "it is on its way"
    stage.now_ms += debounce.RETRY_MS
    again = stage.host.ring_alarms(stage.lane.table)
    assert again is not None
    assert dict(again.outputs[0].headers)["id"] != dict(record.headers)["id"], "one that went astray is set anew"


async def test_a_partition_that_goes_while_what_is_held_is_told_leaves_the_event_to_the_next_owner() -> None:
    going, stays = asyncio.Event(), asyncio.Event()

    async def slow(conversation: Conversation, event: InboundEvent) -> Actions:
        going.set()
        await stays.wait()
        yield Reply.text(text_of(event) or "pressed")

    stage = Stage(slow)
    stage.host._scene = stage.host._scene._replace(config=lambda _: SETTING)
    stage.receive((PERSON, "hola"))
    await stage.until(1)
    press = message(PERSON, "x", 1)
    stage.hear(press._replace(value=encode_record(_pressed(decode_record(press.value, InboundEvent)))))
    await going.wait()
    released = asyncio.create_task(stage.host.release(stage.lane))
    await asyncio.sleep(0)
    stays.set()
    await released
    assert stage.lane.done == [0], "a second event would have taken a second time-out"
    assert stage.steps == [(0, "held"), (1, "handled")]
    assert not decode(stage.lane.table.get(conversation_key())).held


async def test_time_outs_of_what_is_held_count_as_those_of_any_event() -> None:
    async def hangs(conversation: Conversation, event: InboundEvent) -> Actions:
        if not choice_of(event):
            await asyncio.sleep(60)
        yield Reply.text("pressed")

    stage = Stage(hangs, timeout_s=0.01)
    stage.host._scene = stage.host._scene._replace(config=lambda _: SETTING)
    for n in range(0, 32, 2):
        stage.receive((PERSON, "hola"), first=n)
        await stage.until(n + 1)
        press = message(PERSON, "x", n + 1)
        stage.hear(press._replace(value=encode_record(_pressed(decode_record(press.value, InboundEvent)))))
        await stage.until(n + 2)
    assert stage.host._patience.hanging("acme")


def _pressed(event: InboundEvent) -> InboundEvent:
    return replace(event, content=content.ButtonReply(id="p", title="Pan"))


async def test_what_kafka_would_not_take_of_held_messages_is_their_letters() -> None:
    stage = Stage(teller)
    stage.host._scene = stage.host._scene._replace(config=lambda _: SETTING)
    stage.receive((PERSON, "a"), (PERSON, "b"))
    await stage.until(2)
    memory = decode(stage.lane.table.get(conversation_key()))
    stage.lane.too_large = True
    stage.now_ms += 3000
    stage.hear(timer(memory, 2))
    await stage.until(3)
    assert stage.steps[-1] == (2, "dead_letter")
    assert stage.lane.topics() == ["agents.test.dlq"] * 2
    assert not decode(stage.lane.table.get(conversation_key())).held


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("says"), st.sampled_from(["a", "b", "cc"])),
        st.tuples(st.just("presses"), st.just("P")),
        st.tuples(st.just("waits"), st.floats(0.1, 12)),
        st.tuples(st.just("again"), st.integers(0, 30)),
    ),
    max_size=40,
)


@given(EVENTS)
@settings(max_examples=200, deadline=None)
def test_each_message_is_told_once_in_order_and_none_waits_longer_than_it_may(events: list[tuple[str, Any]]) -> None:
    """Over explicit time, with records that come again."""
    got: list[tuple[int, list[str], list[int]]] = []

    async def keeper(conversation: Conversation, event: InboundEvent) -> Actions:
        parts = [part.id for part in event.parts] or [event.id]
        got.append((conversation.now_ms, parts, [part.at_ms for part in event.parts] or [event.at_ms]))
        yield Remember({"n": conversation.memory.get("n", 0) + len(parts)})

    one = Chat(keeper, config=SETTING)
    sent: list[str] = []
    for what, value in events:
        match what:
            case "says":
                sent.append(f"s{len(sent)}")
                one.says(value, id=sent[-1])
            case "presses":
                sent.append(f"s{len(sent)}")
                one.sends(content.ButtonReply(id="p", title=value), id=sent[-1])
            case "again" if sent:
                one.says("again", id=sent[-1 - value % min(len(sent), 15)])
            case "waits":
                one.advance(value)
    one.advance(60)
    assert [id_ for _, parts, _ in got for id_ in parts] == sent
    assert one.memory.get("n", 0) == len(sent)
    for at_ms, _, came in got:
        assert at_ms - came[0] <= 10_000
        assert at_ms - came[-1] <= 3_000
