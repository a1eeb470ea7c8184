"""A worker program for the tests: an event handler, whose records finish out of order.

A queue and a task for each key; every event takes a random few milliseconds. Same table, same output and same
arguments as `dedupe`, so that the same reckoning holds.
"""

import asyncio
import random
from collections import deque

from runtime.engine import Chunk, Effects, EventHandler, EventLane, LaneClosed, SourceRecord
from tests.engine_apps.dedupe import Plan, absorb, run, state_of

Queue = deque[SourceRecord]


class Agents(EventHandler):
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(7)
        self.queues: dict[tuple[EventLane, bytes], Queue] = {}
        self.tasks: dict[tuple[EventLane, bytes], asyncio.Task[None]] = {}

    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        for record in chunk:
            assert record.key is not None
            queue = self.queues.get((lane, record.key))
            if queue is not None:
                queue.append(record)
                continue
            self.queues[lane, record.key] = deque([record])
            self.tasks[lane, record.key] = asyncio.get_running_loop().create_task(self.converse(lane, record.key))

    async def converse(self, lane: EventLane, key: bytes) -> None:
        queue = self.queues[lane, key]
        while queue:
            record = queue[0]
            await asyncio.sleep(self.random.random() * (self.plan.pause_s or 0.01))
            effects = Effects()
            absorb(self.plan, record, state_of(lane.table, key), effects)
            try:
                lane.submit(effects, done=[record.offset])
            except LaneClosed:
                break
            queue.popleft()
        del self.queues[lane, key]
        del self.tasks[lane, key]

    async def release(self, lane: EventLane) -> None:
        """Begun events may finish; those that wait are the next owner's."""
        for (owner, _), queue in self.queues.items():
            while owner is lane and len(queue) > 1:
                queue.pop()
        begun = [task for (owner, _), task in self.tasks.items() if owner is lane]
        if begun:
            await asyncio.wait(begun)


if __name__ == "__main__":
    run(Agents)
