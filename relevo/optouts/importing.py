"""Takes in a list of people who opted out: orders to their conversations, which alone write `optouts`.

Promises: the file is read once before anything is written, and refused whole when too much of it is bad; what stands
already is not ordered again, and the same file twice is the same orders; no more than so many a second, so that people
who write meanwhile do not wait; memory does not grow with the file. Taps are not told: the list comes from there.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import islice

from relevo.campaigns.intake import Report
from relevo.campaigns.recipients import BadRow
from relevo.campaigns.refused import SubmitError
from relevo.conversations.order import record
from relevo.optouts.listed import Listed
from relevo.optouts.roster import Roster
from runtime.kafka.producer import Producer
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.inbound import OptOut
from schemas.record import Frozen

BATCH = 500
_POLL_S = 0.5


class Taken(Frozen):
    """What became of a file: rows, orders that were written, wishes that stood before, bad rows by reason; `missing`
    orders were not carried out yet."""

    rows: int
    ordered: int
    stood: int
    left_out: dict[str, int]
    rejected: str
    missing: int = 0

    @property
    def bad_share(self) -> float:
        """Of all rows."""
        return sum(self.left_out.values()) / self.rows if self.rows else 0.0


class Import:
    """One passage of a list. `roster` is of its lines, and read."""

    def __init__(self, settings: KafkaSettings, listed: Listed, roster: Roster, report: Report) -> None:
        self._settings, self._listed, self._roster, self._report = settings, listed, roster, report
        self._rows = self._ordered = self._stood = 0
        self._left_out: Counter[str] = Counter()

    def looked_at(self, max_bad: float) -> Taken:
        """The file as it would be taken; the bad rows are reported. Raises SubmitError when it would be refused."""
        for found in self._listed:
            self._rows += 1
            if isinstance(found, BadRow):
                self._left_out[found.reason] += 1
                self._report.write(found)
                continue
            for order in found[1]:
                new = not self._roster.covers(order.did, order.contact, order.categories)
                self._ordered += new and self._roster.ask(order.did, order.contact, order.categories)
                self._stood += not new
        found_all = Taken(
            rows=self._rows,
            ordered=self._ordered,
            stood=self._stood,
            left_out=dict(self._left_out),
            rejected=str(self._report.file),
        )
        if found_all.bad_share > max_bad:
            raise SubmitError(
                f"{sum(self._left_out.values())} of {self._rows} rows are bad, {found_all.bad_share:.1%}; more than "
                f"{max_bad:.1%} are not taken (--max-bad). They stand in {self._report.file}; nothing was ordered"
            )
        return found_all

    async def write(self, rate: float) -> None:
        """Order what does not stand yet. Raises DeliveryError."""
        producer = Producer(self._settings, linger_ms=5)
        count = topics.INBOUND_CONVERSATIONS.count(topics.PROFILES[self._settings.profile])
        await producer.start()
        try:
            async for part in _paced(self._orders(), rate):
                await producer.send_all(record(order, count) for order in part)
        finally:
            await producer.stop()

    def wait(self, within_s: float) -> int:
        """Wait until all stand; how many do not, after so long. Blocks."""
        deadline = time.monotonic() + within_s
        while True:
            self._roster.read(self._settings)
            missing = self._roster.missing()
            if not missing or time.monotonic() > deadline:
                return missing
            time.sleep(_POLL_S)

    def _orders(self) -> Iterator[OptOut]:
        for found in self._listed:
            if not isinstance(found, BadRow):
                for order in found[1]:
                    if not self._roster.covers(order.did, order.contact, order.categories):
                        yield order


async def _paced(orders: Iterator[OptOut], rate: float) -> AsyncIterator[list[OptOut]]:
    """The orders in parts, at most `rate` a second."""
    begun, given = time.monotonic(), 0
    size = max(1, min(BATCH, int(rate / 4)))
    while part := list(islice(orders, size)):
        yield part
        given += len(part)
        await asyncio.sleep(max(0.0, begun + given / rate - time.monotonic()))
