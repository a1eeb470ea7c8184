"""Health: whether a service lives (else restart it) and is ready (else send it nothing), and why not.

Liveness is progress, not a pulse: a partition that has work and did not move for `stall_s`, or of which nobody
reported for so long, fails it, as does a part that waits for something and made no step for so long, an event loop
that is late, or a part that declared itself dead. Readiness
is a set of named conditions that all must hold. Time is an argument everywhere (`runtime.health.clock` in
production). Leaves to the services: reporting each partition at least every few seconds, also when it is idle.
"""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from runtime import metrics

clock = time.monotonic

# A transaction's marker takes an offset that is never delivered, so a committed position may stay one below the end.
MARKER = 1


class Failure(NamedTuple):
    """A check that fails, and what is known about it."""

    check: str
    detail: str


@dataclass
class _Partition:
    position: int
    end: int
    oldest_undone_s: float
    reported: float
    moved: float = 0  # when the position moved last, or work came after there was none
    moves: int = 0
    marker: int = MARKER

    @property
    def idle(self) -> bool:
        return self.end - self.position <= self.marker and self.oldest_undone_s <= 0

    def stands(self, before: "_Partition") -> bool:
        """Whether there was work all the time and none of it was done."""
        still = (before.position, before.moves) == (self.position, self.moves)
        return still and not (before.idle or self.idle)


@dataclass
class Progress:
    """How far each partition is. Partitions are named as the service likes, `topic-3` by custom."""

    stall_s: float = 60
    _partitions: dict[str, _Partition] = field(default_factory=dict)

    def record(
        self,
        partition: str,
        position: int,
        end: int,
        oldest_undone_s: float = 0,
        *,
        moves: int = 0,
        exact: bool = False,
        now: float | None = None,
    ) -> None:
        """Report a partition: the next offset to do, the partition's end, the age of the oldest record in work.

        `moves` is whatever else moves when work is done that the position does not show; a position that is `exact`
        lies behind the markers at the end.
        """
        now = clock() if now is None else now
        before = self._partitions.get(partition)
        marker = 0 if exact else MARKER
        state = _Partition(position, end, oldest_undone_s, reported=now, moved=now, moves=moves, marker=marker)
        if before is not None and state.stands(before):
            state.moved = before.moved
        self._partitions[partition] = state

    def forget(self, partition: str) -> None:
        """The partition went to another worker."""
        self._partitions.pop(partition, None)
        metrics.gauge(metrics.SERVICE_OLDEST_UNDONE).remove(partition=partition)

    def failures(self, now: float) -> list[Failure]:
        failures = []
        for name, state in sorted(self._partitions.items()):
            check = f"partition {name}"
            if now - state.reported > self.stall_s:
                failures.append(Failure(check, f"nothing was reported for {now - state.reported:.0f} s"))
            elif now - state.moved > self.stall_s:
                waiting = f"{state.end - state.position} records wait" if state.end > state.position else "work waits"
                failures.append(
                    Failure(check, f"stands at {state.position} for {now - state.moved:.0f} s while {waiting}")
                )
        return failures

    def oldest_undone(self) -> dict[str, float]:
        """Seconds by partition, as reported last."""
        return {name: state.oldest_undone_s for name, state in self._partitions.items()}


@dataclass
class _Part:
    count: int
    waits: str
    reported: float
    moved: float


@dataclass
class Steps:
    """Parts whose progress is no offset: joining a group, recovering, turns of agents."""

    stall_s: float = 60
    _parts: dict[str, _Part] = field(default_factory=dict)

    def record(self, part: str, count: int, waits: str = "", *, now: float | None = None) -> None:
        """Report a part: the steps that it made so far, and what it waits for (nothing: it need not move)."""
        now = clock() if now is None else now
        before = self._parts.get(part)
        state = _Part(count, waits, reported=now, moved=now)
        if before is not None and before.count == count and before.waits and waits:
            state.moved = before.moved
        self._parts[part] = state

    def forget(self, part: str) -> None:
        """The part has done what it had to do."""
        self._parts.pop(part, None)

    def failures(self, now: float) -> list[Failure]:
        failures = []
        for name, state in sorted(self._parts.items()):
            if now - state.reported > self.stall_s:
                failures.append(Failure(name, f"nothing was reported for {now - state.reported:.0f} s"))
            elif now - state.moved > self.stall_s:
                failures.append(Failure(name, f"{state.waits}: no step for {now - state.moved:.0f} s"))
        return failures


class Health:
    """The health of one service. One that is `starting` is not ready until it has said what it waits for."""

    def __init__(self, *, stall_s: float = 60, loop_lag_s: float = 5, starting: bool = False) -> None:
        self.progress = Progress(stall_s)
        self.steps = Steps(stall_s)
        self._loop_lag_s = loop_lag_s
        self._loop_lag = 0.0
        self._loop_ticked: float | None = None
        self._starting = starting
        self._dead: dict[str, str] = {}
        self._conditions: dict[str, str] = {}

    def wait_for(self, condition: str, why: str = "not yet") -> None:
        """The service is not ready until `met(condition)`."""
        self._conditions[condition] = why or "not yet"
        self._starting = False

    def met(self, condition: str) -> None:
        """The condition holds (again)."""
        self._conditions[condition] = ""
        self._starting = False

    def dead(self, part: str, why: str) -> None:
        """A part of the service has ended for good: liveness fails from now on."""
        self._dead[part] = why

    def loop_was_late(self, lag_s: float, now: float | None = None) -> None:
        """How late the event loop was at its last tick, which is now."""
        self._loop_lag = lag_s
        self._loop_ticked = clock() if now is None else now

    def loop_blocked_s(self, now: float) -> float:
        """For so long the event loop has not ticked; 0 while that is no longer than it may be late."""
        silent_s = 0.0 if self._loop_ticked is None else now - self._loop_ticked
        return silent_s if silent_s > self._loop_lag_s else 0.0

    def live_failures(self, now: float) -> list[Failure]:
        failures = [Failure(part, why) for part, why in self._dead.items()]
        if self._loop_lag > self._loop_lag_s:
            failures.append(Failure("event loop", f"was late by {self._loop_lag:.1f} s"))
        return failures + self.steps.failures(now) + self.progress.failures(now)

    def ready_failures(self, now: float) -> list[Failure]:
        waiting = [Failure(condition, why) for condition, why in self._conditions.items() if why]
        if self._starting:
            waiting.append(Failure("service", "is starting"))
        return waiting + self.live_failures(now)

    @property
    def live(self) -> bool:
        return not self.live_failures(clock())

    @property
    def ready(self) -> bool:
        return not self.ready_failures(clock())


async def watch_loop(health: Health, *, interval_s: float = 0.5, window: int = 120) -> None:
    """Measure how late the event loop is, for ever; the last `window` ticks give the worst value that is shown."""
    recent: deque[float] = deque(maxlen=window)
    last, worst = (metrics.gauge(m).labels() for m in (metrics.SERVICE_LOOP_LAG, metrics.SERVICE_LOOP_LAG_MAX))
    while True:
        before = clock()
        await asyncio.sleep(interval_s)
        lag = max(0.0, clock() - before - interval_s)
        recent.append(lag)
        health.loop_was_late(lag)
        last.set(lag)
        worst.set(max(recent))
