"""A conversation that answers itself is stopped, told of, and goes on when it was quiet or is resumed; no other is."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.agent import Agent
from processors.agents.limits import OF_THE_CONVERSATION, Limits
from processors.agents.loops import Budget, Loops
from processors.agents.memory import Memory, decode, encode
from processors.agents.service import _Counting
from processors.agents.step import Scene, Step, step
from relevo import Actions, Conversation, InboundEvent, Remember, Reply, Schedule, UpdateCrm, text_of
from runtime import metrics
from schemas import content as c
from schemas.dead_letter import Cause
from schemas.headers import Headers
from schemas.inbound import EventKind, Facts
from schemas.record import encode as encode_record
from tests.builders.conversations import Source, conversation_key
from tests.builders.webhooks import LINE, PERSON

NOW = 1_700_000_000_000
SMALL = Loops(burst=5, refill_s=10, quiet_s=60)


async def parrot(conversation: Conversation, event: InboundEvent) -> Actions:
    if event.kind == "crm":
        yield UpdateCrm({"seen": True})
    elif event.kind == "timer":
        yield Schedule("again", 0)
        if event.extra["name"] == "loud":
            yield Reply.text("otra vez")
    elif text_of(event) != "calla":
        yield Reply.text(text_of(event))
    yield Remember({"heard": conversation.memory.get("heard", 0) + 1})


class Talk:
    """One conversation with a parrot over a clock that events move."""

    def __init__(self, loops: Loops = SMALL, contact: str = PERSON) -> None:
        self.scene = Scene(Agent("test", parrot), lambda _: {}, 4, Limits(loops=loops))
        self.memory = Memory()
        self.contact = contact
        self.offset = 0
        self.now_ms = NOW

    def hears(
        self, text: str = "eco", kind: EventKind = "message", after_s: float = 0, replay: str = "", **fields: Any
    ) -> Step:
        self.now_ms += int(after_s * 1000)
        given = {"tenant": "acme", "did": LINE, "contact": self.contact, "reply_to": PERSON, "kind": kind}
        given |= {"id": f"wamid.{self.offset}", "at_ms": self.now_ms, "content": c.Text(body=text)}
        event = InboundEvent(**(given | fields))
        headers = Headers(id=event.id, type="event", tenant="acme", at_ms=NOW, replay=replay).to_kafka()
        key = conversation_key(self.contact)
        record = Source(encode_record(event), key, headers, self.offset, "agents.test", 1, self.now_ms)
        self.offset += 1
        done = asyncio.run(step(self.scene, record, self.memory, self.now_ms))
        assert done.memory is not None
        self.memory = decode(encode(done.memory))  # as over a restart
        return done


def outcomes(talk: Talk, times: int, **event: Any) -> list[str]:
    return [talk.hears(**event).outcome for _ in range(times)]


def test_the_event_beyond_the_burst_is_kept_with_its_cause_and_the_agent_falls_silent() -> None:
    talk = Talk()
    assert outcomes(talk, 5) == ["handled"] * 5
    stopped = talk.hears("uno más")
    assert (stopped.outcome, stopped.reason, stopped.tripped) == ("dead_letter", "loop", True)
    (letter,) = stopped.records
    cause = Cause.from_headers(letter.headers)
    assert letter.topic == "agents.test.dlq"
    assert b"uno m" in (letter.value or b"")
    assert (cause.reason, cause.source) == ("loop", "agents.test-1-5")
    assert "RELEVO_PROCESSOR_LOOP_BURST" in cause.error
    again = talk.hears()
    assert (again.reason, again.tripped) == ("loop", False), "told of once, kept each time"
    assert talk.memory.said == {"heard": 5}
    assert not talk.memory.knows("wamid.5"), "it can be put back"
    assert again.reason in OF_THE_CONVERSATION


def test_quiet_ends_the_silence_and_a_resumed_conversation_begins_anew() -> None:
    talk = Talk()
    outcomes(talk, 6)
    assert talk.hears(after_s=59).reason == "loop"
    assert talk.hears(after_s=59).reason == "loop", "each event begins the wait anew"
    assert talk.hears(after_s=60).outcome == "handled"
    outcomes(talk, 6)
    assert talk.hears(kind="resumed", content=None).outcome == "handled"
    assert outcomes(talk, 4) == ["handled"] * 4


def test_letters_that_are_put_back_after_the_quiet_are_handled() -> None:
    talk = Talk()
    outcomes(talk, 6)
    old = talk.now_ms
    assert talk.hears(after_s=59, at_ms=old, replay="run").reason == "loop"
    assert talk.hears(after_s=60, at_ms=old, replay="run").outcome == "handled"


def test_events_on_which_the_agent_does_nothing_cost_nothing() -> None:
    talk = Talk()
    assert outcomes(talk, 50, text="calla") == ["handled"] * 50


def test_two_taps_that_tell_each_other_are_stopped_too() -> None:
    talk = Talk()
    assert outcomes(talk, 6, kind="crm")[-1] == "dead_letter"


def test_an_agent_that_wakes_itself_and_talks_is_stopped_and_its_timer_is_gone() -> None:
    talk = Talk()
    for _ in range(5):
        assert talk.hears(kind="timer", after_s=1, extra={"name": "loud", "payload": None}).outcome == "handled"
        assert [alarm.name for alarm in talk.memory.alarms] == ["again"]
        talk.memory.take_off("again")  # as when it rings
    assert talk.hears(kind="timer", after_s=1, extra={"name": "loud", "payload": None}).reason == "loop"
    assert talk.memory.alarms == []


def test_while_it_is_mute_nothing_is_counted() -> None:
    talk = Talk()
    talk.memory.muted_since, talk.memory.changed_ms = 3, NOW
    assert outcomes(talk, 9, facts=Facts(owner_epoch=3)) == ["muted"] * 9


def test_a_backlog_counts_as_slowly_as_it_was_written() -> None:
    talk = Talk()
    talk.now_ms += 3_600_000
    for minute in range(50):
        assert talk.hears(at_ms=NOW + minute * 10_000).outcome == "handled"
    assert talk.memory.budget.used <= 2


def test_a_line_that_changes_hands_begins_anew() -> None:
    talk = Talk()
    outcomes(talk, 6)
    assert talk.hears(tenant="other").outcome == "handled"


def test_no_other_conversation_is_touched_and_it_is_counted_and_logged_without_a_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped, other = Talk(), Talk(contact="56933333333")
    done = [stopped.hears() for _ in range(7)]
    assert outcomes(other, 5) == ["handled"] * 5
    said: list[dict[str, Any]] = []
    monkeypatch.setattr("processors.agents.service._log", _Log(said))
    counting = _Counting("test")
    before = _count()
    for one in done:
        counting(Source(b"", b"k", Headers(id="h", type="event", tenant="acme", at_ms=1).to_kafka()), one, 0.1)
    assert _count() - before == 1
    (line,) = said
    assert (line["tenant"], line["at"]) == ("acme", "inbound.conversations-0-0")
    assert PERSON not in str(line)


class _Log:
    def __init__(self, said: list[dict[str, Any]]) -> None:
        self._said = said

    def warning(self, event: str, **fields: Any) -> None:
        self._said.append({"event": event, **fields})


def _count() -> float:
    return float(metrics.counter(metrics.AGENT_LOOPS).labels(agent="test", tenant="acme")._value.get())


STEPS = st.lists(st.tuples(st.floats(0, 120), st.booleans()), max_size=80)


@given(STEPS, st.integers(1, 20), st.floats(1, 60), st.floats(1, 300))
def test_what_is_let_through_never_exceeds_the_burst_and_what_was_refilled(
    steps: list[tuple[float, bool]], burst: int, refill_s: float, quiet_s: float
) -> None:
    loops, budget, now_ms = Loops(burst, refill_s, quiet_s), Budget(), NOW
    acted: list[int] = []
    for after_s, acts in steps:
        now_ms += int(after_s * 1000)
        budget = loops.at(budget, now_ms, now_ms)
        if not loops.admits(budget):
            budget = loops.stopped(budget)
        elif acts:
            budget = loops.spent(budget)
            acted.append(now_ms)
    for i, first in enumerate(acted):
        for j in range(i, len(acted)):
            refilled = (acted[j] - first) / 1000 / refill_s
            assert j - i + 1 <= burst + refilled + 0.001


@given(st.lists(st.floats(15.1, 3600), max_size=500))
def test_who_is_slower_than_the_refill_is_never_stopped(gaps: list[float]) -> None:
    loops, budget, now_ms = Loops(), Budget(), NOW
    for gap in gaps:
        now_ms += int(gap * 1000)
        budget = loops.at(budget, now_ms, now_ms)
        assert loops.admits(budget)
        budget = loops.spent(budget)


@given(st.lists(st.tuples(st.integers(-100_000, 100_000), st.integers(-100_000, 100_000)), max_size=50))
def test_no_clock_gives_more_than_the_burst_at_once(times: list[tuple[int, int]]) -> None:
    """Events from the past or the future, and a clock of ours that jumps, refill nothing that did not pass."""
    loops, budget = Loops(burst=5, refill_s=10, quiet_s=1e9), Budget(at_ms=NOW)
    for event_ms, clock_ms in times:
        now_ms = NOW + clock_ms
        before = budget
        budget = loops.at(budget, NOW + event_ms, now_ms)
        assert budget.at_ms <= now_ms
        assert 0 <= budget.used <= before.used
        assert before.used - budget.used <= max(budget.at_ms - before.at_ms, 0) / 10_000 + 0.001
        budget = loops.spent(budget) if loops.admits(budget) else loops.stopped(budget)


def test_an_honest_hour_at_the_pace_of_whatsapp_is_let_through_and_two_bots_are_not() -> None:
    """Egress sends one person 45 messages at once and then one in six seconds: two bots settle at that pace."""
    loops = Loops()
    assert _admitted(loops, gap_s=20, count=2000) == 2000
    assert _admitted(loops, gap_s=3, count=200) == 200
    assert _admitted(loops, gap_s=6, count=2000) < 400


def _admitted(loops: Loops, gap_s: float, count: int) -> int:
    budget, now_ms = Budget(), NOW
    for n in range(count):
        now_ms += int(gap_s * 1000)
        budget = loops.at(budget, now_ms, now_ms)
        if not loops.admits(budget):
            return n
        budget = loops.spent(budget)
    return count


def test_without_a_burst_there_is_no_limit() -> None:
    talk = Talk(Loops(burst=0))
    assert outcomes(talk, 300) == ["handled"] * 300
    assert talk.memory.budget == Budget()


def test_memory_of_an_older_version_is_read() -> None:
    old = encode(Memory(offset=4, said={"a": 1}, tenant="acme"))
    fields = msgspec.msgpack.decode(old)[:7]
    memory = decode(msgspec.msgpack.encode(fields))
    assert (memory.offset, memory.said, memory.lines, memory.budget) == (4, {"a": 1}, [], Budget())
