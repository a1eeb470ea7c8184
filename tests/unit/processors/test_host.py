"""The host: conversations side by side, each in order; timers; a partition that is taken away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from processors.agents.agent import Agent
from processors.agents.alarms import AlarmQueue
from processors.agents.desk import Desk
from processors.agents.host import AgentHost, always
from processors.agents.limits import Limits
from processors.agents.memory import Alarm, Memory, decode
from processors.agents.step import Scene, Step
from relevo import Action, Conversation, InboundEvent, Remember, Reply, Schedule, text_of
from runtime.engine import Chunk, Effects, EffectsTooLarge, LaneClosed, Partition, TableView
from runtime.health import Health
from schemas import content as c
from schemas import keys
from schemas.headers import Headers
from schemas.record import encode
from tests.builders.conversations import Source
from tests.builders.webhooks import LINE

TP = Partition("agents.test", 0)


class FakeLane:
    """Takes effects as the engine does: writes are in the table at once."""

    def __init__(self) -> None:
        self.tp = TP
        self.table = TableView(0)
        self.done: list[int] = []
        self.effects: list[Effects] = []
        self.closed = False
        self.too_large = False
        self.moved = asyncio.Event()

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> asyncio.Future[None]:
        if self.closed:
            raise LaneClosed
        if self.too_large and any("dlq" not in output.topic for output in effects.outputs):
            raise EffectsTooLarge("too large")
        self.table.apply(effects.writes)
        self.effects.append(effects)
        self.done += done
        self.moved.set()
        future = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future

    def topics(self) -> list[str]:
        return [output.topic for effects in self.effects for output in effects.outputs]


class Stage:
    """A host of one agent with a lane of its own."""

    def __init__(
        self, function: Any, parallel: int = 8, places: int = 1000, allows: Any = always, **limits: Any
    ) -> None:
        self.now_ms = 1_000_000
        self.steps: list[tuple[int, str]] = []
        self.lane = FakeLane()
        self.host = AgentHost(
            Scene(Agent("test", function), lambda _: {}, 4, Limits(**limits)),
            parallel=parallel,
            tenant_of=lambda did: "acme",
            observe=self._observe,
            clock=lambda: self.now_ms,
            places=places,
            allows=allows,
        )

    def _observe(self, record: Any, done: Step, seconds: float) -> None:
        self.steps.append((record.offset, done.outcome))

    def receive(self, *said: tuple[str, str], first: int = 0) -> None:
        """Messages as (contact, text)."""
        self.hear(*(_message(contact, text, first + i) for i, (contact, text) in enumerate(said)))

    def hear(self, *records: Source) -> None:
        """Records that follow one another."""
        first = records[0].offset
        self.host.receive(Chunk(TP, records, previous_end=first), self.lane)

    async def until(self, count: int) -> None:
        async with asyncio.timeout(5):
            while len(self.lane.done) < count:
                self.lane.moved.clear()
                await self.lane.moved.wait()


async def begun() -> None:
    """Enough turns of the loop for tasks to begin."""
    for _ in range(20):
        await asyncio.sleep(0)


def _message(contact: str, text: str, offset: int, tenant: str = "acme") -> Source:
    event = InboundEvent(
        id=f"wamid.{offset}",
        tenant=tenant,
        did=LINE,
        contact=contact,
        reply_to=contact,
        kind="message",
        at_ms=1,
        content=c.Text(body=text),
    )
    headers = Headers(id=event.id, type="event", tenant=tenant, at_ms=1).to_kafka()
    return Source(encode(event), keys.conversation(LINE, contact).encode(), headers, offset, TP.topic, TP.partition)


async def collector(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
    """Remembers all that it heard, slowly when asked to."""
    heard = [*conversation.memory.get("heard", []), text_of(event)]
    if text_of(event) == "slow":
        await asyncio.sleep(0.1)
    if text_of(event) == "hang":
        await asyncio.Event().wait()
    if text_of(event) == "raise":
        raise ValueError
    yield Remember({"heard": heard})
    yield Reply.text(text_of(event))


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


def flood(tenant: str, count: int, text: str, first: int = 0) -> list[Source]:
    """One message each of so many contacts of a tenant."""
    return [_message(f"57{first + i:08}", text, first + i, tenant) for i in range(count)]


async def test_a_tenant_that_floods_with_calls_that_hang_does_not_hold_up_another() -> None:
    stage = Stage(collector, parallel=512, timeout_s=60)
    stage.hear(*flood("hung", 1000, "hang"))
    await begun()
    assert len(stage.host._busy) == 256
    stage.hear(*flood("well", 20, "a", first=1000))
    await stage.until(20)
    assert sorted(stage.steps) == [(offset, "handled") for offset in range(1000, 1020)]


async def test_what_hangs_of_a_tenant_leaves_a_partition_after_one_time_out_however_much_it_is() -> None:
    """At the full time for each they would take twenty times as long."""
    stage = Stage(collector, parallel=40, places=50, timeout_s=0.5)
    began = asyncio.get_running_loop().time()
    stage.hear(*flood("hung", 400, "hang"))
    await stage.until(350)
    assert asyncio.get_running_loop().time() - began < 400 / 20 * 0.5 / 2
    assert {outcome for _, outcome in stage.steps} == {"dead_letter"}
    assert set(stage.lane.topics()) == {"agents.test.dlq"}


async def test_who_waits_for_a_turn_is_sent_away_when_the_partition_goes_and_all_turns_come_back() -> None:
    stage = Stage(collector, parallel=4, timeout_s=0.2)
    stage.receive(*((f"5711111{i}", "hang") for i in range(6)))
    await begun()
    await stage.host.release(stage.lane)
    assert sorted(stage.lane.done) == [0, 1]
    assert (stage.host._room.turns.free, stage.host._room.turns.waiting) == (4, 0)


async def test_a_release_that_is_cut_off_gives_all_turns_back() -> None:
    stage = Stage(collector, parallel=4)
    stage.receive(*((f"5711111{i}", "hang") for i in range(6)))
    await begun()
    release = asyncio.create_task(stage.host.release(stage.lane))
    await begun()
    release.cancel()
    with pytest.raises(asyncio.CancelledError):
        await release
    await begun()
    assert (stage.host._room.turns.free, stage.host._room.turns.waiting) == (4, 0)
    assert stage.lane.done == []


async def test_a_task_that_is_cancelled_while_it_waits_or_is_granted_a_turn_loses_none() -> None:
    stage = Stage(collector, parallel=1)
    desk = Desk()
    turns = stage.host._room.turns
    assert await stage.host._room.turn(desk, "a")
    waits, granted = (asyncio.create_task(stage.host._room.turn(desk, "a")) for _ in range(2))
    await begun()
    waits.cancel()
    await begun()
    assert turns.waiting == 1
    for ticket in turns.give_back("a"):
        ticket.set_result(True)
    granted.cancel()
    await begun()
    assert (turns.free, turns.waiting, desk.tickets) == (1, 0, {})


async def test_turns_that_never_come_back_are_seen_by_health() -> None:
    stage = Stage(collector, parallel=2)
    health = Health(stall_s=10)
    assert await stage.host._room.turn(Desk(), "lost")
    assert await stage.host._room.turn(Desk(), "lost, too")
    stage.receive(("57111111", "a"))
    await begun()
    for now in range(0, 20, 5):
        for part in stage.host.parts():
            health.steps.record(*part, now=now)
    assert health.live_failures(15) == [("turns", "1 events wait for a turn: no step for 15 s")]


async def test_an_event_that_never_ends_is_seen_by_health() -> None:
    stage = Stage(collector, timeout_s=15)
    assert [part.waits for part in stage.host.parts()] == ["", ""]
    stage.host._busy[b"k"] = time.monotonic() - 24
    assert [part.waits for part in stage.host.parts()] == ["", ""]
    stage.host._busy[b"k"] = time.monotonic() - 26
    assert [part.waits for part in stage.host.parts()] == ["", "an event is at work for 26 s"]


async def test_when_too_much_fails_nothing_more_is_submitted_and_nothing_more_begins() -> None:
    judged: list[tuple[str, str]] = []

    def allows(tenant: str, conversation: bytes, reason: str = "") -> bool:
        judged.append((tenant, reason))
        return len(judged) < 3

    stage = Stage(collector, parallel=8, allows=allows)
    texts = ["a", "raise", "raise", "b", "c", "d"]
    stage.receive(*((f"5711111{i}", text) for i, text in enumerate(texts)))
    await begun()
    stage.receive(("57999999", "e"), first=6)
    await begun()
    assert stage.lane.done == [0, 1]
    assert judged == [("acme", ""), ("acme", "raised"), ("acme", "raised")]
    assert stage.host._room.turns.free == 8
    assert stage.host.ring_alarms(stage.lane.table) is None
    await stage.host.release(stage.lane)
    assert stage.lane.done == [0, 1]
