"""A line goes to another tenant: what is under way of the one before is obeyed where it must, else dropped by name."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from processors.conversations.state import State, event_hash
from schemas import inbound
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Alias, Moved, MovedTo, Released
from schemas.record import decode, encode
from tests.builders.conversations import NOW, Conversations, Source, conversation_key, record, tenant, world
from tests.builders.people import USER
from tests.builders.webhooks import LINE, PERSON, cloud, cloud_text, cloud_value

HERE: dict[str, Any] = {"tenant": "acme", "did": LINE, "contact": PERSON, "at_ms": NOW}


def of(name: str, value: bytes, kind: str, contact: str = PERSON) -> Source:
    told = Headers(id="h", type=kind, tenant=name, at_ms=NOW, did=LINE, contact=contact).to_kafka()
    return record(value, kind, contact=contact)._replace(headers=told)


def said(name: str, wamid: str, **fields: Any) -> Source:
    return of(name, orjson.dumps(cloud(cloud_value(messages=[cloud_text("hola", wamid=wamid) | fields]))), "webhook")


def order(kind: Any, id: str, by: str = "menu", **fields: Any) -> Source:
    return of("acme", encode(kind(**{"id": id, "by": by, **HERE, **fields})), "command")


def gone(before: Conversations | None = None) -> Conversations:
    """The line is the other tenant's from now on."""
    known = before or Conversations()
    return Conversations(world(tenant(tenant="other")), table=known.table, offset=known.offset)


def states(of_: Conversations) -> dict[str, State]:
    return {key.decode().partition("|")[2]: of_.state(key) for key in of_.table}


@pytest.mark.parametrize(
    ("kind", "fields"),
    [(inbound.HandOff, {"note": "private"}), (inbound.Close, {}), (inbound.UpdateCrm, {"fields": {"a": 1}})],
)
def test_an_agents_order_is_dropped_by_name_and_changes_nothing(kind: Any, fields: dict[str, Any]) -> None:
    other = gone()
    other.feed(said("other", "wamid.1"))
    before = other.state()
    other.outputs.clear()
    other.feed(order(kind, "o1", **fields), order(kind, "o1", **fields))
    notes = [(told.agent, told.kind, told.reason, told.event.id, told.event.tenant) for told in other.told("menu")
             if told.kind == "dropped"]  # fmt: skip
    assert notes == [("menu", "dropped", "foreign_line", "o1", "acme")]
    assert other.tally["acme", "dropped", "foreign_line"] == 1
    assert not other.letters()
    now = other.state()
    assert (now.owner, now.epoch, now.tenant, now.profile_name) == ("bot", before.epoch, "other", before.profile_name)
    assert b"private" not in b"".join(output.value or b"" for output in other.outputs)


def test_a_timer_is_dropped_by_name() -> None:
    timer = inbound.Timer(id="t1", tenant="acme", did=LINE, contact=PERSON, agent="menu", name="n", due_ms=NOW)
    other = gone()
    other.feed(of("acme", encode(timer), "timer"))
    (note,) = other.told()
    assert (note.agent, note.kind, note.reason, note.event.kind) == ("menu", "dropped", "foreign_line", "timer")


def test_a_hand_off_goes_back_to_its_agent() -> None:
    other = gone()
    left = other.feed(order(inbound.HandOff, "o1", at_ms=NOW - 7))
    (notice,) = [one for one in left if Headers.from_kafka(one.headers).type == "released"]
    assert (notice.topic, notice.key) == ("agents.menu", conversation_key())
    assert decode(notice.value, Released).handed_off_ms == NOW - 7
    assert Headers.from_kafka(notice.headers).tenant == "acme"


@pytest.mark.parametrize("kind", [inbound.Resume, inbound.OptIn])
def test_what_somebody_else_sent_is_a_dead_letter(kind: Any) -> None:
    other = gone()
    other.feed(order(kind, "o1", by="isv"), said("acme", "wamid.2"))
    assert [Cause.from_headers(letter.headers).reason for letter in other.letters()] == ["foreign_line"] * 2
    assert other.table == {}


def test_a_wish_that_was_under_way_is_the_persons_on_the_line() -> None:
    other = gone()
    other.feed(order(inbound.OptOut, "o1", categories=["marketing"]))
    assert other.state().optout == ["marketing"]
    assert [one.topic for one in other.outputs] == ["optouts"]
    other.feed(said("other", "wamid.1"))
    assert other.state().optout == ["marketing"]


@pytest.mark.parametrize("why", ["alias", "number"])
def test_what_moves_brings_the_wish_and_what_was_handled_and_nothing_else(why: Any) -> None:
    moved = Moved(
        id="m", tenant="acme", did=LINE, contact=PERSON, from_contact=USER, why=why, at_ms=NOW, owner="human",
        optout=[], profile_name="Ana", language="pt", last_inbound_ms=NOW, ids=event_hash("wamid.1"),
    )  # fmt: skip
    other = gone()
    other.feed(of("acme", encode(moved), "moved"))
    assert (other.letters(), other.tally["acme", "dropped", "foreign_line"]) == ([], 1)
    state = other.state()
    assert (state.optout, state.knows("wamid.1"), state.forgotten) == ([], True, True)
    assert [one.topic for one in other.outputs] == ["optouts"]
    other.feed(of("acme", encode(moved), "moved"))
    assert other.tally["acme", "duplicate", "moved"] == 1


def test_to_erase_is_obeyed_as_long_as_the_state_is_the_former_ones() -> None:
    acme = Conversations()
    acme.feed(said("acme", "wamid.1"))
    other = gone(acme)
    other.feed(order(inbound.Erase, "o1", by="isv"))
    assert (other.letters(), other.state().forgotten) == ([], True)
    assert sorted(told.agent for told in other.told() if told.kind == "erase") == ["crm", "echo", "menu"]
    assert other.feed(said("other", "wamid.1")) == [], "a repeat does not bring the person back"

    taken = gone()
    taken.feed(said("other", "wamid.2"))
    assert taken.feed(order(inbound.Erase, "o1", by="isv")) == []
    assert not taken.state().forgotten
    assert taken.tally["acme", "dropped", "foreign_line"] == 1


def test_an_order_to_erase_follows_the_alias_and_ends_it() -> None:
    acme = Conversations()
    acme.feed(said("acme", "wamid.1", from_user_id=USER))
    acme.feed(of("acme", encode(Alias(id="a", tenant="acme", did=LINE, user_id=USER, contact=PERSON)), "alias", USER))
    assert acme.state(conversation_key(USER)).alias == PERSON
    other = gone(acme)
    erase = encode(inbound.Erase(**HERE | {"id": "o1", "by": "isv", "contact": USER}))
    (forwarded,) = other.feed(of("acme", erase, "command", USER))
    assert forwarded.key == conversation_key()
    told = other.feed(Source(forwarded.value, forwarded.key, list(forwarded.headers)))
    (end,) = [one for one in told if Headers.from_kafka(one.headers).type == "alias"]
    other.feed(Source(end.value, end.key, list(end.headers)))
    assert all(state.forgotten for state in states(other).values())
    assert not other.letters()


def test_an_alias_that_begins_is_dropped_and_one_that_ends_is_gone_when_the_line_comes_back() -> None:
    acme = Conversations()
    begins = Alias(id="a", tenant="acme", did=LINE, user_id=USER, contact=PERSON)
    acme.feed(of("acme", encode(begins), "alias", USER))
    other = gone(acme)
    left = other.feed(of("acme", encode(begins), "alias", USER))
    assert (left, other.tally["acme", "dropped", "foreign_line"]) == ([], 1)
    ends = Alias(id="a", tenant="acme", did=LINE, user_id=USER, contact=PERSON, ends="erase")
    other.feed(of("acme", encode(ends), "alias", USER))
    assert states(other).get(USER, State()).forgotten
    assert not other.letters()
    back = Conversations(table=other.table, offset=other.offset)
    told = back.feed(of("acme", encode(MovedTo(contact="x")), "odd", USER))
    assert [one.topic for one in told] == ["inbound.conversations.dlq"], "it is forwarded no more"


def test_where_the_next_tenant_takes_a_conversation_over_its_aliases_end() -> None:
    acme = Conversations()
    acme.feed(said("acme", "wamid.1", from_user_id=USER))
    assert acme.state().user_id == USER
    other = gone(acme)
    left = other.feed(said("other", "wamid.2"))
    (end,) = [one for one in left if Headers.from_kafka(one.headers).type == "alias"]
    alias = decode(end.value, Alias)
    assert (alias.tenant, alias.user_id, alias.contact, alias.ends) == ("acme", USER, PERSON, "idle")
    assert alias.ids == event_hash("wamid.1"), "should the line come back, a repeat is known there"
    assert other.state().user_id == ""
