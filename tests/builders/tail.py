"""What egress workers put on record, read on as it comes: for tests that watch a whole run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from confluent_kafka import Consumer, Message, TopicPartition

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
        ends = end_offsets(kafka, [(name, n) for name in names for n in range(PARTITIONS)])
        self._client = Consumer(config.consumer(kafka, "scene", isolation))
        self._client.assign([TopicPartition(name, n, offset) for (name, n), offset in ends.items()])
        self._decoders = {name: topics.catalogue()[name].decoder() for name in names}

    async def more(self) -> None:
        """Reads what came meanwhile."""
        while messages := await asyncio.to_thread(self._client.consume, 1000, 0.3):
            for message in messages:
                self._take(message)

    def _take(self, message: Message) -> None:
        value = message.value()
        if message.error() is not None or value is None:
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

    @property
    def doubts(self) -> set[str]:
        """Plans that were in doubt at some time."""
        return {outcome.plan_id for outcome in self.results if outcome.result == "in_doubt"}

    def close(self) -> None:
        self._client.close()
