"""Why: the story of an event is put together from records alone, with everything that hangs on it."""

from __future__ import annotations

import msgspec
import pytest

from processors.agents import alarms
from relevo.dead_letters.records import mark
from relevo.why.parts import Masks
from relevo.why.question import Question
from relevo.why.story import story
from relevo.why.trail import Fates, Trail
from runtime.kafka.record import Record
from schemas import inbound
from schemas.record import encode
from schemas.tenant import Routing, Rule, When
from tests.builders.conversations import NOW, ordered, posted, record, tenant
from tests.builders.webhooks import LINE, PERSON, flat
from tests.builders.why import KEY, WAMID, egress, has, log, said, text, told


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


def test_an_optout_word_is_told_with_what_the_person_was_answered_and_by_the_id_that_taps_know() -> None:
    one = log(also=["crm"])
    one.feed(said("Baja"))
    one.run()
    found = told(one, "wamid.HOLA1")
    assert [(h.agent, h.standing) for h in found.heard] == [("bot", "silent"), ("crm", "unknown")]
    [message] = found.messages
    assert (message.agent, message.kind, message.state) == ("conversations", "text", "waiting")
    assert {Question.of(f"wamid.HOLA1{ending}").id for ending in (".opted_out", ".opted_in", "")} == {"wamid.HOLA1"}


def test_each_message_of_a_row_that_was_told_as_one_shows_the_answer() -> None:
    one = log(config={"debounce": {"quiet_s": 0.001}})
    one.feed(said(), said("¿están?", "wamid.HOLA2"))
    one.run()
    held = one._memories["bot", KEY.encode()]
    one.now_ms += 1000
    for rung in alarms.ring("bot", KEY.encode(), held, "acme", 0, one.now_ms):
        one.write(rung)
    one.run()
    for event_id in ("wamid.HOLA1", "wamid.HOLA2"):
        [heard] = told(one, event_id).heard
        assert (heard.standing, [message.kind for message in heard.messages]) == ("spoke", ["text"])
