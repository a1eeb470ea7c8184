"""Dead letters in Kafka: read, put back, dropped. Blocks while it reads.

Promises: a letter is put back (or dropped) and marked in one transaction, so never one without the other; of two
commands at the same time one is refused, so none is put back twice by accident. Leaves to the caller: which.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby

from confluent_kafka import Message
from confluent_kafka.admin import AdminClient

from relevo.audit.scan import scan
from relevo.dead_letters.letter import Action, Letter, LetterError, gathered, holds_letters
from relevo.dead_letters.records import mark, original
from runtime.clock import now_ms
from runtime.kafka import config
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.kafka.transactions import Fenced, TransactionalProducer, TransactionFailed
from runtime.settings import KafkaSettings
from schemas import topics

TRANSACTIONAL_ID = "relevo-dlq"  # one for all: whoever comes later ends what an earlier one has open
TRANSACTION_S = 30.0
TOGETHER, TOGETHER_BYTES = 200, 8 << 20
METADATA_S = 10.0

Choose = Callable[[list[Letter]], list[Letter]]


def letter_topics(settings: KafkaSettings, wanted: str = "") -> list[str]:
    """The topics of the cluster that hold dead letters, or the wanted one, by its name or its source's. LetterError."""
    ours = topics.catalogue()
    there = AdminClient(config.admin(settings)).list_topics(timeout=METADATA_S).topics
    found = sorted(name for name in there if holds_letters(name) and (name in ours or name.startswith("agents.")))
    if not wanted:
        return found
    for name in (wanted, wanted + topics.DEAD_LETTERS):
        if name in found:
            return [name]
    raise LetterError(
        f"no dead letters are kept for {wanted!r}; there are {', '.join(found) or 'none (relevo topics apply)'}"
    )


def letters(settings: KafkaSettings, names: Iterable[str]) -> list[Letter]:
    """All letters of these topics, newest first, also those that are done with."""
    return gathered(scan(settings, names))


def contents(settings: KafkaSettings, wanted: Iterable[Letter]) -> Iterator[tuple[Letter, Message]]:
    """The records of letters, in the order in which they were given up in each partition. LetterError, ReadFailed."""
    ordered = sorted(wanted, key=lambda letter: letter.address)
    for (topic, partition), group in groupby(ordered, lambda letter: letter.address[:2]):
        by_offset = {letter.address.offset: letter for letter in group}
        first, last = min(by_offset), max(by_offset)
        for message in read_partition(settings, topic, partition, first, last + 1):
            letter = by_offset.pop(message.offset() or 0, None)
            if letter is not None:
                yield letter, message
        if by_offset:
            raise LetterError(f"no longer kept in Kafka: {', '.join(str(one.address) for one in by_offset.values())}")


class Run:
    """One command's work on the shelf; `id` names it on every record that it writes."""

    def __init__(self, settings: KafkaSettings, names: Iterable[str], action: Action, why: str = "") -> None:
        self.id = f"dlq-{secrets.token_hex(6)}"
        self._settings, self._names, self._action, self._why = settings, list(names), action, why
        self._done = 0

    async def carry_out(self, choose: Choose) -> int:
        """How many letters were done. `choose` sees what stands once no other run can write. Raises LetterError."""
        producer = TransactionalProducer(self._settings, TRANSACTIONAL_ID, timeout_s=TRANSACTION_S)
        try:
            await producer.start()
            chosen = choose(await asyncio.to_thread(letters, self._settings, self._names))
            for records, count in _together(self._records(chosen)):
                await producer.commit(records, [], None)
                self._done += count
        except TransactionFailed as failed:
            raise LetterError(self._told(failed)) from failed
        finally:
            await producer.stop()
        return self._done

    def _records(self, chosen: list[Letter]) -> Iterator[list[Record]]:
        if self._action == "dropped":
            for letter in chosen:
                yield [mark(letter, self._action, self.id, now_ms(), self._why)]
            return
        for letter, message in contents(self._settings, chosen):
            yield [
                original(letter, _bytes(message.key()), message, self.id),
                mark(letter, self._action, self.id, now_ms()),
            ]

    def _told(self, failed: TransactionFailed) -> str:
        """What became of the letters, for the person who asked."""
        before = f"{self._done} dead letters were {self._action} and are on record"
        if isinstance(failed, Fenced):
            return f"another relevo dlq command took over; {before}, the others stand as they were. Try again"
        if failed.indefinite:
            return (
                f"Kafka did not say what became of the last ones ({failed}); {before}: relevo dlq ls shows the others"
            )
        return f"Kafka did not take them: {failed}; {before}, the others stand as they were. Try again"


def _together(each: Iterable[list[Record]]) -> Iterator[tuple[list[Record], int]]:
    """Records for one transaction each, bounded in number and bytes, and of how many letters they are."""
    records: list[Record] = []
    count = size = 0
    for some in each:
        records += some
        count += 1
        size += sum(len(record.value or b"") for record in some)
        if count == TOGETHER or size >= TOGETHER_BYTES:
            yield records, count
            records, count, size = [], 0, 0
    if records:
        yield records, count


def _bytes(key: str | bytes | None) -> bytes | None:
    return key.encode() if isinstance(key, str) else key
