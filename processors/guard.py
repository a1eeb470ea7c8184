"""The guard of a worker: it hears how events ended, and stops the worker when the limit on dead letters trips.

A stopped worker submits nothing more, so what made it stop is handled again after the restart. It stands still for a
moment with a failing `/live`, so that probes, scrapes and people see why, and ends with a code of its own. Started
again it may trip again: the restarts with their growing pauses are wanted, they keep the topic until somebody acts.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection

from processors.letters import LetterLimit, Limit, Trip
from runtime import metrics
from runtime.engine import Exit
from runtime.service import Service
from runtime.settings import ProcessorSettings


class Guard:
    """Of one process. `served()` names the tenants that it serves; `excused` are reasons that say nothing of it."""

    def __init__(
        self,
        service: Service,
        processor: str,
        settings: ProcessorSettings,
        served: Callable[[], Collection[str]],
        excused: frozenset[str] = frozenset(),
    ) -> None:
        self._service = service
        self._processor = processor
        self._stand_s = settings.dead_letter_stand_s
        self._excused = excused
        self._limit = LetterLimit(
            Limit(settings.dead_letter_conversations, settings.dead_letter_window_s, settings.dead_letter_share), served
        )
        self._stopped = asyncio.Event()

    @property
    def watches(self) -> bool:
        """Whether it must be told of what went well, too."""
        return self._limit.watches

    @property
    def stopped(self) -> bool:
        """Whether the limit tripped."""
        return self._stopped.is_set()

    def allows(self, tenant: str, conversation: bytes, reason: str = "") -> bool:
        """An event ended as a dead letter for `reason`, or well. False: the worker has stopped, submit nothing."""
        if not self.stopped and reason not in self._excused:
            trip = self._limit.see(tenant, conversation, reason, time.monotonic())
            if trip is not None:
                self._stop(trip)
        return not self.stopped

    async def stand(self) -> None:
        """For a handler that must not return its effects: it is cut off when the partition is given back."""
        await asyncio.get_running_loop().create_future()

    def _stop(self, trip: Trip) -> None:
        self._stopped.set()
        self._service.log.error(
            "too many dead letters: nothing more is committed and the worker ends",
            exit_code=int(Exit.LETTERS),
            processor=self._processor,
            why=str(trip),
            look="relevo dlq ls",
            go_on="mend the cause, or let them through with RELEVO_PROCESSOR_DEAD_LETTER_CONVERSATIONS=0",
        )
        metrics.counter(metrics.PROCESSOR_LETTER_STOPS).labels(processor=self._processor).inc()
        self._service.health.dead("dead letters", str(trip))
        self._service.code = self._service.code or int(Exit.LETTERS)
        loop = asyncio.get_running_loop()
        loop.call_later(self._stand_s, self._service.stop, "too many dead letters")
