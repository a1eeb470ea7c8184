"""What an agent tells the CRM reaches the taps in its place among the person's events, or leaves a note."""

from __future__ import annotations

from typing import Any

from schemas import inbound
from tests.builders.conversations import NOW, Conversations, Source, ordered, posted, tenant, world
from tests.builders.webhooks import LINE, PERSON, flat

FIELDS = {"email": "ana@example.com", "stage": 2, "tags": ["vip"], "gone": None}


def update(id: str = "u1", by: str = "menu") -> Source:
    return ordered(
        inbound.UpdateCrm(id=id, tenant="acme", did=LINE, contact=PERSON, at_ms=NOW, by=by, fields=dict(FIELDS))
    )


def said(id: int) -> Source:
    return posted(flat(id=id))


def tapped(*taps: str, **fields: Any) -> Conversations:
    return Conversations(world(tenant(also=list(taps), **fields)))


def test_the_taps_are_told_in_order_and_the_routed_agent_is_not() -> None:
    conversations = tapped("crm")
    conversations.feed(said(1), update(), said(2))
    assert [one.event.kind for one in conversations.told("crm")] == ["message", "crm", "message"]
    (told,) = [one.event for one in conversations.told("crm") if one.event.kind == "crm"]
    assert (told.content, told.extra, told.at_ms) == (None, {"fields": FIELDS, "by": "menu"}, NOW)
    assert [one.event.kind for one in conversations.told("menu")] == ["message", "message"]
    assert conversations.tally["acme", "routed", "crm"] == 1


def test_the_tap_that_said_it_is_not_told_while_the_others_are() -> None:
    conversations = tapped("crm", "echo")
    conversations.feed(update(by="crm"))
    assert [(one.agent, one.kind) for one in conversations.told()] == [("echo", "event")]


def test_where_no_tap_hears_it_there_is_a_note_and_a_count() -> None:
    for taps in ((), ("nobody",), ("crm",)):
        conversations = tapped(*taps)
        conversations.feed(update(by="crm"))
        (note,) = conversations.told()
        assert (note.agent, note.kind, note.reason, note.event.extra["fields"]) == ("menu", "dropped", "no_tap", FIELDS)
        assert conversations.tally["acme", "dropped", "no_tap"] == 1


def test_it_is_told_once_and_also_while_a_human_owns() -> None:
    conversations = tapped("crm")
    conversations.feed(update(), posted(flat(id=3, stateAgent="AGENT")), update("u2"), update("u1"))
    assert [one.event.id for one in conversations.told("crm") if one.event.kind == "crm"] == ["u1", "u2"]
    assert conversations.tally["acme", "duplicate", "order"] == 1


def test_a_hand_offs_transcript_is_told_to_the_taps() -> None:
    conversations = tapped("crm")
    lines = [inbound.Said(who="customer", text="humano", at_ms=NOW), inbound.Said(who="bot", text="¿Cuál?", at_ms=NOW)]
    order = inbound.HandOff(id="h", tenant="acme", did=LINE, contact=PERSON, at_ms=NOW, by="menu", transcript=lines)
    conversations.feed(ordered(order))
    (told,) = conversations.told("crm")
    assert told.event.kind == "handed_off"
    assert [(one["who"], one["text"]) for one in told.event.extra["transcript"]] == [
        ("customer", "humano"),
        ("bot", "¿Cuál?"),
    ]
