"""The host: conversations side by side, each one strictly in order; timers; a partition that is taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from processors.agents.alarms import AlarmQueue
from processors.agents.memory import Alarm, Memory, decode
from processors.agents.service import _Counting
from processors.agents.step import Step
from relevo import Action, Conversation, InboundEvent, Reply, Schedule, text_of
from runtime import metrics
from runtime.clock import now_ms
from runtime.engine import TableView
from schemas import keys
from schemas.headers import Headers
from tests.builders.agent_stage import Stage, begun, collector
from tests.builders.conversations import Source
from tests.builders.webhooks import LINE


def heard(stage: Stage, contact: str) -> list[str]:
    return list(decode(stage.lane.table.get(keys.conversation(LINE, contact).encode())).said.get("heard", []))


async def test_one_conversation_is_strictly_in_order_though_others_overtake() -> None:
    stage = Stage(collector)
    stage.receive(("57111111", "slow"), ("57222222", "a"), ("57111111", "b"), ("57222222", "c"))
    stage.receive(("57111111", "d"), first=4)
    await stage.until(5)
    assert heard(stage, "57111111") == ["slow", "b", "d"]
    assert heard(stage, "57222222") == ["a", "c"]
    assert stage.lane.done.index(3) < stage.lane.done.index(0)


async def test_an_agent_that_hangs_or_raises_holds_up_its_own_conversation_alone() -> None:
    stage = Stage(collector, timeout_s=0.1)
    stage.receive(("57111111", "hang"), ("57333333", "raise"), ("57222222", "a"), ("57111111", "b"), ("57333333", "c"))
    await stage.until(5)
    assert sorted(stage.steps) == [
        (0, "dead_letter"),
        (1, "dead_letter"),
        (2, "handled"),
        (3, "handled"),
        (4, "handled"),
    ]
    assert heard(stage, "57111111") == ["b"]
    assert stage.lane.topics().count("agents.test.dlq") == 2


async def test_no_more_conversations_than_allowed_are_handled_side_by_side() -> None:
    at_once = most = 0

    async def watched(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.01)
        at_once -= 1
        yield Reply.text("x")

    stage = Stage(watched, parallel=6)
    stage.receive(*((f"5700000{i}", "x") for i in range(10)))
    await stage.until(10)
    assert most == 3


async def test_effects_that_kafka_would_not_take_become_a_dead_letter() -> None:
    stage = Stage(collector)
    stage.lane.too_large = True
    stage.receive(("57111111", "a"))
    await stage.until(1)
    assert stage.lane.topics() == ["agents.test.dlq"]
    assert stage.steps == [(0, "dead_letter")]


async def test_a_partition_that_is_taken_away_finishes_what_was_begun_and_begins_no_more() -> None:
    stage = Stage(collector)
    stage.receive(("57111111", "slow"), ("57111111", "never"))
    await begun()
    await stage.host.release(stage.lane)
    assert stage.lane.done == [0]


async def test_what_does_not_end_in_time_is_left_to_the_next_owner() -> None:
    stage = Stage(collector)
    stage.receive(("57111111", "hang"))
    await begun()
    release = asyncio.create_task(stage.host.release(stage.lane))
    await begun()
    stage.lane.closed = True
    release.cancel()
    with pytest.raises(asyncio.CancelledError):
        await release
    assert stage.lane.done == []


async def reminder(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    if text_of(event) == "slow":
        await asyncio.sleep(0.05)
    else:
        yield Schedule("tea", 60, {"cups": 2})


async def test_timers_come_back_once_and_survive_a_new_owner() -> None:
    stage = Stage(reminder)
    stage.receive(("57111111", "x"), ("57222222", "x"))
    await stage.until(2)
    assert stage.host.ring_alarms(stage.lane.table) is None
    stage.now_ms += 60_000
    recovered = TableView(0, dict(stage.lane.table.items()))
    effects = stage.host.ring_alarms(recovered)
    assert effects is not None
    assert [output.topic for output in effects.outputs] == ["inbound.conversations"] * 2
    assert {Headers.from_kafka(output.headers).type for output in effects.outputs} == {"timer"}
    recovered.apply(effects.writes)
    assert stage.host.ring_alarms(recovered) is None


def test_a_chatty_conversation_with_a_far_timer_takes_one_place_in_the_queue() -> None:
    queue = AlarmQueue()
    memory = Memory()
    for again in range(1000):
        memory.set_alarm(Alarm("later", 1_000 + again, "id"))
        queue.see(b"key", memory)
    assert len(queue) == 1
    assert queue.due(1_000, 10) == [b"key"]
    queue.see(b"key", memory)
    assert queue.due(1_998, 10) == []
    memory.set_alarm(Alarm("sooner", 1_500, "id"))
    queue.see(b"key", memory)
    assert queue.due(1_500, 10) == [b"key"]


async def test_a_timer_waits_while_its_conversation_is_at_work() -> None:
    stage = Stage(reminder)
    stage.receive(("57111111", "x"))
    await stage.until(1)
    stage.now_ms += 60_000
    stage.receive(("57111111", "slow"), first=1)
    await begun()
    assert stage.host.ring_alarms(stage.lane.table) is None
    await stage.until(2)
    stage.now_ms += 1_000
    assert stage.host.ring_alarms(stage.lane.table) is not None


async def test_who_has_turns_and_who_waits_for_one_is_shown() -> None:
    hangs = asyncio.Event()

    async def slow(event: InboundEvent, conversation: Conversation) -> AsyncIterator[Action]:
        await hangs.wait()
        yield Reply.text("x")

    stage = Stage(slow, parallel=2)
    stage.receive(("57111111", "1"), ("57222222", "2"), ("57333333", "3"))
    await begun()
    stage.host.show()
    shown = {
        state: metrics.PROCESS.value(metrics.AGENT_TURNS, agent="test", state=state)
        for state in ("held", "free", "wanted")
    }
    assert shown == {"held": 1, "free": 1, "wanted": 2}
    hangs.set()
    await stage.until(3)
    stage.host.show()
    assert metrics.PROCESS.value(metrics.AGENT_TURNS, agent="test", state="wanted") == 0


@pytest.mark.parametrize(("replay", "at_ms", "counted"), [("", 1, 1), ("run-1", 1, 0), ("", 0, 0)])
def test_how_late_an_event_is_for_its_agent_is_counted_unless_it_was_put_back(
    replay: str, at_ms: int, counted: int
) -> None:
    headers = Headers(id="h", type="event", tenant="acme", at_ms=at_ms and now_ms() - 7_000, replay=replay)
    source, done = Source(b"", b"k", headers.to_kafka()), Step("handled", [])
    labels = {"agent": "late"}
    before = [metrics.PROCESS.value(metrics.AGENT_DELAY_SECONDS, end, **labels) for end in ("_count", "_sum")]
    _Counting("late")(source, done, 2.0)
    after = [metrics.PROCESS.value(metrics.AGENT_DELAY_SECONDS, end, **labels) for end in ("_count", "_sum")]
    assert after[0] - before[0] == counted
    assert after[1] - before[1] == pytest.approx(5 * counted, abs=2)


def test_an_event_that_waited_for_further_messages_is_not_counted_as_late() -> None:
    source = Source(b"", b"k", Headers(id="h", type="event", tenant="acme", at_ms=1).to_kafka())
    before = metrics.PROCESS.value(metrics.AGENT_DELAY_SECONDS, "_count", agent="rows")
    _Counting("rows")(source, Step("handled", [], told=2), 0.1)
    assert metrics.PROCESS.value(metrics.AGENT_DELAY_SECONDS, "_count", agent="rows") == before
