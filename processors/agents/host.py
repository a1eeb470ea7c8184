"""The host of one agent type on the engine: conversations side by side, each one strictly in order.

An event is finished by itself, with its outputs and its memory in one transaction, so a slow or hanging agent
holds up its own conversation alone. Promises: one event of a conversation at a time, in the order of the
partition; every record ends in an outcome; after a partition is taken away nothing of it leaves any more. Leaves to
`turns` who may go next, and to `patience` for how long.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from typing import NamedTuple, Protocol

from processors.agents import alarms
from processors.agents.limits import AgentFailed
from processors.agents.memory import decode, encode
from processors.agents.patience import Patience, Time
from processors.agents.step import Scene, Step, dead, step
from processors.agents.turns import Turns
from runtime import points
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
_LATE_S = 10.0  # beyond the time-out, to clean up and on a busy machine


class StepObserver(Protocol):
    """Counts what became of a record; called on the event loop."""

    def __call__(self, record: SourceRecord, done: Step, seconds: float) -> None: ...


class _Waiting(NamedTuple):
    """An event that was not begun, of a tenant."""

    tenant: str
    record: SourceRecord


Ticket = asyncio.Future[bool]
"""Resolves to whether there is a turn."""


class _Desk:
    """A partition's conversations that have something to do, and the tasks that do it."""

    def __init__(self) -> None:
        self.queues: dict[bytes, deque[_Waiting]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self.tickets: dict[Ticket, str] = {}  # those that wait for a turn, and whose they are
        self.undone: Counter[str] = Counter()  # records by tenant
        self.closing = False


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
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        places: int = 1000,
    ) -> None:
        self._scene = scene
        self._places = places
        self._turns: Turns[Ticket] = Turns(parallel)
        self._patience = Patience(scene.limits.timeout_s)
        self._tenant_of = tenant_of
        self._observe = observe
        self._clock = clock
        self._desks: dict[EventLane, _Desk] = {}
        self._busy: dict[bytes, float] = {}  # conversations at work, and since when
        self._alarms: dict[int, tuple[TableView, alarms.AlarmQueue]] = {}

    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        """Queue the records, each behind the others of its conversation."""
        desk = self._desks.setdefault(lane, _Desk())
        for record in chunk:
            key, waiting = record.key or b"", _Waiting(_tenant(record), record)
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
        desk = self._desks.pop(lane, None)
        if desk is None:
            return
        self._close(desk)
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
            while queue and not desk.closing and await self._turn(desk, queue[0].tenant):
                tenant, record = queue[0]
                try:
                    if not desk.closing:
                        queue.popleft()
                        await self._timed(lane, desk, key, tenant, record)
                finally:
                    _tell(self._turns.give_back(tenant))
        except LaneClosed:
            self._close(desk)
        except Exception as error:  # noqa: BLE001 - the host itself broke: events must not stay undone in silence
            end_process(Exit.HANDLER, "the host of %s failed: %r", self._scene.agent.kind, error)
        finally:
            del desk.queues[key]

    async def _turn(self, desk: _Desk, tenant: str) -> bool:
        """Wait for a turn; False if the partition went before there was one."""
        ticket: Ticket = asyncio.get_running_loop().create_future()
        desk.tickets[ticket] = tenant
        _tell(self._turns.ask(tenant, ticket))
        try:
            return await ticket
        except asyncio.CancelledError:
            if not self._turns.withdraw(tenant, ticket) and (ticket.cancelled() or ticket.result()):
                _tell(self._turns.give_back(tenant))  # it was granted just now
            raise
        finally:
            desk.tickets.pop(ticket, None)

    def _close(self, desk: _Desk) -> None:
        """Nothing new begins; who waits for a turn is sent away at once."""
        desk.closing = True
        for ticket, tenant in list(desk.tickets.items()):
            if not ticket.done() and self._turns.withdraw(tenant, ticket):
                ticket.set_result(False)

    async def _timed(self, lane: EventLane, desk: _Desk, key: bytes, tenant: str, record: SourceRecord) -> None:
        """One event, in the time that its tenant has."""
        allowed = self._patience.begin(tenant, desk.undone[tenant] / self._places)
        timed_out = False
        try:
            done = await self._one(lane, key, record, allowed)
            timed_out = done.reason == "timeout"
        finally:
            desk.undone[tenant] -= 1
            self._patience.end(tenant, allowed, timed_out=timed_out)

    async def _one(self, lane: EventLane, key: bytes, record: SourceRecord, allowed: Time) -> Step:
        started = time.monotonic()
        scene = self._scene
        if not allowed.full:
            scene = scene._replace(limits=scene.limits._replace(timeout_s=allowed.seconds))
        self._busy[key] = started
        try:
            memory = decode(lane.table.get(key))
            done = await step(scene, record, memory, self._clock())
            try:
                self._submit(lane, key, record, done)
            except EffectsTooLarge as error:
                failure = AgentFailed("too_large", str(error))
                done = dead(self._scene.agent.kind, record, memory, failure, self._clock())
                self._submit(lane, key, record, done)
        finally:
            del self._busy[key]
        self._observe(record, done, time.monotonic() - started)
        return done

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

    def parts(self) -> list[Part]:
        """Turns that are granted while events wait for one, and events that should have ended long ago."""
        waiting = self._turns.waiting
        oldest_s = time.monotonic() - min(self._busy.values(), default=time.monotonic())
        late = oldest_s > self._scene.limits.timeout_s + _LATE_S
        return [
            Part("turns", self._turns.granted, f"{waiting} events wait for a turn" if waiting else ""),
            Part("events", 0, f"an event is at work for {oldest_s:.0f} s" if late else ""),
        ]

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


def _tell(granted: list[Ticket]) -> None:
    """Those who have a turn now."""
    for ticket in granted:
        if not ticket.done():  # else its task was cancelled, and gives the turn back when it hears of it
            ticket.set_result(True)


def _tenant(record: SourceRecord) -> str:
    """The tenant as the framework stamped it."""
    for name, value in record.headers:
        if name == "tenant":
            return value.decode("utf-8", "replace")
    return ""
