"""Writes of the lease: tokens, attempts, offsets of requests, dead letters; each fenced by the generation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from confluent_kafka import Message, TopicPartition

from egress.lease.names import Names
from egress.lease.state import Note, Write
from runtime.clock import now_ms
from runtime.kafka.record import Record
from runtime.kafka.transactions import TransactionalProducer, TransactionFailed
from schemas.dead_letter import Cause, source
from schemas.headers import Headers
from schemas.record import encode
from schemas.token import attempt_key, attempt_record


class Writer:
    """`metadata` gives the group metadata of the present generation; it raises when there is none. `give_up` is called
    when no further transaction can succeed, before anybody hears of it: whoever was expelled must not join again."""

    def __init__(
        self,
        producer: TransactionalProducer,
        names: Names,
        metadata: Callable[[], object],
        give_up: Callable[[], None] = lambda: None,
    ) -> None:
        self._producer, self._names, self._metadata, self._give_up = producer, names, metadata, give_up
        self._letters: list[Record] = []
        self._committed: dict[int, int] = {}
        self._turn = asyncio.Lock()

    @property
    def fatal(self) -> str | None:
        return self._producer.fatal

    def assigned(self, partition: int, committed: int) -> None:
        """The partition's committed offset."""
        self._committed[partition] = committed

    def bury(self, message: Message, problem: str) -> None:
        """A request that cannot be read goes to the dead letters with the next transaction."""
        partition, offset = message.partition() or 0, message.offset() or 0
        at = source(self._names.requests, partition, offset)
        cause = Cause(reason="undecodable", error=problem, source=at, at_ms=now_ms(), by="lease")
        value, key = message.value(), message.key()
        headers = cause.headers(_headers(message))
        self._letters.append(Record(self._names.dead_letters, _bytes(value), _bytes(key), headers, partition))

    async def token(self, write: Write) -> None:
        """The token, in place of any attempt, with its partition's offset, which is what fences it. Raises Fenced,
        TransactionFailed."""
        token = write.token
        headers = Headers(
            id=f"{token.account}@{token.generation}", type="token", tenant="", at_ms=token.obtained_ms
        ).to_kafka()
        record = Record(self._names.tokens, encode(token), token.account.encode(), headers, write.partition)
        gone = Record(self._names.tokens, None, attempt_key(token.account).encode(), (), write.partition)
        await self._commit([record, gone], {write.partition: write.offset})

    async def attempt(self, note: Note) -> None:
        """A login without a token, fenced like a token. Raises Fenced, TransactionFailed."""
        key, at_ms = attempt_key(note.account), note.attempt.at_ms
        headers = Headers(id=f"{key}@{at_ms}", type="login_attempt", tenant="", at_ms=at_ms).to_kafka()
        value = encode(attempt_record(note.account, note.attempt))
        record = Record(self._names.tokens, value, key.encode(), headers, note.partition)
        await self._commit([record], {note.partition: note.offset})

    async def offsets(self, answered: Mapping[int, int]) -> None:
        """Offsets up to which all requests are answered, where they moved. Raises Fenced, TransactionFailed."""
        moved = {p: offset for p, offset in answered.items() if offset > self._committed.get(p, -1)}
        if moved:
            await self._commit([], moved)

    async def _commit(self, records: list[Record], offsets: Mapping[int, int]) -> None:
        # Before any wait: the generation in which the caller found the partition to be ours.
        metadata = self._metadata()
        places = [TopicPartition(self._names.requests, p, offset) for p, offset in offsets.items()]
        async with self._turn:
            letters = list(self._letters)
            try:
                await self._producer.commit([*records, *letters], places, metadata)
            except TransactionFailed:
                if self._producer.fatal:
                    self._give_up()
                raise
            del self._letters[: len(letters)]
            self._committed.update(offsets)


def _headers(message: Message) -> list[tuple[str, bytes | None]]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return [(name, _bytes(value)) for name, value in pairs]


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value
