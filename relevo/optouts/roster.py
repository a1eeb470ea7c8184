"""The roster: who has opted out of what on some lines, as `optouts` says; in a temporary table on disk. Blocks.

Promises: memory does not grow with it; `read` takes in what came since the last time; committed records alone; the
table is gone when the process is, however that ends. Leaves to `conversations` who may write the topic.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Message

from relevo.campaigns.records import places
from runtime.kafka.offsets import Partition, end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.optout import Optout
from schemas.record import RecordError

_TOPIC = topics.OPTOUTS
_DECODER = _TOPIC.decoder()
_CACHE_KIB = 16_384
UNREADABLE = "its record cannot be read"


class Standing(NamedTuple):
    """A person's wish on a line; no categories: all but one-time passwords."""

    did: str
    contact: str
    categories: tuple[str, ...]
    since_ms: int
    why: str


class Roster:
    """`with Roster(dids) as roster`: of these lines alone."""

    def __init__(self, dids: Collection[str]) -> None:
        self._dids = frozenset(dids)
        self._positions: dict[Partition, int] = {}
        # Without a name SQLite makes a file that has none either, and that goes with the connection.
        self._base = sqlite3.connect("", isolation_level=None)
        self._base.create_function("covers", 2, _covers, deterministic=True)
        key = "did TEXT, contact TEXT, categories TEXT"
        for statement in (
            f"PRAGMA cache_size = -{_CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            f"CREATE TABLE out ({key}, since INTEGER, why TEXT, PRIMARY KEY (did, contact)) WITHOUT ROWID",
            f"CREATE TABLE asked ({key}, PRIMARY KEY (did, contact, categories)) WITHOUT ROWID",
            "BEGIN",
        ):
            self._base.execute(statement)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def read(self, settings: KafkaSettings) -> None:
        """What Kafka says by now. Raises ReadFailed."""
        ends = end_offsets(settings, places(settings, _TOPIC.name, self._dids), committed=True)
        for place, end in ends.items():
            start = self._positions.get(place, BEGINNING)
            if end > max(start, 0):
                self.take(read_partition(settings, *place, start, end))
            self._positions[place] = end

    def take(self, messages: Iterable[Message]) -> None:
        """Records of the topic, in its order. Whose cannot be read has opted out."""
        for message in messages:
            did, _, contact = (message.key() or b"").decode("utf-8", "replace").partition(keys.SEPARATOR)
            if did not in self._dids:
                continue
            value = message.value()
            if value is None:
                self._base.execute("DELETE FROM out WHERE did = ? AND contact = ?", (did, contact))
                continue
            try:
                record: Optout = _DECODER.decode(value)
                known = _written(record.categories), record.since_ms, record.why
            except RecordError:
                known = "", 0, UNREADABLE
            self._base.execute("INSERT OR REPLACE INTO out VALUES (?, ?, ?, ?, ?)", (did, contact, *known))

    def get(self, did: str, contact: str) -> Standing | None:
        """A person's wish, None for none."""
        found = self._base.execute("SELECT * FROM out WHERE did = ? AND contact = ?", (did, contact)).fetchone()
        return _standing(found) if found else None

    def covers(self, did: str, contact: str, categories: Collection[str]) -> bool:
        """Whether the person's wish is this, or more."""
        query = "SELECT 1 FROM out WHERE did = ? AND contact = ? AND covers(categories, ?)"
        return self._base.execute(query, (did, contact, _written(categories))).fetchone() is not None

    def ask(self, did: str, contact: str, categories: Collection[str]) -> bool:
        """Note that this was ordered; whether it is for the first time."""
        row = did, contact, _written(categories)
        return self._base.execute("INSERT OR IGNORE INTO asked VALUES (?, ?, ?)", row).rowcount > 0

    def missing(self) -> int:
        """How many of the orders that were noted do not stand yet."""
        query = (
            "SELECT count(*) FROM asked LEFT JOIN out ON out.did = asked.did AND out.contact = asked.contact "
            "WHERE out.did IS NULL OR NOT covers(out.categories, asked.categories)"
        )
        return int(self._base.execute(query).fetchone()[0])

    def __iter__(self) -> Iterator[Standing]:
        """All, by line and person."""
        return map(_standing, self._base.execute("SELECT * FROM out ORDER BY did, contact"))

    def counts(self) -> dict[tuple[str, tuple[str, ...]], int]:
        """How many people by line and what they do not want."""
        rows = self._base.execute("SELECT did, categories, count(*) FROM out GROUP BY 1, 2 ORDER BY 1, 2")
        return {(did, _read(categories)): count for did, categories, count in rows}


def _standing(row: tuple[str, str, str, int, str]) -> Standing:
    did, contact, categories, since_ms, why = row
    return Standing(did, contact, _read(categories), since_ms, why)


def _written(categories: Iterable[str]) -> str:
    return ",".join(sorted(categories))


def _read(text: str) -> tuple[str, ...]:
    return tuple(text.split(",")) if text else ()


def _covers(standing: str, wanted: str) -> bool:
    """Whether who does not want `standing` has nothing to add by not wanting `wanted`; empty: everything."""
    return not standing or (bool(wanted) and set(_read(wanted)) <= set(_read(standing)))
