"""Why: the story of an event is put together from records alone, with everything that hangs on it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterable
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents import service as agents_service
from processors.agents.agent import Agent
from processors.conversations import service as conversations_service
from relevo import Action, Close, Conversation, HandOff, InboundEvent, OptOut, Reply, Schedule, text_of
from relevo.cli.span import parsed
from relevo.dead_letters.records import mark
from relevo.why import reading, show
from relevo.why.find import Rejected, find
from relevo.why.leads import Lead, Leads
from relevo.why.messages import nameless
from relevo.why.parts import Masks, Story
from relevo.why.question import Place, Question
from relevo.why.reading import Reading, Scope
from relevo.why.seen import Seen, events, holds, needle
from relevo.why.story import story
from relevo.why.trail import Fates, Trail
from runtime.kafka.record import Record
from runtime.settings import KafkaSettings, ProcessorSettings
from schemas import inbound, keys
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import encode
from schemas.session import Template
from schemas.tenant import Line, Routing, Rule, Tenant, When
from tests.builders.conversations import NOW, ordered, posted, record, tenant, world
from tests.builders.log import Log
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value, flat

KEY = f"{LINE}|{PERSON}"
WAMID = "wamid." + base64.b64encode(b"\x1d\x0b" + PERSON.encode()).decode()


async def bot(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Does what it is told."""
    match text_of(event):
        case "raise":
            raise ValueError("odd")
        case "human":
            yield HandOff(text="te paso")
        case "bye":
            yield Close()
        case "no more":
            yield OptOut()
        case "later":
            yield Schedule("tea", 60)
        case "nothing":
            return
    if event.kind == "message":
        yield Reply.text("claro")


def log(*rules: Rule, also: list[str] | None = None) -> Log:
    routing = Routing(route=[*rules, Rule(to="bot")], also=also or [])
    return Log(world(tenant(routing=routing, updated_ms=1), ("bot", "crm")), bot=bot)


def said(text: str = "hola", wamid: str = "wamid.HOLA1", **fields: Any) -> Any:
    return posted(cloud(cloud_value(messages=[cloud_text(text, wamid=wamid) | fields])))


def told(one: Log, event_id: str, now: Tenant | None = None, clear: bool = False, fates: Fates | None = None) -> Story:
    acme = now or one.world.owner(LINE)
    return story(one.trail(), fates or Fates([]), event_id, acme, Masks(event_id, clear))


def text(of: Story) -> str:
    return "\n".join(show.lines(of))


def has(found: str, *parts: str) -> None:
    for part in parts:
        assert part in found, found


def test_an_event_is_told_from_the_webhook_to_the_message() -> None:
    one = log(Rule(to="crm", when=When(keyword=["ventas"])), also=["crm"])
    one.feed(said(), said())
    one.run()
    one.passed["agents.crm", 0] = 0
    found = told(one, "wamid.HOLA1")
    assert (found.tenant, found.line, found.contact, found.what) == (
        "acme",
        LINE,
        "…22",
        "message: text of 4 characters",
    )
    assert [a.standing for a in found.arrived] == ["done", "duplicate"]
    assert [(h.agent, h.rule, h.standing) for h in found.heard] == [("bot", "1", "spoke"), ("crm", "also", "pending")]
    [message] = found.heard[0].messages
    assert (message.kind, message.agent, message.state) == ("text", "bot", "waiting")
    assert found.rules is not None
    assert (found.rules.agrees, found.rules.changed_ms) == (True, 0)
    has(
        text(found),
        "came again: webhook inbound.conversations-0-1",
        "routed to bot by rule 1, at agents.bot-0-0: 1 message",
        "tap crm, at agents.crm-0-0: the agent has not come to it yet",
        "waiting, egress has not come to it yet",
        "rule 0 (to crm): no; keyword wants ventas, there was text of 4 characters",
        "tap: crm",
    )
    assert "hola" not in text(found).replace("wamid.HOLA1", "")
    assert PERSON not in text(found)


def test_what_nobody_has_come_to_yet_is_pending() -> None:
    one = log()
    one.feed(said())
    assert [a.standing for a in told(one, "wamid.HOLA1").arrived] == ["unknown"]
    has(text(told(one, "wamid.HOLA1")), "Kafka does not say now whether conversations has come to it")
    one.passed["inbound.conversations", 0] = 0
    has(text(told(one, "wamid.HOLA1")), "conversations has not come to it yet", "conversations is behind")
    one.conversations()
    found = told(one, "wamid.HOLA1")
    assert [h.standing for h in found.heard] == ["unknown"]
    one.passed["agents.bot", 0] = 0
    assert [h.standing for h in told(one, "wamid.HOLA1").heard] == ["pending"]
    one.run()
    assert [h.standing for h in told(one, "wamid.HOLA1").heard] == ["spoke"]


def test_an_agent_that_says_nothing_is_told_apart_from_one_that_may_not_speak() -> None:
    one = log()
    one.feed(said("human", "wamid.H"), said("other", "wamid.MUTE"))
    one.run()
    one.feed(record(encode(inbound.Resume(id="r1", tenant="acme", did=LINE, contact=PERSON, at_ms=1, by="ops")),
                    "command"), said("nothing", "wamid.QUIET"))  # fmt: skip
    one.run()
    assert [h.standing for h in told(one, "wamid.MUTE").heard] == ["mute"]
    assert [h.standing for h in told(one, "wamid.QUIET").heard] == ["silent"]


def test_a_hand_off_is_told_with_what_it_led_to() -> None:
    one = log(also=["crm"])
    one.feed(said("human", "wamid.H"))
    one.run()
    one.feed(said("sigo", "wamid.AFTER"), said("sigo", "wamid.AFTER2"))
    one.run()
    [heard, _] = told(one, "wamid.H").heard
    [order] = heard.orders
    assert (order.kind, order.standing, order.told) == ("hand_off", "done", ["crm (handed_off)"])
    assert [m.agent for m in order.messages] == ["conversations"]
    after = told(one, "wamid.AFTER")
    assert (after.owner, after.owner_epoch, [h.rule for h in after.heard]) == ("human", 1, ["also"])
    has(text(after), "rule 0: to bot, which is mute while a human owns")
    order_story = told(one, order.id)
    assert order_story.caused_by.endswith(" (agent bot)")
    has(text(order_story), f"event {order.id} (handed_off), caused by ", "tap crm")


@pytest.mark.parametrize(("words", "kind"), [("bye", "close"), ("no more", "opt_out")])
def test_every_order_of_an_agent_is_told_by_its_kind(words: str, kind: str) -> None:
    one = log()
    one.feed(said(words))
    one.run()
    [heard] = told(one, "wamid.HOLA1").heard
    assert [(o.kind, o.standing) for o in heard.orders] == [(kind, "done")]
    has(text(told(one, "wamid.HOLA1")), "1 message and 1 order", f"order {kind} ")


def test_a_drop_is_told_with_its_reason_and_rule() -> None:
    one = log(Rule(to="bot", when=When(owner="bot")))
    echo = posted(flat("Text", "yo", id="flat-echo", chatType="OUTBOUND", stateAgent="AGENT"))
    one.feed(said("human", "wamid.H"))
    one.run()
    one.feed(said("x", "wamid.LATER"), echo)
    one.run()
    later = told(one, "wamid.LATER")
    assert [(h.kind, h.reason, h.rule, h.standing) for h in later.heard] == [("dropped", "human_owns", "1", "note")]
    has(
        text(later),
        "dropped: human_owns (a human has the conversation, and no tap listens), by rule 1; noted at agents.bot",
    )


def test_dead_letters_are_told_with_cause_and_what_was_done_about_them() -> None:
    one = log(Rule(to="ghost", when=When(keyword=["fantasma"])))
    one.feed(said("raise", "wamid.RAISE"), said("fantasma", "wamid.GHOST"), record(b"\xff{", "webhook"))
    one.run()
    raised = told(one, "wamid.RAISE")
    assert [h.standing for h in raised.heard] == ["dead"]
    assert [(x.reason, x.by, x.done) for x in raised.letters] == [("raised", "agents.bot", "")]
    ghost = told(one, "wamid.GHOST")
    assert ([a.standing for a in ghost.arrived], [x.reason for x in ghost.letters]) == (["dead"], ["unknown_agent"])
    has(text(ghost), "a dead letter, see below", "relevo dlq show inbound.conversations.dlq:0:0", "'ghost' runs here")
    nameless_event = told(one, "inbound.conversations-0-2")
    assert [x.reason for x in nameless_event.letters] == ["not_json"]
    [letter] = [x for _, x in one.trail().letters if x.reason == "unknown_agent"]
    one.write(mark(letter, "dropped", "run1", NOW, "old"))
    [done] = told(one, "wamid.GHOST").letters
    assert (done.done, done.done_ms) == ("dropped", NOW)
    has(text(told(one, "wamid.GHOST")), "unknown_agent; dropped ")


def test_a_letter_that_was_put_back_is_told_as_the_run_that_did() -> None:
    one = log()
    first = said()
    one.feed(first)
    one.run()
    headers = [*first.headers, ("replay", b"dlq-run1")]
    one.feed(first._replace(headers=headers))
    one.run()
    assert [(a.standing, a.replay) for a in told(one, "wamid.HOLA1").arrived] == [
        ("done", ""),
        ("duplicate", "dlq-run1"),
    ]
    has(text(told(one, "wamid.HOLA1")), ", put back by run dlq-run1; known already")


def test_an_event_that_was_known_from_before_the_time_that_was_read_says_so() -> None:
    one = log()
    one.feed(said(), said())
    one.run()
    trail = Trail(KEY, one.passed).read(one.records["inbound.conversations"][1:])
    found = story(trail, Fates([]), "wamid.HOLA1", None, Masks("wamid.HOLA1", False))
    has(text(found), "nothing came of it in the time that was searched: it was known already")
    order = ordered(inbound.OptIn(id="o1", tenant="acme", did=LINE, contact=PERSON, at_ms=1, by="ops"))
    one.feed(order._replace(headers=[("id", b"o1"), *[h for h in order.headers if h[0] != "id"]]))
    one.run()
    has(text(told(one, "o1")), "came: command", "an order that was obeyed and told to nobody")


def test_a_takeover_that_an_event_shows_is_told_with_it() -> None:
    one = log(also=["crm"])
    one.feed(posted(flat("Text", "hola", id=987654321, stateAgent="AGENT")))
    one.run()
    assert told(one, "987654321").also_told == ["crm"]
    has(text(told(one, "987654321")), "told that a human took over: crm")


def test_rules_that_changed_after_the_event_are_said_to_have() -> None:
    one = log()
    one.feed(said())
    one.run()
    later = tenant(routing=Routing(route=[Rule(to="crm")]), updated_ms=NOW + 5)
    found = told(one, "wamid.HOLA1", later)
    assert found.rules is not None
    assert (found.rules.agrees, found.rules.changed_ms) == (False, NOW + 5)
    has(text(found), "they were written ", ", after the event:", "rule 0: to crm", "so they lead elsewhere now")
    moved = msgspec.structs.replace(later, tenant="other")
    has(text(told(one, "wamid.HOLA1", moved)), "tenant acme does not have this line now")


def test_a_new_contact_is_explained_as_one_though_the_person_wrote_again() -> None:
    one = log(Rule(to="crm", when=When(new_contact=True)))
    one.feed(said("a", "wamid.FIRST"), said("b", "wamid.SECOND"))
    one.run()
    for event_id, rule in (("wamid.FIRST", "0"), ("wamid.SECOND", "1")):
        found = told(one, event_id)
        assert [h.rule for h in found.heard] == [rule]
        assert found.rules is not None
        assert found.rules.agrees is True


def test_a_timer_is_told_with_the_event_that_set_it() -> None:
    one = log()
    one.feed(said("later"))
    one.run()
    [alarm] = [a for memory in one._memories.values() for a in memory.alarms]
    timer = inbound.Timer(id=alarm.id, tenant="acme", did=LINE, contact=PERSON, agent="bot", name="tea", due_ms=NOW)
    made = record(encode(timer), "timer")
    one.feed(made._replace(headers=[("id", alarm.id.encode()), *[h for h in made.headers if h[0] != "id"]]))
    one.run()
    [heard] = told(one, "wamid.HOLA1").heard
    assert [(o.kind, o.told) for o in heard.orders] == [("timer", ["bot (timer)"])]
    ringing = told(one, alarm.id)
    assert (ringing.what, ringing.rules) == ("timer", None)
    assert ringing.caused_by.endswith(" (agent bot)")


def egress(one: Log, message: OutboundMessage, *states: str, on: str = "p2", **fields: Any) -> Fates:
    """What egress put on record of a message."""
    plan = Plan(
        plan_id="p1", tenant="acme", did=LINE, account="a", route="session", send_class="reply", digest="d",
        messages=[PlannedMessage(message.id, PERSON, PERSON, "outbound.replies", 0)], deadline_ms=NOW, at_ms=NOW + 1,
    )  # fmt: skip
    again = msgspec.structs.replace(plan, plan_id="p2", attempt=2, resend_of="p1", resend_why="person", at_ms=NOW + 9)
    one.write(Record("egress.journal", encode(plan), f"{LINE}|p1".encode()))
    call = CallOutcome(
        plan_id="p1", did=LINE, result="in_doubt", at_ms=NOW + 2, provider_ids=["wamid.PROVIDER"], code="broken"
    )
    one.write(Record("egress.journal", encode(call), f"{LINE}|p1|outcome".encode()))
    if "resent" in states:
        one.write(Record("egress.journal", encode(again), f"{LINE}|p2".encode()))
    for number, state in enumerate(s for s in states if s != "resent"):
        outcome = Outcome(
            tenant="acme", did=LINE, state=state, at_ms=NOW + 20 + number, message_ids=[message.id],  # type: ignore[arg-type]
            contacts=[PERSON], plan_id=on, **fields,
        )  # fmt: skip
        one.write(Record("outcomes", encode(outcome), LINE.encode()))
    return Fates([message.id]).read(one.records["egress.journal"]).read(one.records["outcomes"])


def test_what_became_of_a_message_is_told_step_by_step() -> None:
    one = log()
    one.feed(said())
    one.run()
    [(_, message)] = one.trail().sent
    found = told(one, "wamid.HOLA1", fates=egress(one, message, "resent", "accepted", "failed", code="131026"))
    [written] = found.heard[0].messages
    assert written.state == "failed"
    assert [(s.state, s.plan) for s in written.steps] == [
        ("planned", "p1"), ("in_doubt", "p1"), ("planned", "p2"), ("accepted", "p2"), ("failed", "p2"),
    ]  # fmt: skip
    has(
        text(found),
        "in_doubt, plan p1: broken",
        "planned, plan p2: attempt 2, resend of p1 (person)",
        "failed, plan p2: 131026",
    )


def test_what_outcomes_say_of_a_call_is_not_said_twice() -> None:
    one = log()
    one.feed(said())
    one.run()
    [(_, message)] = one.trail().sent
    [written] = told(one, "wamid.HOLA1", fates=egress(one, message, "in_doubt", on="p1")).heard[0].messages
    assert [(step.state, step.at_ms) for step in written.steps] == [("planned", NOW + 1), ("in_doubt", NOW + 20)]


def test_a_plan_without_an_outcome_is_a_message_under_way() -> None:
    one = log()
    one.feed(said())
    one.run()
    [(_, message)] = one.trail().sent
    plan_only = egress(one, message)
    plan_only.calls.clear()
    assert told(one, "wamid.HOLA1", fates=plan_only).heard[0].messages[0].state == "planned"


def test_a_dead_letter_of_egress_is_the_end_of_its_message() -> None:
    one = log()
    one.feed(said())
    one.run()
    [(sent, message)] = one.trail().sent
    cause = [
        ("dlq_reason", b"unknown_account"),
        ("dlq_source", sent.place.encode()),
        ("dlq_at", b"5"),
        ("dlq_by", b"e"),
    ]
    one.write(Record("outbound.replies.dlq", sent.value, sent.key, [*sent.headers.items(), *cause]))
    [written] = told(one, "wamid.HOLA1").heard[0].messages
    assert (written.state, written.steps[0].code) == ("dead", "unknown_account")
    assert message.id == written.id


def test_what_cannot_be_read_is_named_and_hides_nothing_else() -> None:
    one = log()
    one.feed(said())
    one.run()
    one.write(Record("outbound.replies", b"{", KEY.encode(), [("id", b"x")]))
    one.write(Record("outcomes", b'{"x": "MSG"', LINE.encode()))
    fates = Fates(["MSG"]).read(one.records["outcomes"])
    has(
        text(told(one, "wamid.HOLA1", fates=fates)),
        "routed to bot",
        "records that cannot be read: outbound.replies-0-1, outcomes-0-0",
    )


def test_an_id_that_holds_a_number_is_masked_unless_it_was_asked_for() -> None:
    one = log()
    one.feed(said("human", WAMID))
    one.run()
    [order] = told(one, WAMID).heard[0].orders
    assert told(one, WAMID).id == WAMID
    by_order = told(one, order.id)
    assert WAMID not in text(by_order)
    assert "caused by wamid.~" in text(by_order)
    assert WAMID in text(told(one, order.id, clear=True))
    assert told(one, WAMID, clear=True).contact == PERSON


# leads


def leads(one: Log, wanted: str) -> Leads:
    return Leads(wanted).read(one.all())


def test_every_kind_of_id_leads_to_its_conversation() -> None:
    one = log()
    one.feed(said(), said("raise", "wamid.OTHER"), record(b"\xff{", "webhook"))
    one.run()
    [(_, message)] = one.trail().sent
    egress(one, message, "accepted")
    assert list(leads(one, "wamid.HOLA1").found) == [Lead(KEY)]
    assert list(leads(one, message.id).found) == [Lead(KEY, message.id)]
    assert list(leads(one, "inbound.conversations-0-2").found) == [Lead(KEY)]
    by_provider = leads(one, "wamid.PROVIDER")
    assert (list(by_provider.found), by_provider.plans) == ([], {"p1": 0})
    assert list(by_provider.read_plans(one.records["egress.journal"]).found) == [Lead(KEY, message.id)]
    assert not leads(one, "wamid.NOBODY").found
    assert not leads(one, "wamid.HOLA").found, "a part of an id is not the id"


def test_an_id_is_found_however_a_body_escapes_its_signs() -> None:
    plain = msgspec.json.encode(cloud(cloud_value(messages=[cloud_text(wamid="wamid.AB/CD+EF==")])))
    escaped = plain.replace(b"wamid.AB/CD+EF==", b"wamid.AB\\/CD\\u002bEF\\u003d=")
    assert escaped != plain
    one = log()
    one.feed(record(escaped, "webhook"))
    assert list(leads(one, "wamid.AB/CD+EF==").found) == [Lead(KEY)]


def test_a_body_that_was_kept_at_the_door_is_found() -> None:
    one = log()
    headers = Headers(id="", type="rejected", tenant="acme", at_ms=NOW).to_kafka()
    one.write(Record("inbound.rejected", said().value, None, [*headers, ("reason", b"unknown_secret")]))
    assert [r.place for r in leads(one, "wamid.HOLA1").rejected] == ["inbound.rejected-0-0"]
    assert not leads(one, "wamid.HOLA2").rejected
    has(show.rejected(Rejected(address="inbound.rejected:0:0", reason="unknown_secret", tenant="", at_ms=NOW)),
        "kept at the door and never processed: unknown_secret, 20", "relevo dlq show inbound.rejected:0:0")  # fmt: skip


def test_what_cannot_be_read_leads_nowhere() -> None:
    one = log()
    for topic in ("outbound.replies", "outcomes", "egress.journal", "inbound.rejected", "inbound.conversations"):
        one.write(Record(topic, b'{"MSG', KEY.encode(), [("id", b"MSG"), ("type", b"webhook")]))
        one.write(Record(topic, None, KEY.encode(), [("id", b"MSG")]))
    assert list(leads(one, "MSG").found) == [Lead(KEY)], "the tombstone of an order, which its header names"


def test_a_message_outside_a_conversation_is_told_by_what_egress_says() -> None:
    one = log()
    message = OutboundMessage(id="m1", tenant="acme", did=LINE, contact=PERSON, to=PERSON,
                              content=Template(name="t", language="es"))  # fmt: skip
    headers = Headers(id="m1", type="message", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON)
    one.write(Record("outbound.templates", encode(message), b"m1", headers.to_kafka()))
    fates = egress(one, message, "accepted", "read")
    assert list(leads(one, "m1").found) == [Lead(KEY, "m1")]
    assert [sent.id for _, sent in one.trail().sent] == ["m1"]
    found = nameless("m1", fates, one.trail())
    assert (found.state, found.kind) == ("read", "")


# from a question to stories


class InMemory(Reading):
    """Reads the log instead of Kafka."""

    def __init__(self, log: Log) -> None:
        super().__init__(KafkaSettings())
        self._log = log
        self.since: list[int] = []

    def record(self, place: Place) -> Seen | None:
        found = self._log.records.get(place.topic, [])
        return found[place.offset] if place.partition == 0 and place.offset < len(found) else None

    def leads(self, wanted: str, scope: Scope) -> Leads:
        found = Leads(wanted).read(filter(scope.holds, self._log.all()))
        return found.read_plans(self._log.records["egress.journal"])

    def trail(self, key: str, since_ms: int) -> Trail:
        self.since.append(since_ms)
        did, contact = keys.split(key, 2)
        return self._log.trail(did, contact)

    def fates(self, did: str, message_ids: Iterable[str], since_ms: int) -> Fates:
        self.since.append(since_ms)
        return Fates(message_ids).read(self._log.records["egress.journal"]).read(self._log.records["outcomes"])


def asked(one: Log, wanted: str, scope: Scope | None = None) -> list[str]:
    """What of an id is found: the ids of events, or of messages without one."""
    found = find(InMemory(one), Question.of(wanted), scope or Scope(), one.world.owner, clear=True)
    return [story.id or story.messages[0].id for story in found.stories] + [r.reason for r in found.rejected]


def test_every_way_to_ask_leads_to_the_same_story() -> None:
    one = log(also=["crm"])
    one.feed(said("human"))
    one.run()
    [(_, reply), (_, control)] = one.trail().sent
    egress(one, reply, "accepted")
    order = one.records["inbound.conversations"][1]
    for wanted in (
        "wamid.HOLA1", "wamid.HOLA1.handed_off", "inbound.conversations-0-0", "agents.bot:0:0", reply.id, control.id,
        "wamid.PROVIDER", "outbound.replies-0-0", "outbound.replies-0-1",
    ):  # fmt: skip
        assert asked(one, wanted) == ["wamid.HOLA1"], wanted
    assert asked(one, order.id) == asked(one, order.place) == [order.id]
    for nowhere in ("wamid.X", "inbound.conversations-0-99", "inbound.conversations-3-0"):
        assert asked(one, nowhere) == []


def test_a_record_of_several_events_tells_all_or_the_one_that_was_named() -> None:
    nameless_ones = [{k: v for k, v in cloud_text("b").items() if k != "id"} for _ in range(2)]
    one = log()
    one.feed(posted(cloud(cloud_value(messages=[cloud_text("a", wamid="w1"), *nameless_ones]))))
    one.run()
    place = "inbound.conversations-0-0"
    assert asked(one, place) == ["w1", place, f"{place}.1"]
    assert asked(one, f"{place}.1") == [f"{place}.1"]


def test_an_id_on_two_lines_has_two_stories_unless_one_is_named() -> None:
    lines = [Line(did=did, sends="main") for did in (LINE, "56911111112")]
    one = Log(world(tenant(lines=lines, routing=Routing(route=[Rule(to="bot")])), ("bot",)), bot=bot)
    values = [cloud_value(did=line.did, messages=[cloud_text(wamid="same")]) for line in lines]
    one.feed(*(posted(cloud(value), did=line.did) for line, value in zip(lines, values, strict=True)))
    one.run()
    assert asked(one, "same") == ["same", "same"]
    assert asked(one, "same", Scope("56911111112")) == ["same"]


def test_a_message_of_no_event_and_a_body_at_the_door_are_found_by_id_or_place() -> None:
    one = log()
    message = OutboundMessage(id="m1", tenant="acme", did=LINE, contact=PERSON, to=PERSON,
                              content=Template(name="t", language="es"))  # fmt: skip
    headers = Headers(id="m1", type="message", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON)
    one.write(Record("outbound.templates", encode(message), b"m1", headers.to_kafka()))
    egress(one, message, "accepted", "read")
    one.write(Record("inbound.rejected", said().value, None, [("reason", b"unknown_secret")]))
    assert asked(one, "m1") == asked(one, "outbound.templates-0-0") == ["m1"]
    assert asked(one, "wamid.HOLA1") == asked(one, "inbound.rejected-0-0") == ["unknown_secret"]
    [story_] = find(InMemory(one), Question("m1"), Scope(), one.world.owner, clear=False).stories
    assert (story_.tenant, story_.contact, story_.messages[0].state) == ("acme", "…22", "read")
    has(text(story_), "a message without an event: tenant acme", "message m1: read")


def test_a_dead_letter_is_found_by_the_place_of_a_record_that_is_kept_no_longer() -> None:
    one = log()
    one.feed(record(b"\xff{", "webhook"))
    one.run()
    one.records["inbound.conversations"].clear()
    assert asked(one, "inbound.conversations-0-0") == ["inbound.conversations-0-0"]


def test_no_more_is_read_than_the_story_needs() -> None:
    one = log()
    one.feed(said())
    one.now_ms = NOW + 50_000_000
    one.run()
    look = InMemory(one)
    find(look, Question.of("wamid.HOLA1"), Scope(since_ms=NOW), one.world.owner, clear=False)
    assert look.since == [NOW, NOW + 50_000_000 - reading.CLOCKS_MS]
    old = InMemory(one)
    find(old, Question.of("inbound.conversations-0-0"), Scope(since_ms=NOW + 40_000_000), one.world.owner, clear=False)
    assert old.since[0] == NOW - reading.CLOCKS_MS, "a record that is named is older than what was asked for"


# questions and scope


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (" wamid.X ", Question("wamid.X")),
        ("wamid.X.handed_off", Question("wamid.X")),
        ("tenants-3-1234", Question("tenants-3-1234", Place("tenants", 3, 1234))),
        ("inbound.receipts-3-12.1", Question("inbound.receipts-3-12.1", Place("inbound.receipts", 3, 12))),
        ("agents.menu.dlq:0:7", Question("agents.menu.dlq:0:7", Place("agents.menu.dlq", 0, 7))),
        ("order-1-2", Question("order-1-2")),
        ("", Question("")),
    ],
)  # fmt: skip
def test_a_place_is_told_from_an_id(asked: str, expected: Question) -> None:
    assert Question.of(asked) == expected


@pytest.mark.parametrize(
    ("did", "contact", "key"),
    [
        ("+56 9 1111 1111", "56922222222", "56911111111|56922222222"),
        ("569", "+54 11 1234-5678", "569|5491112345678"),
        ("569", "US.1234abc", "569|US.1234abc"),
        ("569", "", ""),
        ("", "57", ""),
    ],
)
def test_a_scope_takes_numbers_as_people_write_them(did: str, contact: str, key: str) -> None:
    assert Scope.of(did, contact, 0).key == key


def seen(topic: str, key: str, **headers: bytes) -> Seen:
    return Seen(topic, 0, 0, 0, key.encode(), b"{}", headers)


@pytest.mark.parametrize(
    ("topic", "key", "within"),
    [
        ("inbound.conversations", "569|57", True),
        ("inbound.conversations.dlq", "569|58", False),
        ("inbound.conversations", "560|57", False),
        ("outcomes", "569", True),
        ("outcomes", "560", False),
        ("egress.journal", "569|plan", True),
        ("outbound.templates", "m1", True),
        ("inbound.rejected", "", True),
    ],
)
def test_a_scope_leaves_out_what_its_key_rules_out(topic: str, key: str, within: bool) -> None:
    assert Scope("569", "57").holds(seen(topic, key)) is within
    assert Scope().holds(seen(topic, key))


def test_the_groups_are_those_of_the_services() -> None:
    tenants = guard = cast(Any, SimpleNamespace(allows=lambda *_: True))
    agents, _ = agents_service.engine(KafkaSettings(), ProcessorSettings(), Agent("bot", bot), tenants, "0", guard)
    assert agents.app_id == reading._AGENTS_GROUP + "bot"
    assert conversations_service.APP_ID == reading._CONVERSATIONS_GROUP


# bytes


@settings(deadline=None)  # a busy machine is no fault
@given(st.text(min_size=1, max_size=40))
def test_a_needle_is_a_part_of_its_id_that_no_encoder_changes(event_id: str) -> None:
    part = needle(event_id)
    assert part in event_id.encode()
    if any(c.isascii() and c.isalnum() for c in event_id):
        assert part.isalnum()
        assert part in msgspec.json.encode({"id": event_id})


def test_events_of_one_body_are_known_as_conversations_knows_them() -> None:
    values = [cloud_text("a", wamid="w1"), {k: v for k, v in cloud_text("b").items() if k != "id"},
              {k: v for k, v in cloud_text("c").items() if k != "id"}]  # fmt: skip
    one = log()
    one.feed(posted(cloud(cloud_value(messages=values))))
    one.run()
    [came] = one.records["inbound.conversations"]
    ids = list(events(came))
    assert ids == ["w1", "inbound.conversations-0-0", "inbound.conversations-0-0.1"]
    assert [r.id for r in one.records["agents.bot"]] == ids
    assert all(holds(came, one_id, needle(one_id)) for one_id in ids)


@pytest.mark.parametrize(
    ("written", "ms"), [("24h", 86_400_000), ("7d", 604_800_000), ("30 min", 1_800_000), ("90s", 90_000)]
)
def test_a_span_is_read_as_people_write_it(written: str, ms: int) -> None:
    assert parsed(written) == ms


@pytest.mark.parametrize("written", ["", "soon", "0h", "-1d", "1w", "1.5h"])
def test_what_is_no_span_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="write 24h"):
        parsed(written)
