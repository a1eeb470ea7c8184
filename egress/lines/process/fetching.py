"""Fetching: records read by their offset, on a thread: chunks of campaigns, messages to try again, parked ones."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from egress.lines.incoming import Incoming
from egress.lines.memory.entry import Entry
from runtime.kafka.pick import Picker
from runtime.settings import KafkaSettings
from schemas.journal import PlannedMessage


class Fetch(NamedTuple):
    """Messages of a plan that are to be tried again at `wake_s`; a reason makes it a deliberate resend on record.

    `dead` says that no attempt is left: the messages are fetched to be kept as dead letters.
    """

    entry: Entry
    messages: list[PlannedMessage]
    wake_s: float
    resend_why: str = ""
    dead: bool = False


class Fetcher:
    """Reads single records and runs of them; one at a time, so that recovery and campaigns do not crowd the machine."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._picker = Picker(settings)
        self._turn = asyncio.Lock()

    async def value(self, topic: str, partition: int, offset: int) -> bytes | None:
        """The value of the record at an offset; None when Kafka keeps it no longer."""
        found = await self.records(topic, partition, [offset])
        return found[offset].value if offset in found else None

    async def records(self, topic: str, partition: int, offsets: Sequence[int]) -> dict[int, Incoming]:
        """The records at these offsets that Kafka still keeps."""
        async with self._turn:
            found = await asyncio.to_thread(self._picker.pick, topic, partition, offsets)
        return {offset: Incoming.of(message) for offset, message in found.items()}

    async def stop(self) -> None:
        """Nothing is read any more."""
        await asyncio.to_thread(self._picker.close)
