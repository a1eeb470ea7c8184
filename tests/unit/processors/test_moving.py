"""What an agent remembers goes along when its person's conversation moves, once, and never twice over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.loops import Budget
from processors.agents.memory import HELD, Alarm, Memory
from processors.agents.step import Scene, Step, step
from processors.agents.transcript import Line
from relevo import Action, Conversation, InboundEvent, Reply
from schemas import keys
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Adopt, AdoptedAlarm, Facts, MovedTo
from schemas.record import decode, encode
from tests.builders.conversations import NOW, Source, conversation_key
from tests.builders.people import USER
from tests.builders.webhooks import LINE, PERSON


async def speaks(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    yield Reply.text(event.id)


def run(kind: str, value: Any, memory: Memory, *, contact: str = PERSON, tenant: str = "acme", offset: int = 9) -> Step:
    told = Headers(id="h", type=kind, tenant=tenant, at_ms=NOW, did=LINE, contact=contact).to_kafka()
    data = value if isinstance(value, bytes) else encode(value)
    record = Source(data, conversation_key(contact), told, offset, "agents.test", 1, NOW)
    return asyncio.run(
        step(Scene(Agent("test", speaks), lambda _: {}, 4, Limits(memory_bytes=2000)), record, memory, NOW)
    )


def known(**fields: Any) -> Memory:
    memory = Memory(**{"offset": 3, "said": {"a": 1}, "touched_ms": NOW - 1, "tenant": "acme"} | fields)
    memory.note("wamid.1")
    return memory


def test_a_memory_leaves_for_the_new_key_and_what_was_handled_stays() -> None:
    memory = known(alarms=[Alarm("later", 5, "t", b'{"n":1}')])
    done = run("moved", MovedTo(contact=PERSON, epoch=0), memory, contact=USER)
    (record,) = done.records
    told = Headers.from_kafka(record.headers)
    key = conversation_key()
    assert (record.topic, record.key, record.partition) == ("agents.test", key, keys.partition(key, 4))
    assert (told.type, told.tenant, told.contact) == ("adopt", "acme", PERSON)
    adopt = decode(record.value, Adopt)
    assert (adopt.from_contact, adopt.said, adopt.held) == (USER, {"a": 1}, False)
    assert [(a.name, a.due_ms, a.id, bytes(a.payload)) for a in adopt.alarms] == [("later", 5, "t", b'{"n":1}')]
    assert done.memory == Memory(offset=9, touched_ms=NOW, tenant="acme", changed_ms=NOW, gone=PERSON)
    again = run("moved", MovedTo(contact=PERSON, epoch=0), done.memory, contact=USER)
    assert (again.outcome, again.records) == ("duplicate", [])


def test_an_agent_that_knows_nothing_hands_over_nothing() -> None:
    assert run("moved", MovedTo(contact=PERSON), Memory(), contact=USER)[:2] == ("noted", [])
    assert run("moved", MovedTo(contact=PERSON), Memory(), contact=USER).same
    assert run("moved", MovedTo(contact=PERSON), known(said={}), contact=USER).records == []


def test_another_tenants_memory_is_not_handed_over() -> None:
    assert run("moved", MovedTo(contact=PERSON), known(), contact=USER, tenant="other").records == []
    done = run("adopt", Adopt(from_contact=USER, said={"a": 2}), known(said={"b": 1}), tenant="other")
    assert done.memory is not None
    assert done.memory.said == {"a": 2}


@pytest.mark.parametrize("adopt", [Adopt(from_contact=USER, said={"a": 2}), Adopt(from_contact=USER, erase=True)])
def test_what_comes_of_the_tenant_before_leaves_the_next_ones_memory_alone(adopt: Adopt) -> None:
    told = Headers(id="h", type="adopt", tenant="acme", at_ms=NOW, did=LINE, contact=PERSON).to_kafka()
    record = Source(encode(adopt), conversation_key(), told, 9, "agents.test", 1, NOW)
    theirs = known(tenant="other", said={"b": 1})
    for owner, kept in (("other", {"b": 1}), ("acme", adopt.said)):
        scene = Scene(Agent("test", speaks), lambda _: {}, 4, owner=lambda did, name=owner: name)  # type: ignore[misc]
        done = asyncio.run(step(scene, record, theirs, NOW))
        assert done.memory is not None
        assert (done.memory.said, done.memory.tenant) == (kept, owner)


def test_a_memory_is_taken_whole_or_joined_and_what_is_known_already_stands() -> None:
    alarms = [AdoptedAlarm(name=name, due_ms=7, id="theirs") for name in ("one", "two")]
    adopt = Adopt(from_contact=USER, said={"a": 1, "b": 1}, alarms=alarms, ids=known().ring)
    fresh = run("adopt", adopt, Memory()).memory
    assert fresh is not None
    assert (fresh.said, len(fresh.alarms), fresh.offset, fresh.tenant) == ({"a": 1, "b": 1}, 2, 9, "acme")
    mine = known(said={"b": 2}, alarms=[Alarm("two", 3, "mine")], muted_since=4)
    joined = run("adopt", adopt, mine).memory
    assert joined is not None
    assert (joined.said, joined.muted_since) == ({"a": 1, "b": 2}, 4)
    assert {(alarm.name, alarm.id) for alarm in joined.alarms} == {("two", "mine"), ("one", "theirs")}
    for memory in (fresh, joined):
        assert run("event", event("wamid.1"), memory, offset=10).outcome == "duplicate"
        assert run("adopt", adopt, memory).outcome == "duplicate"


def test_what_was_said_and_the_budget_against_loops_come_along() -> None:
    theirs = known(said={}, lines=[Line("customer", "second", 2)], budget=Budget(9, 2, True))
    adopt = decode(run("moved", MovedTo(contact=PERSON), theirs, contact=USER).records[0].value, Adopt)
    mine = known(lines=[Line("bot", "first", 1), Line("bot", "third", 3)], budget=Budget(3, 3))
    joined = run("adopt", adopt, mine).memory
    assert joined is not None
    assert [line.text for line in joined.lines] == ["first", "second", "third"]
    assert joined.budget == Budget(9, 2, True)


def event(id: str, kind: str = "message", epoch: int = 0) -> InboundEvent:
    return InboundEvent(
        id=id, tenant="acme", did=LINE, contact=PERSON, reply_to=PERSON, kind=kind, at_ms=NOW,  # type: ignore[arg-type]
        facts=Facts(owner_epoch=epoch),
    )  # fmt: skip


def test_silence_comes_along_until_the_owner_changes() -> None:
    moved = run("moved", MovedTo(contact=PERSON, epoch=2), known(muted_since=2), contact=USER)
    adopt = decode(moved.records[0].value, Adopt)
    assert adopt.held
    silent = run("adopt", adopt, Memory()).memory
    assert silent is not None
    assert silent.muted_since == HELD
    muted = run("event", event("2", epoch=7), silent, offset=10)
    assert muted.outcome == "muted"
    assert muted.memory is not None
    assert run("event", event("3", epoch=7), muted.memory, offset=11).outcome == "muted"
    assert run("event", event("4", epoch=8), muted.memory, offset=12).outcome == "handled"
    for kind in ("resumed", "session"):
        assert run("event", event("5", kind, 7), silent, offset=10).outcome == "handled", "the owner changed already"


def test_silence_that_comes_after_the_owner_changed_back_is_over() -> None:
    """The agent's partition of the old key lagged; a human took over at the new one, and gave back."""
    moved = run("moved", MovedTo(contact=PERSON, epoch=2), known(muted_since=2, changed_ms=NOW - 5), contact=USER)
    adopt = decode(moved.records[0].value, Adopt)
    assert (adopt.held, adopt.held_ms) == (True, NOW - 5)
    back = run("event", event("2", "resumed", 4), Memory(), offset=3).memory
    assert back is not None
    late = run("adopt", adopt, back).memory
    assert late is not None
    assert run("event", event("3", epoch=4), late, offset=10).outcome == "handled"
    spoke = run("event", event("2", epoch=4), Memory(), offset=3).memory
    assert spoke is not None
    held = run("adopt", adopt, spoke).memory
    assert held is not None, "a message alone says nothing of a change"
    assert run("event", event("3", epoch=4), held, offset=10).outcome == "muted"
    assert run("event", event("3", epoch=6), held, offset=10).outcome == "handled", "the owner changed there twice"


@pytest.mark.parametrize("epoch", [3, -1])
def test_silence_of_a_hand_off_that_is_over_stays_behind(epoch: int) -> None:
    moved = run("moved", MovedTo(contact=PERSON, epoch=epoch), known(muted_since=2), contact=USER)
    assert not decode(moved.records[0].value, Adopt).held


def test_to_be_forgotten_follows_what_was_handed_over() -> None:
    gone = run("moved", MovedTo(contact=PERSON, erase=True), known(), contact=USER)
    assert gone.memory == Memory(offset=9, touched_ms=NOW, tenant="acme", changed_ms=NOW)
    assert run("moved", MovedTo(contact=PERSON, erase=True), gone.memory, contact=USER).outcome == "duplicate"
    mine = known(lines=[Line("bot", "x", 1)], alarms=[Alarm("a", 1, "i")])
    erased = run("adopt", gone.records[0].value, mine)
    assert (erased.memory, erased.records) == (Memory(offset=9, ring=mine.ring, touched_ms=NOW, tenant="acme"), [])
    assert run("event", event("before"), erased.memory, offset=8).outcome == "duplicate"


def test_an_erasure_that_comes_late_does_not_make_an_agent_speak_that_handed_off_since() -> None:
    late = run("adopt", Adopt(from_contact=USER, erase=True), known(muted_since=0))
    assert late.memory is not None
    assert late.memory.said == {}
    assert run("event", event("2"), late.memory, offset=10).outcome == "muted"
    assert run("event", event("3", epoch=1), late.memory, offset=10).outcome == "handled"
    assert run("event", event("wamid.1", epoch=1), late.memory, offset=10).outcome == "duplicate"


@pytest.mark.parametrize("kind", ["moved", "adopt"])
def test_a_notice_that_cannot_be_read_is_kept_and_the_memory_stands(kind: str) -> None:
    done = run(kind, b'{"x": 1}', known())
    assert (done.outcome, done.reason, done.memory and done.memory.said) == ("dead_letter", "malformed", {"a": 1})
    assert done.records[0].value == b'{"x": 1}'


def test_memories_that_are_too_large_together_leave_a_dead_letter_with_the_one_that_came() -> None:
    adopt = Adopt(from_contact=USER, said={"b": "x" * 1500})
    done = run("adopt", adopt, known(said={"a": "x" * 1500}))
    assert (done.outcome, done.reason) == ("dead_letter", "memory")
    assert done.memory is not None
    assert set(done.memory.said) == {"a"}
    (letter,) = done.records
    assert (letter.topic, decode(letter.value, Adopt)) == ("agents.test.dlq", adopt)
    assert Cause.from_headers(letter.headers).reason == "memory"


def test_a_letter_that_is_put_back_at_the_key_before_follows_the_person_and_never_goes_round_in_circles() -> None:
    left = Memory(offset=9, touched_ms=NOW - 1, tenant="acme", gone=PERSON)
    back = InboundEvent(id="w", tenant="acme", did=LINE, contact=USER, reply_to=USER, kind="message", at_ms=1)
    told = Headers(id="w", type="event", tenant="acme", at_ms=NOW, did=LINE, contact=USER).to_kafka()
    scene = Scene(Agent("test", speaks), lambda _: {}, 4)
    record = Source(encode(back), conversation_key(USER), [*told, ("replay", b"run")], 10, "agents.test", 1, NOW)
    done = asyncio.run(step(scene, record, left, NOW))
    (sent,) = done.records
    assert (done.outcome, sent.topic, sent.key) == ("noted", "agents.test", conversation_key())
    assert (decode(sent.value, InboundEvent).contact, dict(sent.headers)["replay"]) == (PERSON, b"run")
    outcomes = []
    for offset in range(20, 30):
        here = Memory(offset=9, touched_ms=NOW - 1, tenant="acme", gone=PERSON)
        again = Source(sent.value or b"", sent.key, list(sent.headers), offset, "agents.test", 1, NOW)
        done = asyncio.run(step(scene, again, here, NOW))
        outcomes.append(done.outcome)
        if done.outcome == "handled":
            break
        (sent,) = done.records
    assert outcomes == ["noted"] * 3 + ["handled"]
    fresh = asyncio.run(step(scene, record._replace(headers=told), left, NOW))
    assert fresh.outcome == "handled", "what comes here anew is no letter"
    assert fresh.memory is not None
    assert fresh.memory.gone == ""
