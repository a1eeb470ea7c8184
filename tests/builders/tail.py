"""What egress workers put on record, read on as it comes: for tests that watch a whole run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from runtime.kafka import config
from runtime.kafka.offsets import end_offsets
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.journal import CallOutcome, Plan
from schemas.outcome import Outcome, merge

PARTITIONS = topics.LAPTOP.partitions


class Tail:
    """Plans, outcomes and public states of some lines that were committed since this was made."""

    def __init__(self, kafka: KafkaSettings, lines: Iterable[str], isolation: config.Isolation = "read_committed"):
        self._dids = frozenset(lines)
        self.plans: list[Plan] = []
        self.results: list[CallOutcome] = []
        self.states: dict[str, str] = {}
        names = [topics.EGRESS_JOURNAL.name, topics.OUTCOMES.name]
        self._kafka, self._committed = kafka, isolation == "read_committed"
        self._at = end_offsets(kafka, [(name, n) for name in names for n in range(PARTITIONS)])
        self._client = Consumer(config.consumer(kafka, "scene", isolation, {"enable.partition.eof": True}))
        self._client.assign([TopicPartition(name, n, offset) for (name, n), offset in self._at.items()])
        self._decoders = {name: topics.catalogue()[name].decoder() for name in names}

    async def more(self) -> None:
        """Reads all that came meanwhile and can be read."""
        ends = await asyncio.to_thread(end_offsets, self._kafka, self._at, committed=self._committed)
        async with asyncio.timeout(60):
            while any(self._at[place] < end for place, end in ends.items()):
                for message in await asyncio.to_thread(self._client.consume, 1000, 0.1):
                    self._take(message)

    def _take(self, message: Message) -> None:
        place, offset, error = (message.topic() or "", message.partition() or 0), message.offset() or 0, message.error()
        if error is not None:
            # Behind the last record there may be ends of transactions, which are never delivered themselves.
            self._at[place] = offset if error.code() == KafkaError._PARTITION_EOF else self._at[place]
            return
        self._at[place] = offset + 1
        value = message.value()
        if value is None:
            return
        record = self._decoders[message.topic() or ""].decode(value)
        if getattr(record, "did", "") not in self._dids:
            return
        if isinstance(record, Plan):
            self.plans.append(record)
        elif isinstance(record, CallOutcome):
            self.results.append(record)
        elif isinstance(record, Outcome):
            for one in record.message_ids:
                self.states[one] = merge(self.states.get(one), record.state)

    async def whole(self) -> bool:
        """Reads what came meanwhile; whether that was all, no transaction being open."""
        ends = await asyncio.to_thread(end_offsets, self._kafka, self._at)
        await self.more()
        return all(self._at[place] >= end for place, end in ends.items())

    @property
    def doubts(self) -> set[str]:
        """Plans that were in doubt at some time."""
        return {outcome.plan_id for outcome in self.results if outcome.result == "in_doubt"}

    def close(self) -> None:
        self._client.close()
