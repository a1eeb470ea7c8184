"""The host between tenants: turns, places and patience; what stops it; what health sees of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from processors.agents.desk import Desk
from relevo import Action, Conversation, InboundEvent, text_of
from runtime.engine import Chunk, TableView
from runtime.engine.lane import Lane
from runtime.engine.membership import Membership
from runtime.health import Health
from tests.builders.agent_stage import TP, Stage, begun, collector, flood


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
    played: list[str] = []

    def allows(tenant: str, conversation: bytes, reason: str = "") -> bool:
        judged.append((tenant, reason))
        return len(judged) < 3

    async def agent(conversation: Conversation, event: InboundEvent) -> AsyncIterator[Action]:
        played.append(text_of(event))
        async for action in collector(conversation, event):
            yield action

    stage = Stage(agent, parallel=8, allows=allows)
    texts = ["a", "raise", "raise", "b", "c", "d", "e", "f"]
    stage.receive(*((f"5711111{i}", text) for i, text in enumerate(texts)))
    await begun()
    stage.receive(("57999999", "g"), first=8)
    await begun()
    assert stage.lane.done == [0, 1]
    assert judged == [("acme", ""), ("acme", "raised"), ("acme", "raised")]
    assert len(played) < len(texts)
    assert stage.host._room.turns.free == 8
    assert stage.host.ring_alarms(stage.lane.table) is None
    await stage.host.release(stage.lane)
    assert stage.lane.done == [0, 1]


async def test_behind_a_partition_full_of_calls_that_hang_another_tenant_waits_for_about_one_time_out() -> None:
    """On a lane as in the engine, with twenty places; with the full time for each, six time-outs would pass."""
    stage = Stage(collector, parallel=64, places=10, timeout_s=0.8)
    lane = Lane(
        TP,
        0,
        membership=Membership("group", 1, "member", None),
        table=TableView(0),
        changelog="changelog",
        handler=stage.host,
        submit_work=lambda work: work.done.set_result(None),
        room=lambda: None,
        window=4,
        records_open=20,
        waiting_max=100,
        message_max=10_000,
    )
    records = [*flood("hung", 120, "hang"), *flood("well", 1, "a", first=120)]
    for first in range(0, 121, 10):
        lane.offer(Chunk(TP, records[first : first + 10], previous_end=first))
    began = asyncio.get_running_loop().time()
    await asyncio.wait_for(stage.seen_that((120, "handled")), 10)
    assert asyncio.get_running_loop().time() - began < 3 * 0.8
    await lane.close(0.1)


async def test_a_partition_whose_events_wait_for_turns_moves_as_turns_are_granted_to_others() -> None:
    stage = Stage(collector, parallel=2, timeout_s=60)
    assert await stage.host._room.turn(Desk(), "acme")
    assert stage.host.moves(0) == 0
    stage.receive(("57111111", "a"))
    await begun()
    before = stage.host.moves(0)
    assert before > 0
    stage.host._room.turns.ask("another", asyncio.get_running_loop().create_future())
    assert stage.host.moves(0) == before + 1
    assert stage.host.moves(1) == 0
    stage.host._room.give_back("acme")
    stage.host._room.give_back("another")
    await stage.until(1)
    await begun()
    assert stage.host.moves(0) == 0
