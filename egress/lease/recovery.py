"""What a new owner of a partition reads before it does anything: where its requests begin, and all of its tokens."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from confluent_kafka import Message

from runtime import logs
from runtime.kafka.offsets import begin_offsets
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from schemas.record import RecordError, decode
from schemas.token import LoginAttempt, Token, attempt_of

_log = logs.get(__name__)


class Found(NamedTuple):
    """What stands in a partition of `tokens`, by account."""

    tokens: dict[str, Token | None]
    attempts: dict[str, LoginAttempt]

    def take(self, key: str, record: Token | None) -> None:
        """The next record of the partition; None is a tombstone."""
        account = attempt_of(key)
        if account is None:
            self.tokens[key] = record
        elif record is not None and record.attempt is not None:
            self.attempts[account] = record.attempt
        else:
            self.attempts.pop(account, None)


async def positions(kafka: KafkaSettings, committed: dict[tuple[str, int], int | None]) -> dict[int, int]:
    """Where to read the requests of each partition on: committed, unless Kafka keeps less by now. Offsets."""
    kept = await asyncio.to_thread(begin_offsets, kafka, list(committed))
    return {partition: max(committed[topic, partition] or 0, begin) for (topic, partition), begin in kept.items()}


async def tokens(kafka: KafkaSettings, topic: str, partition: int) -> Found:
    """The newest token of each account of the partition, and its login without a token, up to the end that also shows
    open transactions.

    So a deposed owner's write is either in here or was refused. Blocks no loop; raises ReadFailed.
    """
    return await asyncio.to_thread(_found, kafka, topic, partition)


def _found(kafka: KafkaSettings, topic: str, partition: int) -> Found:
    found = Found({}, {})
    for message in read_partition(kafka, topic, partition):
        raw = message.key()
        key = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw or ""
        try:
            found.take(key, _record(message))
        except RecordError as error:
            _log.error("a record of tokens is unreadable", account=key, offset=message.offset(), problem=str(error))
    return found


def _record(message: Message) -> Token | None:
    """The record, None for a tombstone. Raises RecordError."""
    value = message.value()
    return None if value is None else decode(value.encode() if isinstance(value, str) else value, Token)
