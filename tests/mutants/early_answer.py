"""Webhooks that mark an event as taken before Kafka acknowledged it: 200 at once, and the bytes go a moment later."""

from __future__ import annotations

import asyncio

from ingress.webhooks.intake import Intake
from relevo.cli.program import main
from runtime.kafka.record import Record

_deliver = Intake._deliver
_going: set[asyncio.Task[None]] = set()


async def _answered_first(self: Intake, records: tuple[Record, ...]) -> None:
    async def later() -> None:
        await asyncio.sleep(0.3)
        await _deliver(self, records)

    task = asyncio.create_task(later())
    _going.add(task)
    task.add_done_callback(_going.discard)


Intake._deliver = _answered_first  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
