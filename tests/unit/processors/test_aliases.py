"""One person with two keys is one conversation: whichever key things come by, each is handled once, none forgotten."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.agents.memory import Memory
from processors.conversations.service import Handler
from processors.conversations.state import State
from relevo import Action, Conversation, HandOff, InboundEvent, Remember, Reply, Schedule
from runtime.engine import Effects, TableView
from schemas import inbound, keys
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Alias
from schemas.record import decode, encode
from schemas.tenant import Routing, Rule
from tests.builders.conversations import NOW, SOURCE, Conversations, conversation_key, ordered, record, tenant, world
from tests.builders.people import PARENT, USER, People, message, moved_to
from tests.builders.webhooks import LINE, PERSON

DAY = 86_400_000
OTHER = "56933333333"


class Listener:
    """An agent that remembers each event by its id, and what it was told."""

    def __init__(self) -> None:
        self.heard: list[InboundEvent] = []

    async def __call__(self, conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        self.heard.append(event)
        yield Remember({event.id: 1})
        words = getattr(event.content, "body", "")
        if words == "humano":
            yield HandOff()
        elif words == "luego":
            yield Schedule(f"t{event.id}", 60)
        elif event.kind == "message":
            yield Reply.text(event.id)

    @property
    def ids(self) -> list[str]:
        return [event.id for event in self.heard]


def blank(memory: Memory) -> bool:
    """Whether nothing is known of the person."""
    return memory.is_idle() and not memory.lines


@pytest.fixture
def agent() -> Listener:
    return Listener()


@pytest.fixture
def people(agent: Listener) -> People:
    return People(agent)


def test_a_user_id_seen_with_a_phone_leads_to_the_phones_conversation(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    people.says("wamid.2", user=USER)
    people.says("wamid.2", user=USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    assert agent.ids == ["wamid.1", "wamid.2"]
    assert people.tally["acme", "duplicate", ""] == 2
    assert {(event.contact, event.reply_to) for event in agent.heard} == {(PERSON, PERSON)}
    assert people.memory().said == {"wamid.1": 1, "wamid.2": 1}
    assert [said.to for said in people.said()] == [PERSON, PERSON]
    assert (people.state(USER).alias, people.state().user_id) == (PERSON, USER)
    assert people.state().last_inbound_ms == NOW // 1000 * 1000
    assert not people.letters()


def test_what_is_forwarded_has_the_same_bytes_and_says_where_it_came_from() -> None:
    alone = Conversations(world(agents=("menu",)))
    alone.feed(record(encode(_alias()), "alias", contact=USER))
    body = encode({"any": "thing"})
    (forwarded,) = alone.feed(record(body, "webhook", contact=USER, at_ms=NOW - 5))
    told = Headers.from_kafka(forwarded.headers)
    assert (forwarded.topic, forwarded.key, forwarded.value) == (SOURCE, conversation_key(), body)
    assert (told.type, told.tenant, told.contact, told.at_ms) == ("webhook", "acme", PERSON, NOW - 5)
    more = {name: value for name, value in forwarded.headers if name.startswith("alias")}
    assert more == {"alias": USER.encode(), "alias_address": b"569", "alias_source": b"inbound.conversations-0-1"}
    assert forwarded.partition == keys.partition(conversation_key(), 4)


def _alias(user_id: str = USER, contact: str = PERSON, **fields: Any) -> Alias:
    return Alias(id="a", tenant="acme", did=LINE, user_id=user_id, contact=contact, reply_to="569", **fields)


def test_an_event_without_an_id_keeps_its_first_place_as_its_id(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    body = message("", user=USER)
    del body["entry"][0]["changes"][0]["value"]["messages"][0]["id"]
    people.post(body, user=USER)
    people.settle()
    place = keys.partition(conversation_key(USER), 4)
    assert agent.ids == ["wamid.1", f"inbound.conversations-{place}-2"]


def test_what_the_user_ids_key_knew_joins_the_phones_conversation(people: People, agent: Listener) -> None:
    people.says("wamid.1", user=USER)
    people.says("wamid.luego", "luego", user=USER)
    people.order(inbound.OptOut, "c1", USER, categories=["marketing"])
    people.order(inbound.HandOff, "c2", USER)
    people.settle()
    assert people.state(USER).owner == "human"
    people.order(inbound.OptOut, "c3", categories=["utility"])
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    state = people.state()
    assert (state.owner, state.epoch, state.optout) == ("human", 1, ["marketing", "utility"])
    assert people.optouts() == {USER: None, PERSON: ["marketing", "utility"]}
    assert people.memory().said == {"wamid.1": 1, "wamid.luego": 1, "wamid.2": 1}
    assert [alarm.name for alarm in people.memory().alarms] == ["twamid.luego"]
    assert (people.memory(USER).said, people.memory(USER).alarms) == ({}, [])
    people.says("wamid.1", user=USER)
    people.says("wamid.3", user=USER)
    people.settle()
    assert agent.ids == ["wamid.1", "wamid.luego", "wamid.2"], "known there too, and a human has it"


events = st.lists(
    st.tuples(
        st.sampled_from(["phone", "user", "both", "both", "parent", "again"]),
        st.sampled_from(["hola", "hola", "luego", "humano", "baja"]),
        st.lists(st.integers(0, 9), max_size=4),
    ),
    max_size=9,
)


@settings(deadline=None)
@given(events, st.lists(st.integers(0, 99), max_size=60), st.integers(0, 5))
def test_in_any_order_of_the_workers_each_event_is_handled_once(
    given_events: list[tuple[str, str, list[int]]], turns: list[int], repeated: int
) -> None:
    """Each key has a worker of its own; agents get their last records again, as after a crash."""
    agent = Listener()
    people = People(agent, world(tenant(optout={"words": {"es": ["baja"]}}), agents=("menu",)))
    sent: list[tuple[dict[str, Any], dict[str, str]]] = []
    texts: dict[str, str] = {}
    for n, (who, text, own_turns) in enumerate(given_events):
        if who == "again" and sent:
            body, place = sent[n % len(sent)]
        else:
            known = {"phone": (PERSON, ""), "user": ("", USER), "parent": (PERSON, PARENT)}.get(who, (PERSON, USER))
            place = {"sender": known[0], "user": known[1]}
            texts[f"wamid.{n}"] = text
            body = message(f"wamid.{n}", text, **place)
            sent.append((body, place))
        people.post(body, **place)
        for turn in own_turns:
            waiting = sorted(place for place, queue in people.queues.items() if queue)
            if waiting:
                people.serve(waiting[turn % len(waiting)])
    people.settle(turns)
    for contact in (PERSON, USER):
        people.again(("agents.menu", conversation_key(contact)), repeated)
    people.settle()
    assert not people.letters()
    dropped = people.tally["acme", "dropped", "human_owns"]
    assert max(Counter(agent.ids).values(), default=0) <= 1
    assert len(agent.ids) + dropped + people.outcomes["muted"] == len(texts)
    known_both = any(who == "both" for who, *_ in given_events)
    if known_both:
        assert people.state(USER).alias == PERSON
        assert people.memory(USER).said == {}
        assert set(people.memory().said) == set(agent.ids)
        if "humano" in {texts[one] for one in agent.ids}:
            assert people.state().owner == "human"
        if "baja" in texts.values():
            assert (people.state().optout, people.optouts()[PERSON]) == ([], [])
            assert people.optouts().get(USER) is None


def test_what_was_handled_under_the_user_id_is_a_duplicate_at_the_phone(people: People, agent: Listener) -> None:
    people.says("wamid.1", user=USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    people.says("wamid.1", user=USER)
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    assert agent.ids == ["wamid.1", "wamid.2"]
    assert (people.tally["acme", "duplicate", ""], people.outcomes["duplicate"]) == (2, 0)


def test_taps_hear_that_a_human_came_along(agent: Listener) -> None:
    people = People(agent, world(tenant(routing=Routing(route=[Rule(to="menu")], also=["menu"]))))
    people.order(inbound.HandOff, "c1", USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    took_over = [(event.contact, event.kind, event.facts.owner) for event in agent.heard if event.kind != "message"]
    assert took_over == [(USER, "handed_off", "human"), (PERSON, "handed_off", "human")]


def test_the_end_of_an_alias_that_leads_elsewhere_by_now_is_not_heeded() -> None:
    conversations = Conversations()
    late = _alias(ends="erase")
    conversations.feed(record(encode(_alias(contact=OTHER)), "alias", contact=USER))
    conversations.feed(record(encode(late), "alias", contact=USER))
    assert conversations.state(conversation_key(USER)).alias == OTHER


def test_the_parent_form_is_an_alias_beside_the_other(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.says("wamid.2", sender=PERSON, user=PARENT)
    people.settle()
    people.says("wamid.3", user=PARENT)
    people.says("wamid.4", user=USER)
    people.settle()
    assert sorted(agent.ids) == ["wamid.1", "wamid.2", "wamid.3", "wamid.4"]
    assert (people.state(USER).alias, people.state(PARENT).alias) == (PERSON, PERSON)
    assert {event.contact for event in agent.heard} == {PERSON}


def test_who_showed_a_user_id_last_has_it(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    people.says("wamid.2", sender=OTHER, user=USER)
    people.settle()
    assert people.state(USER).alias == OTHER
    assert (people.state().user_id, people.state(OTHER).user_id) == ("", USER)
    people.says("wamid.3", user=USER)
    people.settle()
    assert agent.heard[-1].contact == OTHER
    people.order(inbound.Erase, "c1")
    people.settle()
    assert people.state(USER).alias == OTHER, "the first one's end is not the second one's"
    people.says("wamid.4", sender=PERSON, user=USER)
    people.settle()
    assert people.state(USER).alias == PERSON


def test_a_phone_that_shows_another_user_id_lets_go_of_the_first(people: People) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.says("wamid.2", sender=PERSON, user="CL.2")
    people.settle()
    assert people.state(USER).forgotten
    assert people.state("CL.2").alias == PERSON


@pytest.mark.parametrize("user_id", [OTHER, "x|y", "u" * 200])
def test_what_is_no_user_id_never_takes_a_key(people: People, user_id: str) -> None:
    """A number as a user id would take the conversation of whoever has that number."""
    people.says("wamid.1", sender=PERSON, user=user_id)
    people.settle()
    assert set(people.states) == {conversation_key()}
    assert not people.letters()


@pytest.mark.parametrize(
    "alias", [_alias(OTHER, PERSON), _alias(USER, USER), _alias("CL.2", "CL.3"), _alias(ends="taken"), _alias("CL.2")]
)
def test_an_alias_that_could_lead_in_a_circle_is_a_dead_letter(alias: Alias) -> None:
    conversations = Conversations()
    contact = (
        OTHER if alias.user_id == OTHER else USER if alias.user_id != "CL.2" or alias.contact == PERSON else "CL.2"
    )
    conversations.feed(record(encode(alias), "alias", contact=contact))
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "misplaced"
    assert conversations.table == {}


def test_what_cannot_be_read_is_forwarded_too_and_kept_at_the_phones_key() -> None:
    conversations = Conversations()
    conversations.feed(record(encode(_alias()), "alias", contact=USER))
    (forwarded,) = conversations.feed(record(b"{", "webhook", contact=USER))
    assert (forwarded.key, forwarded.value) == (conversation_key(), b"{")
    conversations.feed(record(b"{", "webhook")._replace(headers=list(forwarded.headers)))
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "not_json"


def test_what_came_by_an_alias_is_not_forwarded_again() -> None:
    conversations = Conversations()
    conversations.feed(record(encode(_alias()), "alias", contact=USER))
    twice = record(b"{}", "webhook", contact=USER)
    conversations.feed(twice._replace(headers=[*twice.headers, ("alias", b"CL.9")]))
    assert Cause.from_headers(conversations.letters()[0].headers).reason == "misplaced"


def test_an_alias_of_one_line_says_nothing_about_another(agent: Listener) -> None:
    line = tenant().lines[0]
    second = "56911111112"
    both = tenant(lines=[line, type(line)(did=second, sends="main", templates="main")])
    people = People(agent, world(both, agents=("menu",)))
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    people.says("wamid.2", user=USER, did=second)
    people.settle()
    assert (agent.heard[-1].did, agent.heard[-1].contact) == (second, USER)


def test_a_line_that_changes_its_tenant_forgets_its_aliases() -> None:
    acme = Conversations()
    acme.feed(record(encode(_alias()), "alias", contact=USER))
    other = Conversations(world(tenant(tenant="other")), table=acme.table, offset=acme.offset)
    told = Headers(id="h", type="webhook", tenant="other", at_ms=NOW, did=LINE, contact=USER).to_kafka()
    body = encode(message("wamid.1", user=USER))
    other.feed(record(body, "webhook", contact=USER)._replace(headers=told))
    (heard,) = other.told("menu")
    assert (heard.event.contact, heard.event.tenant) == (USER, "other")
    assert other.state(conversation_key(USER)).alias == ""


def test_what_a_user_ids_key_knew_under_the_tenant_before_goes_and_the_wish_comes_along() -> None:
    before = Conversations(world(tenant(tenant="other")))
    told = Headers(id="h", type="command", tenant="other", at_ms=NOW, did=LINE, contact=USER).to_kafka()
    order = inbound.OptOut(
        id="c", tenant="other", did=LINE, contact=USER, at_ms=NOW, by="isv", categories=["marketing"]
    )
    before.feed(record(encode(order), "command", contact=USER)._replace(headers=told))
    acme = Conversations(table=before.table, offset=before.offset)
    left = acme.feed(record(encode(_alias()), "alias", contact=USER))
    (moved,) = (
        decode(one.value, inbound.Moved)
        for one in left
        if dict(one.headers)["type"] == b"moved" and one.topic == SOURCE
    )
    assert (moved.tenant, moved.optout, moved.profile_name) == ("acme", ["marketing"], "")
    assert {one.topic for one in left} == {SOURCE, "optouts", "agents.menu", "agents.echo", "agents.crm"}, (
        "agents forget"
    )


def test_erasing_the_person_erases_both_keys_and_what_followed(people: People, agent: Listener) -> None:
    people.says("wamid.1", user=USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    people.order(inbound.Erase, "c1", USER)
    people.settle()
    assert people.state().forgotten
    assert people.state(USER).forgotten
    assert all(map(blank, people.memories.values()))
    people.says("wamid.3", user=USER)
    people.settle()
    assert agent.heard[-1].contact == USER, "nobody knows that it was the same person"


def test_after_an_erasure_no_repeat_brings_the_person_back(people: People, agent: Listener) -> None:
    """By whichever key it came, wherever it was handled."""
    people.says("wamid.1", user=USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    people.says("wamid.3", user=USER)
    people.settle()
    people.order(inbound.Erase, "c1")
    people.settle()
    heard = len(agent.heard)
    for wamid in ("wamid.1", "wamid.3"):
        people.says(wamid, user=USER)
    people.says("wamid.2", sender=PERSON, user=USER)
    people.settle()
    assert len(agent.heard) == heard
    assert people.state().forgotten
    assert people.state(USER).forgotten


def test_what_was_forwarded_behind_an_erasure_is_known_when_the_alias_has_ended(people: People) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    phone, user = (SOURCE, conversation_key()), (SOURCE, conversation_key(USER))
    people.order(inbound.Erase, "c1")
    people.says("wamid.2", user=USER)
    people.serve(user)  # it is forwarded, and stands behind the order
    people.serve(phone)
    people.says("wamid.2", user=USER)
    people.serve(user)  # the alias ends
    people.serve(user)
    assert people.state(USER).forgotten, "the repeat was handled at the phone's key"
    assert people.tally["acme", "duplicate", ""] == 1


def test_an_order_to_erase_ends_the_alias_that_it_came_by_though_the_phone_knows_of_none(people: People) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    del people.states[conversation_key()]
    people.order(inbound.Erase, "c1", USER)
    people.settle()
    assert people.state(USER).forgotten
    assert people.state().forgotten


def test_what_moves_behind_an_erasure_brings_nothing_back_but_the_wish(people: People) -> None:
    """The phone's key is erased while what the user id's key knew is on its way."""
    people.says("wamid.1", user=USER)
    people.order(inbound.OptOut, "c0", USER)
    people.settle()
    people.says("wamid.2", sender=PERSON, user=USER)
    phone, user = (SOURCE, conversation_key()), (SOURCE, conversation_key(USER))
    people.serve(phone)
    people.order(inbound.Erase, "c1")
    people.serve(user)
    people.serve(phone)
    people.settle()
    assert people.state(USER).forgotten
    assert people.state().forgotten
    assert (people.state().optout, people.state(USER).optout) == ([], None)
    assert all(map(blank, people.memories.values()))
    assert people.optouts() == {USER: None, PERSON: []}


def test_an_alias_lives_as_long_as_the_phones_conversation_and_leaves_with_it(people: People, agent: Listener) -> None:
    people.says("wamid.0", user=USER)
    people.settle()
    people.says("wamid.both", sender=PERSON, user=USER)
    for day in range(30):
        people.says(f"wamid.{day + 1}", sender=PERSON)
        people.settle()
        people.now_ms += DAY
        people.sweep()
    assert people.state(USER).alias == PERSON
    renewals = people.tally["acme", "aliased", ""]
    assert 5 <= renewals <= 10, "not with every event"
    people.now_ms += 6 * DAY
    people.sweep()
    people.says("wamid.x", user=USER)
    people.settle()
    assert agent.heard[-1].contact == PERSON
    people.now_ms += 8 * DAY
    people.sweep()
    people.settle()
    assert people.states == {}
    assert blank(people.memory(USER)), "what stood for what moved is gone, too"


def test_an_alias_that_nobody_ends_leaves_by_itself(people: People) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    del people.states[conversation_key()]
    people.now_ms += 15 * DAY
    people.sweep()
    assert people.states == {}


def test_orders_and_timers_for_a_user_id_are_obeyed_at_the_phone(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.settle()
    people.order(inbound.HandOff, "c1", USER)
    people.order(inbound.HandOff, "c1", USER)
    people.settle()
    assert (people.state().owner, people.state().epoch) == ("human", 1)
    timer = inbound.Timer(id="t1", tenant="acme", did=LINE, contact=USER, agent="menu", name="n", due_ms=NOW)
    people.order(inbound.Resume, "c2")
    alone = Conversations(world(agents=("menu",)), table=people.states, offset=100)
    (forwarded,) = alone.feed(ordered(timer, contact=USER)._replace(headers=_timer_headers()))
    assert (forwarded.key, dict(forwarded.headers)["type"]) == (conversation_key(), b"timer")


def _timer_headers() -> list[tuple[str, bytes]]:
    return Headers(id="t1", type="timer", tenant="acme", at_ms=NOW, did=LINE, contact=USER).to_kafka()


@pytest.mark.parametrize("form", ["541155551234", "54111555551234", "5401155551234"])
def test_an_order_for_any_form_of_a_number_reaches_its_one_conversation(
    people: People, agent: Listener, form: str
) -> None:
    canonical = "5491155551234"
    people.says("wamid.1", sender="541155551234")
    people.settle()
    people.order(inbound.OptOut, "c1", form)
    people.settle()
    assert people.state(canonical).optout == []
    assert set(people.states) == {conversation_key(canonical)}
    assert agent.heard[0].reply_to == "541155551234", "answered in the provider's form"
    assert not people.letters()


def test_silence_after_a_hand_off_comes_along(people: People, agent: Listener) -> None:
    """The order of the hand-off is still on its way when the keys become one."""
    people.says("wamid.1", "humano", user=USER)
    source, at_agent = (SOURCE, conversation_key(USER)), ("agents.menu", conversation_key(USER))
    people.serve(source)
    people.says("wamid.2", sender=PERSON, user=USER)
    people.serve((SOURCE, conversation_key()))
    people.serve(source)  # the alias, before the hand-off
    people.serve(at_agent)  # the hand-off leaves behind it
    people.serve(at_agent)  # the memory is handed over
    people.serve(("agents.menu", conversation_key()))  # wamid.2 came before the memory did
    people.serve(("agents.menu", conversation_key()))  # the memory is adopted
    people.says("wamid.3", sender=PERSON)
    people.serve((SOURCE, conversation_key()))
    while people.queues["agents.menu", conversation_key()]:
        people.serve(("agents.menu", conversation_key()))
    assert agent.ids == ["wamid.1", "wamid.2"], "silent, though its hand-off is not known here yet"
    people.settle()
    assert people.state().owner == "human"
    people.order(inbound.Resume, "c1")
    people.settle()
    people.says("wamid.4", sender=PERSON)
    people.settle()
    assert agent.ids[2:] == ["c1", "wamid.4"]


# -- numbers that change


def test_a_person_with_a_new_number_is_known_there_and_the_old_one_begins_anew(people: People, agent: Listener) -> None:
    people.says("wamid.1", "luego", sender=PERSON, user=USER)
    people.order(inbound.OptOut, "c1", categories=["marketing"])
    people.order(inbound.HandOff, "c2", language="pt")
    people.settle()
    people.order(inbound.Resume, "c3")
    people.order(inbound.HandOff, "c4")
    people.settle()
    people.post(moved_to(OTHER), sender=PERSON)
    people.settle()
    new, old = people.state(OTHER), people.state()
    assert (new.owner, new.optout, new.language, new.profile_name) == ("human", ["marketing"], "pt", "Ana")
    assert (new.last_inbound_ms, new.user_id, new.alias) == (0, "", ""), "no window: nobody wrote from there"
    assert people.memory(OTHER).said == {"wamid.1": 1, "c3": 1}
    assert [alarm.name for alarm in people.memory(OTHER).alarms] == ["twamid.1"]
    assert (old.owner, old.optout, old.profile_name, old.user_id, old.alias) == ("bot", None, "", "", "")
    assert people.optouts() == {PERSON: None, OTHER: ["marketing"]}
    assert people.state(USER).forgotten, "the user id does not lead to the old number any more"
    people.says("wamid.1", sender=PERSON)
    people.says("wamid.2", sender=PERSON)
    people.settle()
    assert people.tally["acme", "duplicate", ""] == 1
    assert (agent.heard[-1].contact, agent.heard[-1].facts.owner) == (PERSON, "bot"), "somebody else, perhaps"
    people.post(moved_to(OTHER), sender=PERSON)
    people.settle()
    assert people.tally["acme", "moved", "number"] == 1


def test_a_repeat_by_the_user_id_is_known_when_the_number_has_changed(people: People, agent: Listener) -> None:
    people.says("wamid.1", sender=PERSON, user=USER)
    people.says("wamid.2", user=USER)
    people.settle()
    people.post(moved_to(OTHER), sender=PERSON)
    people.settle()
    heard = len(agent.heard)
    people.says("wamid.2", user=USER)
    people.settle()
    assert len(agent.heard) == heard


def test_a_wish_at_the_number_that_was_left_is_not_lifted_by_the_one_that_moved(people: People) -> None:
    """The number was given to somebody who wants to be left alone before the wish that moved has arrived."""
    people.says("wamid.1", sender=PERSON)
    people.order(inbound.OptOut, "c1", categories=["marketing"])
    people.settle()
    people.post(moved_to(OTHER), sender=PERSON)
    people.order(inbound.OptOut, "c2")
    people.serve((SOURCE, conversation_key()))
    assert people.optouts() == {PERSON: None}
    people.serve((SOURCE, conversation_key()))
    people.settle()
    assert people.optouts() == {PERSON: [], OTHER: ["marketing"]}
    assert (people.state().optout, people.state(OTHER).optout) == ([], ["marketing"])


@pytest.mark.parametrize("number", ["", "12", PERSON, "no number"])
def test_a_change_that_names_no_other_number_moves_nothing(people: People, number: str) -> None:
    people.says("wamid.1", sender=PERSON)
    people.post(moved_to(number), sender=PERSON)
    people.settle()
    assert set(people.states) == {conversation_key()}
    assert people.state().profile_name == "Ana"


# -- idle ones and wishes


def test_of_an_idle_conversation_with_an_optout_the_wish_alone_stays() -> None:
    conversations = Conversations(world(tenant(optout={"words": {"es": ["baja"]}})))
    people_says = record(encode(message("wamid.1", "baja", sender=PERSON)), "webhook")
    conversations.feed(people_says)
    conversations.now_ms += 8 * DAY
    conversations.run([], sweep=10)
    assert conversations.state() == State(optout=[], tenant="acme")
    assert len(conversations.table[conversation_key()]) < 60
    conversations.run([], sweep=10)
    assert conversations.tally["", "idle", ""] == 1, "it is not swept again and again"


def test_housekeeping_lets_idle_ones_go_where_nothing_comes_in() -> None:
    now = [NOW]
    conversations = Conversations()
    conversations.feed(record(encode(message("wamid.1", sender=PERSON, user=USER)), "webhook"))
    handler = Handler(conversations.world, lambda: now[0])
    table = TableView(0, dict(conversations.table))
    assert handler.sweep(table) == Effects()
    now[0] += 8 * DAY
    effects = handler.sweep(table)
    assert effects.writes == {conversation_key(): None}
    (ended,) = effects.outputs
    assert (ended.key, decode(ended.value, Alias).ends) == (conversation_key(USER), "idle")


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(["old", "new", "again", "moved"]), st.integers(0, 9)), max_size=8),
    st.lists(st.integers(0, 9), max_size=30),
)
def test_a_change_of_number_in_the_middle_loses_and_doubles_nothing(
    steps: list[tuple[str, int]], turns: list[int]
) -> None:
    agent = Listener()
    people = People(agent)
    sent = 0
    for n, (step, turn) in enumerate(steps):
        if step == "moved":
            people.post(moved_to(OTHER, f"wamid.{n}"), sender=PERSON)
        elif step == "again" and n and steps[n - 1][0] == "old":
            people.says(f"wamid.{n - 1}", sender=PERSON)
            continue
        else:
            people.says(f"wamid.{n}", "luego", sender=OTHER if step == "new" else PERSON)
        sent += 1
        if waiting := sorted(place for place, queue in people.queues.items() if queue):
            people.serve(waiting[turn % len(waiting)])
    people.settle(turns)
    assert not people.letters()
    assert len(agent.ids) == len(set(agent.ids)) == sent
    remembered = {*people.memory().said, *people.memory(OTHER).said}
    assert remembered == set(agent.ids)
    alarms = [alarm.name for memory in (people.memory(), people.memory(OTHER)) for alarm in memory.alarms]
    assert len(alarms) == len(set(alarms)), "no timer rings at both"
