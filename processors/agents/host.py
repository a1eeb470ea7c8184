"""The host of one agent type on the engine: conversations side by side, each one strictly in order.

An event is finished by itself, with its outputs and its memory in one transaction, so a slow or hanging agent
holds up its own conversation alone. Promises: one event of a conversation at a time, in the order of the
partition; every record ends in an outcome; after a partition is taken away nothing of it leaves any more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from processors.agents import alarms
from processors.agents.limits import AgentFailed
from processors.agents.memory import decode, encode
from processors.agents.step import Scene, Step, dead, step
from runtime import points
from runtime.engine import (
    Chunk,
    Effects,
    EffectsTooLarge,
    EventHandler,
    EventLane,
    Exit,
    LaneClosed,
    SourceRecord,
    TableView,
)
from runtime.engine.fatal import end_process
from schemas import keys

_ALARMS_AT_ONCE = 200
_BUSY_MS = 200


class StepObserver(Protocol):
    """Counts what became of a record; called on the event loop."""

    def __call__(self, record: SourceRecord, done: Step, seconds: float) -> None: ...


class _Desk:
    """A partition's conversations that have something to do, and the tasks that do it."""

    def __init__(self) -> None:
        self.queues: dict[bytes, deque[SourceRecord]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.closing = False


class AgentHost(EventHandler):
    """`tenant_of(did)` names the tenant that has a line (for timers); `clock` gives milliseconds since 1970."""

    def __init__(
        self,
        scene: Scene,
        *,
        parallel: int,
        tenant_of: Callable[[str], str],
        observe: StepObserver,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._scene = scene
        self._turns = asyncio.Semaphore(parallel)
        self._tenant_of = tenant_of
        self._observe = observe
        self._clock = clock
        self._desks: dict[EventLane, _Desk] = {}
        self._busy: set[bytes] = set()
        self._alarms: dict[int, tuple[TableView, alarms.AlarmQueue]] = {}

    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        """Queue the records, each behind the others of its conversation."""
        desk = self._desks.setdefault(lane, _Desk())
        for record in chunk:
            key = record.key or b""
            queue = desk.queues.get(key)
            if queue is not None:
                queue.append(record)
                continue
            desk.queues[key] = deque([record])
            task = asyncio.create_task(self._serve(lane, desk, key))
            desk.tasks.add(task)
            task.add_done_callback(desk.tasks.discard)

    async def release(self, lane: EventLane) -> None:
        """Begin nothing new and wait for what was begun; what is cut off is delivered to the next owner."""
        self._alarms.pop(lane.table.partition, None)  # it holds the table, and begins anew from the next one
        desk = self._desks.pop(lane, None)
        if desk is None:
            return
        desk.closing = True
        try:
            while desk.tasks:
                await asyncio.wait(desk.tasks)
        finally:
            for task in desk.tasks:
                task.cancel()

    async def _serve(self, lane: EventLane, desk: _Desk, key: bytes) -> None:
        """The records of one conversation, until there are none."""
        queue = desk.queues[key]
        try:
            while queue and not desk.closing:
                async with self._turns:
                    if not desk.closing:
                        await self._one(lane, key, queue.popleft())
        except LaneClosed:
            desk.closing = True
        except Exception as error:  # noqa: BLE001 - the host itself broke: events must not stay undone in silence
            end_process(Exit.HANDLER, "the host of %s failed: %r", self._scene.agent.kind, error)
        finally:
            del desk.queues[key]

    async def _one(self, lane: EventLane, key: bytes, record: SourceRecord) -> None:
        started = time.monotonic()
        self._busy.add(key)
        try:
            memory = decode(lane.table.get(key))
            done = await step(self._scene, record, memory, self._clock())
            try:
                self._submit(lane, key, record, done)
            except EffectsTooLarge as error:
                failure = AgentFailed("too_large", str(error))
                done = dead(self._scene.agent.kind, record, memory, failure, self._clock())
                self._submit(lane, key, record, done)
        finally:
            self._busy.discard(key)
        self._observe(record, done, time.monotonic() - started)

    def _submit(self, lane: EventLane, key: bytes, record: SourceRecord, done: Step) -> None:
        writes: dict[bytes, bytes | None] = {}
        if not done.same:
            writes[key] = None if done.memory is None else encode(done.memory)
        lane.submit(Effects(outputs=done.records, writes=writes), [record.offset])
        points.reach("event_submitted")
        if done.memory is not None and done.memory.alarms:
            self._queue_of(lane.table).see(key, done.memory)

    def _queue_of(self, table: TableView) -> alarms.AlarmQueue:
        """The timers of a partition, read anew when the partition was."""
        view, queue = self._alarms.get(table.partition, (None, None))
        if queue is None or view is not table:
            queue = alarms.AlarmQueue(table.items())
            self._alarms[table.partition] = table, queue
        return queue

    def ring_alarms(self, table: TableView) -> Effects | None:
        """Housekeeping: bring timers that are due back as events. A conversation at work is looked at later."""
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
        return effects if effects.writes else None
