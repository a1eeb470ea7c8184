"""A human who is silent for too long gives the conversation back, in its place among what both sides say; and what is
said while a human owns it stands in the transcripts of those who may hand it off again."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.conversations.humans import HumansWatch
from processors.conversations.owned import Humans, Owned, order
from processors.conversations.service import Handler, count
from processors.conversations.state import State
from processors.conversations.state import encode as encode_state
from processors.conversations.world import World
from processors.listening import listeners, speakers
from runtime import metrics
from runtime.engine import TableView
from runtime.kafka.record import Record
from runtime.metrics.process import PROCESS
from schemas import inbound
from schemas.outbound import OutboundMessage
from schemas.record import decode, encode
from schemas.session import Text
from schemas.tenant import Handoff, Routing, Rule, Tenant
from tests.builders.conversations import NOW, Conversations, Source, conversation_key, ordered, posted, tenant, world
from tests.builders.webhooks import LINE, PERSON, flat

MINUTE = 60_000
KEY = conversation_key()


def order_of(kind: type[inbound.Command], id: str, **fields: Any) -> Source:
    given = {"id": id, "tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW, "by": "menu", **fields}
    return ordered(kind(**given))


def said_by(who: str, text: str, id: str) -> Source:
    message = OutboundMessage(
        id=f"m-{id}", tenant="acme", did=LINE, contact=PERSON, to=PERSON, content=Text(body=text), at_ms=NOW
    )
    return order_of(inbound.Send, id, by="person:ines", message=message, who=who)


class Desk(Conversations):
    """A line whose tenant gives humans a minute, over a table as the engine has it."""

    def __init__(self, then: Any = "resume", timeout_s: float = 60, also: list[str] | None = None) -> None:
        self.acme = tenant("bot", also=also or [], handoff=Handoff(timeout_s=timeout_s, then=then))
        super().__init__(world(self.acme, agents=("menu", "echo", "crm", "desk")))
        self.view = TableView(0, self.table)
        self.watch = HumansWatch(self.world.owner, lambda: self.now_ms)

    def orders(self) -> list[Record]:
        """What housekeeping gives now; nothing is fed back."""
        self.watch.see(self.view, dict(self.table))
        effects = self.watch(self.view)
        return effects.outputs if effects else []

    def obeys(self, *orders: Record) -> None:
        self.feed(*(Source(one.value, one.key, list(one.headers)) for one in orders))

    def notes(self, agent: str) -> list[tuple[str, str]]:
        found = [o for o in self.outputs if o.topic == f"agents.{agent}" and dict(o.headers)["type"] == b"said"]
        return [(said.who, said.text) for said in (decode(one.value, inbound.Said) for one in found)]


def test_a_human_who_never_answers_gives_the_conversation_back_with_the_reason() -> None:
    desk = Desk()
    desk.feed(posted(flat(id=1)), order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE - 1
    assert desk.orders() == []
    desk.now_ms += 1
    (given,) = desk.orders()
    assert (given.topic, given.key, given.partition) == ("inbound.conversations", KEY, 0)
    desk.obeys(given)
    assert (desk.state().owner, desk.state().epoch) == ("bot", 2)
    assert desk.state().human_since_ms == 0
    *_, told = desk.told("menu")
    assert (told.event.kind, told.event.extra) == ("resumed", {"by": "conversations", "reason": "timeout"})
    assert desk.tally["acme", "given_back", "timeout"] == 1
    assert desk.orders() == []


def test_a_human_who_wrote_has_the_time_again_from_then_on() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE // 2
    desk.feed(posted(flat(id=2, chatType="OUTBOUND", stateAgent="AGENT", content="hola")))
    desk.now_ms += MINUTE // 2
    assert desk.orders() == []
    desk.now_ms += MINUTE // 2
    assert len(desk.orders()) == 1


@pytest.mark.parametrize(
    "between",
    [
        posted(flat(id=9, chatType="OUTBOUND", stateAgent="AGENT", content="un momento")),
        said_by("human", "un momento", "s1"),
    ],
    ids=["echo", "send"],
)
def test_words_of_the_human_that_are_on_their_way_before_the_order_win(between: Source) -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    (given,) = desk.orders()
    desk.feed(between)
    desk.obeys(given)
    assert (desk.state().owner, desk.state().epoch) == ("human", 1)
    assert desk.tally["acme", "ignored", "human_came_back"] == 1


def test_words_of_the_human_win_also_where_the_next_workers_clock_is_behind() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    (given,) = desk.orders()
    desk.now_ms = NOW - 5000
    desk.feed(said_by("human", "un momento", "s1"))
    desk.obeys(given)
    assert (desk.state().owner, desk.state().epoch) == ("human", 1)


def test_an_order_of_an_older_epoch_or_for_a_bot_does_nothing() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    (given,) = desk.orders()
    desk.feed(order_of(inbound.Resume, "r1"))
    desk.obeys(given)
    assert (desk.state().owner, desk.state().epoch) == ("bot", 2)
    desk.feed(order_of(inbound.HandOff, "h2"))
    desk.obeys(given)
    assert (desk.state().owner, desk.state().epoch) == ("human", 3)


def test_asked_again_it_is_the_same_order_and_obeyed_once() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    (first,) = desk.orders()
    assert desk.orders() == [], "not before a while"
    after = HumansWatch(desk.world.owner, lambda: desk.now_ms)(desk.view)  # a worker that was killed meanwhile
    assert after is not None
    (second,) = after.outputs
    assert dict(second.headers)["id"] == dict(first.headers)["id"]
    desk.obeys(first, second)
    assert desk.state().epoch == 2
    assert [one.event.kind for one in desk.told("menu") if one.kind == "event"] == ["resumed"]


def test_a_tenant_may_want_the_chat_closed_instead() -> None:
    desk = Desk(then="close")
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    desk.obeys(*desk.orders())
    assert desk.state().owner == "bot"
    *_, told = desk.told("menu")
    assert (told.event.kind, told.event.extra["reason"]) == ("session", "timeout")
    assert [message.content.action for message in desk.said()] == ["transfer", "close"]  # type: ignore[union-attr]


def test_a_time_out_that_the_tenant_changed_counts_for_conversations_that_humans_have() -> None:
    desk = Desk(timeout_s=0)
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += 2 * MINUTE
    assert desk.orders() == []
    shorter = tenant("bot", handoff=Handoff(timeout_s=60))
    desk.watch._owner = lambda did: shorter
    desk.now_ms += MINUTE // 2
    assert len(desk.orders()) == 1


def test_without_a_time_out_nobody_is_hurried() -> None:
    desk = Desk(timeout_s=0)
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += 30 * 86_400_000
    assert desk.orders() == []


def test_a_line_that_went_to_another_tenant_is_not_given_back_by_it() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"))
    desk.now_ms += MINUTE
    (given,) = desk.orders()
    other = tenant(handoff=Handoff(timeout_s=1), tenant="bank")
    desk.world = World(lambda did: other, desk.world.agents, 4)
    watch = HumansWatch(desk.world.owner, lambda: desk.now_ms)
    assert watch(desk.view) is None
    desk.obeys(given)
    assert not desk.letters()
    assert desk.tally["acme", "dropped", "foreign_line"] == 1


@given(st.lists(st.sampled_from(["hand_off", "echo", "send", "resume", "minute", "customer"]), max_size=25))
def test_the_index_is_what_a_reading_of_the_table_would_find_and_time_ends_silence_alone(steps: list[str]) -> None:
    desk = Desk()
    acted_ms = 0
    for number, step in enumerate(steps):
        desk.now_ms += 1000
        match step:
            case "hand_off":
                acted_ms = desk.now_ms if desk.state().owner == "bot" else acted_ms
                desk.feed(order_of(inbound.HandOff, f"c{number}"))
            case "echo":
                acted_ms = desk.now_ms
                desk.feed(posted(flat(id=number, chatType="OUTBOUND", stateAgent="AGENT", content="eh")))
            case "send":
                acted_ms = desk.now_ms
                desk.feed(said_by("human", "hola", f"s{number}"))
            case "resume":
                desk.feed(order_of(inbound.Resume, f"r{number}"))
            case "customer":
                desk.feed(posted(flat(id=number)))
            case _:
                desk.now_ms += MINUTE // 2
        due = desk.state().owner == "human" and acted_ms + MINUTE <= desk.now_ms
        given = desk.orders()
        assert bool(given) == due
        desk.obeys(*given)
        desk.orders()
        index, owned = desk.watch._index(desk.view), Humans(desk.table.items()).owned
        assert owned == index.owned
        assert sum(index.counts.values()) == len(owned)
        assert len(index._heap) <= number + 2, "what counts no more is let go in time"
        assert bool(owned) == (desk.state().owner == "human")
    assert not desk.letters()


def test_conversations_of_humans_and_changes_of_owner_are_counted() -> None:
    desk = Desk()
    desk.feed(order_of(inbound.HandOff, "h1"), posted(flat(id=1, msisdn="56933333333"), contact="56933333333"))
    desk.orders()
    assert PROCESS.value(metrics.PROCESSOR_HUMAN_CONVERSATIONS, tenant="acme") == 1
    before = PROCESS.value(metrics.PROCESSOR_HANDOFFS, tenant="acme", step="handed_off", by="agent")
    count(desk.tally)
    assert PROCESS.value(metrics.PROCESSOR_HANDOFFS, tenant="acme", step="handed_off", by="agent") == before + 1
    desk.feed(order_of(inbound.Resume, "r1"))
    desk.orders()
    assert PROCESS.value(metrics.PROCESSOR_HUMAN_CONVERSATIONS, tenant="acme") == 0


def test_nothing_is_kept_of_a_partition_that_went_to_another_worker() -> None:
    desk = Desk()
    for number in range(1, 3):
        view = TableView(
            number, dict.fromkeys([KEY], encode_state(State(owner="human", touched_ms=NOW, tenant="acme")))
        )
        desk.watch(view)
    gone = weakref.ref(view)
    del view
    gc.collect()
    assert gone() is None, "its table, however large, would stay in memory"


async def test_the_service_hears_of_every_chunk() -> None:
    desk = Desk()
    handler = Handler(desk.world, now_ms=lambda: desk.now_ms)

    class Chunk:
        records = [order_of(inbound.HandOff, "h1")]

    assert handler.humans(desk.view) is None
    effects = await handler(Chunk(), desk.view)  # type: ignore[arg-type]
    desk.view.apply(effects.writes)
    desk.now_ms += MINUTE
    given = handler.humans(desk.view)
    assert given is not None
    assert len(given.outputs) == 1


def test_the_order_is_read_as_what_the_tenant_wants() -> None:
    one = Owned("acme", 3, NOW)
    for then, kind in (("resume", inbound.Resume), ("close", inbound.Close)):
        made = order(KEY, one, Tenant(tenant="acme", handoff=Handoff(timeout_s=1, then=then)), 2, NOW)  # type: ignore[arg-type]
        read = decode(made.value, inbound.AnyCommand)  # type: ignore[arg-type]
        assert isinstance(read, kind)
        assert read.overdue == inbound.Overdue(epoch=3, since_ms=NOW)


# what is said while a human owns the conversation


def test_a_humans_words_take_the_conversation_tell_the_taps_and_stand_in_transcripts() -> None:
    desk = Desk(also=["desk", "crm"])
    desk.feed(posted(flat(id=1)), said_by("human", "soy Inés", "s1"), said_by("bot", "su saldo es 3", "s2"))
    assert (desk.state().owner, desk.state().wrote_ms) == ("human", NOW)
    assert [one.event.kind for one in desk.told("crm")] == ["message", "handed_off"]
    assert desk.notes("menu") == desk.notes("desk") == [("human", "soy Inés"), ("bot", "su saldo es 3")]
    assert desk.notes("crm") == []
    assert [message.content for message in desk.said()] == [Text(body="soy Inés"), Text(body="su saldo es 3")]


def test_what_a_person_says_to_a_human_stands_in_the_agents_transcript_also_where_a_tap_hears_it() -> None:
    desk = Desk(also=["crm"])
    desk.feed(posted(flat(id=1)), order_of(inbound.HandOff, "h1"), posted(flat(id=2, content="¿hay alguien?")))
    assert desk.notes("menu") == [("customer", "¿hay alguien?")]
    assert [one.event.id for one in desk.told("crm") if one.event.kind == "message"] == ["1", "2"]
    assert desk.tally["acme", "routed", ""] == 2


def test_a_humans_echo_is_told_to_taps_that_listen_as_one_that_may_repeat() -> None:
    desk = Desk(also=["desk", "crm"])
    desk.feed(posted(flat(id=1, chatType="OUTBOUND", stateAgent="AGENT", content="soy Inés")))
    assert desk.notes("desk") == [("human", "soy Inés")]
    assert desk.notes("crm") == []
    (note,) = [one for one in desk.outputs if one.topic == "agents.desk" and dict(one.headers)["type"] == b"said"]
    assert decode(note.value, inbound.Overheard).echo


def test_who_listens_and_who_speaks() -> None:
    routing = Routing(route=[Rule(to="handoff"), Rule(to="menu"), Rule(to="handoff")], also=["crm", "desk", "mine"])
    acme = Tenant(tenant="acme", routing=routing, agents={"mine": {"transcript": "whole"}, "crm": {}})
    assert listeners(acme) == ["desk", "mine"]
    assert speakers(acme) == ["handoff", "menu"]


def test_a_state_of_before_knows_no_time_of_a_human_and_counts_from_when_it_was_touched() -> None:
    old = State(owner="human", epoch=1, touched_ms=NOW, tenant="acme")
    assert Owned.of(encode_state(old)) == Owned("acme", 1, NOW)
    desk = Desk()
    desk.table[KEY] = encode_state(old)
    desk.now_ms += MINUTE
    desk.obeys(*desk.orders())
    assert desk.state().owner == "bot"
    assert Owned.of(encode_state(State(profile_name="human", touched_ms=NOW))) is None
    assert encode(inbound.Said(who="bot", text="x", at_ms=1)) == b'{"who":"bot","text":"x","at_ms":1}'
