"""The host of one agent type on the engine: conversations side by side, each one strictly in order.

An event is finished by itself, with its outputs and its memory in one transaction, so a slow or hanging agent
holds up its own conversation alone. Promises: one event of a conversation at a time, in the order of the
partition; every record ends in an outcome; after a partition is taken away nothing of it leaves any more. Leaves to
`turns` who may go next, and to `patience` for how long.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol

from processors.agents import alarms
from processors.agents.deliveries.standing import Standing
from processors.agents.desk import Desk, Room, Waiting, stamped_tenant
from processors.agents.limits import AgentFailed
from processors.agents.memory import Memory, decode, encode
from processors.agents.patience import Patience, Time
from processors.agents.step import Scene, Step, before, dead, not_told, step
from runtime import metrics, points
from runtime.clock import now_ms as wall_ms
from runtime.engine import (
    Chunk,
    Effects,
    EffectsTooLarge,
    EventHandler,
    EventLane,
    Exit,
    LaneClosed,
    Part,
    SourceRecord,
    TableView,
)
from runtime.engine.fatal import end_process
from schemas import keys

_ALARMS_AT_ONCE = 200
_BUSY_MS = 200
_GIVEN = ("handled", "dead_letter")  # how an event ends that the agent was given
_LATE_S = 10.0  # beyond the time-out, to clean up and on a busy machine


class StepObserver(Protocol):
    """Counts what became of a record; called on the event loop."""

    def __call__(self, record: SourceRecord, done: Step, seconds: float) -> None: ...


class Allows(Protocol):
    """Hears how an event of a conversation ended; False if nothing must be submitted any more."""

    def __call__(self, tenant: str, conversation: bytes, reason: str = "") -> bool: ...


def always(tenant: str, conversation: bytes, reason: str = "") -> bool:
    """No limit on what fails."""
    return True


class _Halt(Exception):
    """Nothing must be submitted any more."""


class AgentHost(EventHandler):
    """`tenant_of(did)` names the tenant that has a line (for timers); `clock` gives milliseconds since 1970;
    `places` is a tenant's share of the records of a partition that may be under way."""

    def __init__(
        self,
        scene: Scene,
        *,
        parallel: int,
        tenant_of: Callable[[str], str],
        observe: StepObserver,
        clock: Callable[[], int] = wall_ms,
        places: int = 1000,
        allows: Allows = always,
    ) -> None:
        self._scene = scene
        self._places = places
        self._allows = allows
        self._halted = False
        self._room = Room(parallel)
        self._patience = Patience(scene.limits.timeout_s)
        self._tenant_of = tenant_of
        self._observe = observe
        self._clock = clock
        self._desks: dict[EventLane, Desk] = {}
        self._busy: dict[bytes, float] = {}  # conversations at work, and since when
        self._alarms: dict[int, tuple[TableView, alarms.AlarmQueue]] = {}
        self._standing = Standing(scene.agent.kind)

    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        """Queue the records, each behind the others of its conversation."""
        if self._halted:
            return
        desk = self._desks.setdefault(lane, Desk())
        for record in chunk:
            key, waiting = record.key or b"", Waiting(stamped_tenant(record), record)
            desk.undone[waiting.tenant] += 1
            queue = desk.queues.get(key)
            if queue is not None:
                queue.append(waiting)
                continue
            desk.queues[key] = deque([waiting])
            task = asyncio.create_task(self._serve(lane, desk, key))
            desk.tasks.add(task)
            task.add_done_callback(desk.tasks.discard)

    async def release(self, lane: EventLane) -> None:
        """Begin nothing new and wait for what was begun; what is cut off is delivered to the next owner."""
        self._alarms.pop(lane.table.partition, None)  # it holds the table, and begins anew from the next one
        self._standing.forget(lane.table.partition)
        desk = self._desks.pop(lane, None)
        if desk is None:
            return
        self._room.close(desk)
        try:
            while desk.tasks:
                await asyncio.wait(desk.tasks)
        finally:
            for task in desk.tasks:
                task.cancel()

    async def _serve(self, lane: EventLane, desk: Desk, key: bytes) -> None:
        """The records of one conversation, until there are none."""
        queue = desk.queues[key]
        try:
            while queue and not desk.closing and await self._room.turn(desk, queue[0].tenant):
                tenant, record = queue[0]
                try:
                    if not desk.closing:
                        queue.popleft()
                        await self._timed(lane, desk, key, tenant, record)
                finally:
                    self._room.give_back(tenant)
        except LaneClosed:
            self._room.close(desk)
        except _Halt:
            self._halt()
        except Exception as error:  # noqa: BLE001 - the host itself broke: events must not stay undone in silence
            end_process(Exit.HANDLER, "the host of %s failed: %r", self._scene.agent.kind, error)
        finally:
            del desk.queues[key]

    async def _timed(self, lane: EventLane, desk: Desk, key: bytes, tenant: str, record: SourceRecord) -> None:
        """One event, in the time that its tenant has."""
        allowed = self._patience.begin(tenant, desk.undone[tenant] / self._places)
        timed_out: bool | None = None
        try:
            steps = await self._one(lane, desk, key, record, allowed)
            if any(done.outcome in _GIVEN for done in steps):
                timed_out = any(done.reason == "timeout" for done in steps)
        finally:
            desk.undone[tenant] -= 1
            self._patience.end(tenant, allowed, timed_out=timed_out)

    async def _one(self, lane: EventLane, desk: Desk, key: bytes, record: SourceRecord, allowed: Time) -> list[Step]:
        """What is held goes first, in a time of its own; not the record, too, when the partition goes meanwhile."""
        steps: list[Step] = []
        started = time.monotonic()
        scene = self._scene
        if not allowed.full:
            scene = scene._replace(limits=scene.limits._replace(timeout_s=allowed.seconds))
        self._busy[key] = started
        try:
            memory = decode(lane.table.get(key))
            if first := await before(scene, record, memory, self._clock()):
                first = self._finish(lane, key, record, memory, first, [])
                self._observe(record, first, time.monotonic() - started)
                steps.append(first)
                if desk.closing:
                    return steps
                self._busy[key] = started = time.monotonic()
                memory = decode(lane.table.get(key))
            done = await step(scene, record, memory, self._clock())
            done = self._finish(lane, key, record, memory, done, [record.offset])
        finally:
            self._busy.pop(key, None)
        self._observe(record, done, time.monotonic() - started)
        return [*steps, done]

    def _finish(
        self, lane: EventLane, key: bytes, record: SourceRecord, memory: Memory, done: Step, offsets: list[int]
    ) -> Step:
        """Submit what became of a record, or of what was held before it; what Kafka would not take is a dead letter."""
        self._judge(record, key, done)
        try:
            self._submit(lane, key, done, offsets)
        except EffectsTooLarge as error:
            failure = AgentFailed("too_large", str(error))
            given_up = not_told if done.told else dead
            done = given_up(self._scene.agent.kind, record, memory, failure, self._clock())
            if done.told and done.memory is not None and offsets:
                done.memory.offset = record.offset
            self._judge(record, key, done)
            self._submit(lane, key, done, offsets)
        return done

    def _judge(self, record: SourceRecord, key: bytes, done: Step) -> None:
        """Raises when too much fails: then this event, like all that follow, is left to be handled again."""
        allowed = not self._halted
        if allowed and done.outcome in _GIVEN:
            allowed = self._allows(stamped_tenant(record), key, done.reason)
        if not allowed:
            raise _Halt

    def _halt(self) -> None:
        self._halted = True
        for desk in self._desks.values():
            self._room.close(desk)

    def _submit(self, lane: EventLane, key: bytes, done: Step, offsets: list[int]) -> None:
        writes: dict[bytes, bytes | None] = {}
        if not done.same:
            writes[key] = None if done.memory is None else encode(done.memory)
        lane.submit(Effects(outputs=done.records, writes=writes), offsets)
        points.reach("event_submitted")
        if done.told:
            points.reach("held_submitted")
        if not done.same:
            self._queue_of(lane.table).see(key, done.memory or Memory())

    def _queue_of(self, table: TableView) -> alarms.AlarmQueue:
        """The timers of a partition, read anew when the partition was."""
        view, queue = self._alarms.get(table.partition, (None, None))
        if queue is None or view is not table:
            self._standing.forget(table.partition)
            queue = alarms.AlarmQueue(table.items(), partial(self._standing.see, table.partition))
            self._alarms[table.partition] = table, queue
        return queue

    def parts(self) -> list[Part]:
        """Turns that are granted while events wait for one, and events that should have ended long ago."""
        waiting = self._room.turns.waiting
        oldest_s = time.monotonic() - min(self._busy.values(), default=time.monotonic())
        late = oldest_s > self._scene.limits.timeout_s + _LATE_S
        return [
            Part("turns", self._room.turns.granted, f"{waiting} events wait for a turn" if waiting else ""),
            Part("events", 0, f"an event is at work for {oldest_s:.0f} s" if late else ""),
        ]

    def moves(self, partition: int) -> int:
        """Turns that are granted, to whomever, while events of the partition wait for theirs: they are in a queue that
        moves, and may be far behind when one tenant has filled many partitions."""
        waiting = any(desk.tickets for lane, desk in self._desks.items() if lane.tp.partition == partition)
        return self._room.turns.granted if waiting else 0

    def show(self) -> None:
        """Who has turns, and how many events wait for one."""
        turns = self._room.turns
        gauge, agent = metrics.gauge(metrics.AGENT_TURNS), self._scene.agent.kind
        counts = {"free": turns.free, "held": turns.count - turns.free, "wanted": turns.waiting}
        for state, count in counts.items():
            gauge.labels(agent=agent, state=state).set(count)

    def ring_alarms(self, table: TableView) -> Effects | None:
        """Housekeeping: bring timers that are due back as events. A conversation at work is looked at later."""
        if self._halted:
            return None
        now_ms, queue, effects = self._clock(), self._queue_of(table), Effects()
        for key in queue.due(now_ms, _ALARMS_AT_ONCE):
            if key in self._busy:
                queue.put_off(key, now_ms + _BUSY_MS)
                continue
            memory = decode(table.get(key))
            tenant = memory.tenant or self._tenant_of(keys.split(key, 2)[0])
            rung = alarms.ring(self._scene.agent.kind, key, memory, tenant, table.partition, now_ms)
            if rung:
                effects.outputs += rung
                effects.writes[key] = encode(memory)
            queue.see(key, memory)
        self._standing.show(now_ms)
        return effects if effects.writes else None
