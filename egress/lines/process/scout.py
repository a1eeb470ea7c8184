"""The scout: reads single templates ahead where a partition's intake is far behind, for the lines that have room.

It begins where that pays (`queues.ahead`). Two cursors: one follows the end of the topic, from shortly before where it
was when the scout began, so that what came last and what comes now is seen at once; the other reads the gap between the
intake and there, once. Most records are left by a glance, on a thread; the few others are admitted on the loop.
Promises: what it does not take, or loses, is read in its turn; a failure of Kafka ends nothing, is counted, and begins
it anew. Leaves to the partition what is taken, and every offset.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import KafkaException, Message

from egress.lines.incoming import Incoming
from egress.lines.now import Now
from egress.lines.partition import TEMPLATES, Partition
from egress.lines.process.behind import Behind, Unread
from egress.lines.queues import ahead
from egress.lines.queues.ahead import Closed, Look
from runtime import logs, metrics
from runtime.kafka.cursor import Cursor
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed
from runtime.settings import KafkaSettings

# So much of what came last is read first.
LAST = 50_000
# A partition is scouted until hardly any records are left.
UNTIL = 500
LOOK_S = 0.5
WAIT_S = 0.1
# One reading: so long, and so many records that may be taken, at most.
SLICE_S, PICKED_MAX = 0.05, 500
CLOSED_S = 0.25
_READ = 1000
_log = logs.get(__name__)


@dataclass(eq=False)
class Scouted:
    """A partition that is scouted: from `start`, where its intake was, to `tail`, from where on its end is followed."""

    partition: Partition
    start: int
    tail: int
    gap: bool = field(init=False)

    def __post_init__(self) -> None:
        self.gap = self.start < self.tail


class Sifted(NamedTuple):
    """Records that are not left at a glance, and how many were looked at."""

    picked: list[Message]
    seen: int


class Scout:
    """Of one worker; `partitions` are those that it owns now, and `arrived` is called when something was taken."""

    def __init__(
        self,
        settings: KafkaSettings,
        behind: Behind,
        partitions: Callable[[], Collection[Partition]],
        arrived: Callable[[], None],
    ) -> None:
        self._behind, self._partitions, self._arrived = behind, partitions, arrived
        self._tail, self._gap = Cursor(settings), Cursor(settings)
        self._scouted: dict[int, Scouted] = {}
        self._looks: dict[Partition, Look] = {}
        self._closed: Mapping[int, Closed] = {}
        self._reading, self._ended = threading.Lock(), False
        self._looked_s = self._closed_s = float("-inf")

    async def run(self) -> None:
        """Until it is cancelled."""
        try:
            while True:
                try:
                    await self._turn()
                except (KafkaException, OffsetsUnavailable, ReadFailed, TimeoutError) as error:
                    _log.warning("nothing is read ahead for a moment", problem=repr(error))
                    metrics.counter(metrics.EGRESS_AHEAD_FAILURES).labels().inc()
                    await self._rest()
        finally:
            self._ended = True
            await asyncio.to_thread(self._close)

    async def _rest(self) -> None:
        self._scouted.clear()
        await asyncio.to_thread(self._close)
        await asyncio.sleep(LOOK_S)

    def _close(self) -> None:
        with self._reading:
            self._tail.close()
            self._gap.close()

    async def _turn(self) -> None:
        now = Now.read()
        if now.s >= self._looked_s + LOOK_S:
            self._looked_s = now.s
            self.choose(await self._behind.look(self._partitions(), now.wall_ms), Now.read().s)
        if not self._scouted:
            await self._rest()
            return
        if now.s >= self._closed_s + CLOSED_S or self._closed.keys() != self._scouted.keys():
            self._closed_s = now.s
            self._closed = {n: ahead.closed(one.partition.lines.values()) for n, one in self._scouted.items()}
        self.admit(await asyncio.to_thread(self._read, dict(self._scouted), self._closed))

    def choose(self, behind: Mapping[int, Unread], now_s: float) -> None:
        """Which partitions are scouted from now on, by how far they are behind, how fast their intake is, and where
        they end."""
        owned = {one.number: one for one in self._partitions() if one.recovered and one.number in behind}
        over = [n for n, one in self._scouted.items() if owned.get(n) is not one.partition or behind[n].records < UNTIL]
        for n in over:
            del self._scouted[n]
        looks = {one: _look(one, behind[n], now_s).after(self._looks.get(one)) for n, one in owned.items()}
        for n in owned.keys() - self._scouted.keys() - set(over):  # one that is over may begin anew at the next look
            if looks[owned[n]].pays(self._looks.get(owned[n])):
                start = owned[n].trackers[TEMPLATES].next
                self._scouted[n] = Scouted(owned[n], start, max(start, behind[n].end - LAST))
                _log.info("single templates are read ahead", partition=n, behind=behind[n].records)
        self._looks = looks

    def _read(self, scouted: Mapping[int, Scouted], closed: Mapping[int, Closed]) -> Sifted:
        """What is not left at a glance of what is there now. On a thread."""
        with self._reading:
            picked: list[Message] = []
            seen = 0
            if self._ended:
                return Sifted(picked, seen)
            self._tail.place({(TEMPLATES, n): one.tail for n, one in scouted.items()})
            self._gap.place({(TEMPLATES, n): one.start for n, one in scouted.items() if one.gap})
            until = time.monotonic() + SLICE_S
            while len(picked) < PICKED_MAX and time.monotonic() < until:
                new = self._tail.read(_READ, 0)
                old = self._gap.read(_READ, 0 if new else WAIT_S) if self._gap.placed else []
                if not new and not self._gap.placed:
                    new = self._tail.read(_READ, WAIT_S)
                seen += len(new) + len(old)
                picked += [
                    message
                    for message in (*new, *_before_tails(old, scouted))
                    if not closed[message.partition() or 0].leaves(message.value())
                ]
                if not new and not old:
                    break
            return Sifted(picked, seen)

    def admit(self, sifted: Sifted) -> None:
        """What is taken of these; of a partition that was let go meanwhile, nothing."""
        metrics.counter(metrics.EGRESS_SCANNED).labels().inc(sifted.seen)
        now, owned, taken = Now.read(), set(map(id, self._partitions())), 0
        for incoming in map(Incoming.of, sifted.picked):
            scouted = self._scouted.get(incoming.partition)
            if scouted is not None and id(scouted.partition) in owned:
                taken += scouted.partition.read_ahead(incoming, now)
        if taken:
            metrics.counter(metrics.EGRESS_AHEAD).labels().inc(taken)
            self._arrived()


def _look(partition: Partition, unread: Unread, now_s: float) -> Look:
    return Look(now_s, unread.records, partition.trackers[TEMPLATES].next, partition.lot.parked, since_s=now_s)


def _before_tails(messages: list[Message], scouted: Mapping[int, Scouted]) -> list[Message]:
    """Those that the other cursor does not read; where one of it comes, the gap is read."""
    kept = []
    for message in messages:
        one = scouted[message.partition() or 0]
        if (message.offset() or 0) < one.tail:
            kept.append(message)
        if (message.offset() or 0) >= one.tail - 1:
            one.gap = False
    return kept
