"""A hand-off that does not come about goes back to its agent: the person is not left unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from processors.agents.agent import Agent
from processors.agents.limits import Limits
from processors.agents.memory import HELD, Memory
from processors.agents.step import Scene, Step, step
from processors.conversations.world import World
from relevo import Action, Conversation, InboundEvent, Reply
from runtime.settings import ProcessorSettings
from schemas import inbound
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import Adopt, Facts, Owner, Released
from schemas.record import decode, encode
from tests.builders.conversations import NOW, Conversations, Source, conversation_key, ordered
from tests.builders.people import USER
from tests.builders.webhooks import LINE, PERSON

LATE = NOW + 900_001


async def speaks(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    yield Reply.text("hola")


def run(kind: str, value: bytes, memory: Memory, at_ms: int = NOW, **told: Any) -> Step:
    headers = Headers(id="h", type=kind, tenant="acme", at_ms=at_ms, did=LINE, contact=PERSON, **told)
    record = Source(value, conversation_key(), headers.to_kafka(), memory.offset + 1, "agents.menu", 1, LATE)
    return asyncio.run(step(Scene(Agent("menu", speaks), lambda _: {}, 4), record, memory, LATE))


def hears(memory: Memory, at_ms: int, owner: Owner = "bot", epoch: int = 0, **told: Any) -> str:
    event = InboundEvent(
        id="wamid.1", tenant="acme", did=LINE, contact=PERSON, reply_to=PERSON, kind="message", at_ms=at_ms,
        facts=Facts(owner=owner, owner_epoch=epoch),
    )  # fmt: skip
    return run("event", encode(event), memory, at_ms, **told).outcome


def silent(**fields: Any) -> Memory:
    return Memory(**{"offset": 3, "muted_since": 0, "changed_ms": NOW, "touched_ms": NOW, "tenant": "acme"} | fields)


def test_what_came_long_after_a_hand_off_and_is_still_the_bots_is_answered() -> None:
    assert hears(silent(), LATE - 1) == "muted"
    assert hears(silent(), LATE) == "handled"
    assert hears(silent(), LATE, owner="human") == "muted", "the hand-off came about"
    assert hears(silent(), NOW, replay="run") == "muted", "a letter that is put back was written before"
    assert hears(silent(changed_ms=0, touched_ms=NOW), LATE - 1) == "muted", "one of an earlier version has no time"
    assert hears(silent(changed_ms=0, touched_ms=NOW), LATE) == "handled"


def test_silence_that_was_brought_along_ends_in_time_too() -> None:
    adopt = Adopt(from_contact=USER, held=True, held_ms=NOW)
    held = run("adopt", encode(adopt), Memory()).memory
    assert held is not None
    assert (held.muted_since, held.changed_ms) == (HELD, NOW)
    erased = run("adopt", encode(Adopt(from_contact=USER, erase=True)), held).memory
    assert erased is not None, "an erasure that comes late ends no silence, but time does"
    for memory in (held, erased):
        assert hears(memory, LATE - 1) == "muted"
        assert hears(memory, LATE) == "handled"


def test_a_notice_ends_the_silence_that_it_means_and_no_later_one() -> None:
    for told, freed in (
        (Released(), True),
        (Released(handed_off_ms=NOW), True),
        (Released(handed_off_ms=NOW - 1), False),
    ):
        done = run("released", encode(told), silent())
        assert (done.outcome, done.same) == ("noted", not freed)
        assert done.memory is not None
        assert hears(done.memory, NOW) == ("handled" if freed else "muted")
    assert run("released", b"{}", silent(muted_since=-1)).same
    broken = run("released", b"x", silent())
    assert (broken.outcome, broken.reason, len(broken.records)) == ("dead_letter", "malformed", 1)


@pytest.mark.parametrize(("by", "told"), [("menu", ["menu"]), ("isv", [])])
def test_a_hand_off_that_becomes_a_dead_letter_is_given_back(by: str, told: list[str]) -> None:
    nobodys = Conversations(World(lambda did: None, ("menu", "crm"), 4))
    order = inbound.HandOff(id="o1", tenant="acme", did=LINE, contact=PERSON, at_ms=NOW, by=by)
    nobodys.feed(ordered(order), ordered(inbound.Close(**{**_of(order), "id": "o2"})))
    assert [Cause.from_headers(letter.headers).reason for letter in nobodys.letters()] == ["unknown_line"] * 2
    notices = [one for one in nobodys.outputs if Headers.from_kafka(one.headers).type == "released"]
    assert [one.topic.removeprefix("agents.") for one in notices] == told
    for notice in notices:
        assert (notice.key, decode(notice.value, Released).handed_off_ms) == (conversation_key(), NOW)
        freed = run("released", notice.value or b"", silent()).memory
        assert freed is not None
        assert hears(freed, NOW) == "handled"


def _of(order: inbound.HandOff) -> dict[str, Any]:
    return {name: getattr(order, name) for name in ("tenant", "did", "contact", "at_ms", "by")}


def test_how_long_it_may_take_is_a_setting() -> None:
    assert Limits.of(ProcessorSettings(hand_off_s=60)).hand_off_s == 60
    assert Limits.of(ProcessorSettings()).hand_off_s == Limits().hand_off_s == 900
