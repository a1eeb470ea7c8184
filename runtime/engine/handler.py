"""Handlers: what a processor plugs into the engine. Two shapes, one engine.

A *chunk handler* is a coroutine function from a chunk and the table to effects. The chunks of a partition are
given to it strictly one after the other, each with the writes of the one before already in the table.

An *event handler* takes chunks without waiting and finishes their records one by one, in any order, whenever it
likes: `lane.submit(effects, done=[offset])`. The committed offset is the end of the leading run of done records,
so after a crash records behind it are delivered again although some were done: keep the ids of recent events in
the table, in the same effects, and skip those.

An exception out of a handler ends the process. What is wrong with one record (poison) is the handler's to catch,
and to answer with a record to a dead letter topic among its effects.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

from runtime.engine.chunk import Chunk, Partition
from runtime.engine.effects import Effects
from runtime.engine.table import TableView

ChunkHandler = Callable[[Chunk, TableView], Awaitable[Effects]]
Housekeeper = Callable[[TableView], Effects | None]


class LaneClosed(Exception):
    """The partition was taken away. Whatever was not submitted is delivered to the next owner."""


class EventLane(Protocol):
    """A partition while it is ours, as an event handler sees it."""

    @property
    def tp(self) -> Partition: ...

    @property
    def table(self) -> TableView: ...

    def submit(self, effects: Effects, done: Iterable[int] = ()) -> asyncio.Future[None]:
        """Hand over effects together with the offsets that they finish. The table has the writes at once; the
        future resolves when Kafka has them. Raises `LaneClosed`, or `EffectsTooLarge` (nothing was taken)."""


class EventHandler(ABC):
    """For agents. All methods are called on the event loop."""

    @abstractmethod
    def receive(self, chunk: Chunk, lane: EventLane) -> None:
        """Records of a partition, in order. Must not block."""

    @abstractmethod
    async def release(self, lane: EventLane) -> None:
        """The partition is being taken away: stop beginning new records, finish and submit begun ones, return.
        Cancelled after the drain time; what is not submitted by then is delivered to the next owner."""
