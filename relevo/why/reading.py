"""Reads from Kafka what a story needs, and no more: partitions by key where it is known, time by `since`. Blocks.

Promises: joins no group and commits nothing; committed records alone; memory holds one conversation, not what was read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from relevo.audit.scan import Watch, partitions_of, scan_partitions
from relevo.dead_letters.letter import gathered
from relevo.why.leads import JOURNAL, MESSAGES, OUTCOMES, REJECTED, SEARCHED, Leads
from relevo.why.question import Place
from relevo.why.seen import INBOUND, Again, Seen
from relevo.why.trail import AGENTS, Fates, Trail
from runtime.kafka import config
from runtime.kafka.offsets import (
    OffsetsUnavailable,
    Partition,
    begin_offsets,
    end_offsets,
    offsets_since,
    stable_committed,
)
from runtime.kafka.reader import read_partition
from runtime.settings import KafkaSettings
from schemas import keys, phone, topics

CLOCKS_MS = 3_600_000  # how far clocks of machines may differ
_COMMITTED_S = 5.0
_METADATA_S = 10.0
_DLQ, _STATE = topics.DEAD_LETTERS, ".state"
_CONVERSATIONS_GROUP, _AGENTS_GROUP = "relevo-conversations", "relevo-agents-"


class Scope(NamedTuple):
    """Where to look: one line, one person, since when. Empty texts are all."""

    did: str = ""
    contact: str = ""
    since_ms: int = 0

    @classmethod
    def of(cls, did: str, contact: str, since_ms: int) -> Scope:
        """Numbers as people write them; a person without a phone is known by another name, kept as it is."""
        person = contact if any(map(str.isalpha, contact)) else phone.canonical(contact)
        return cls(phone.digits(did), person, since_ms)

    @property
    def key(self) -> str:
        """The conversation, if both are given."""
        return keys.conversation(self.did, self.contact) if self.did and self.contact else ""

    def holds(self, record: Seen) -> bool:
        """Whether a record may be of this line and person, by its key alone."""
        if not (self.did or self.contact) or record.topic == REJECTED:
            return True
        did, _, contact = record.key.decode("utf-8", "replace").partition(keys.SEPARATOR)
        if record.topic.removesuffix(_DLQ) != INBOUND:
            return self.did in ("", did) or record.topic in (MESSAGES[1], MESSAGES[1] + _DLQ)
        return self.did in ("", did) and self.contact in ("", contact)


class Reading:
    """One look into Kafka. `searched` says what was read, and `not_looked_at` how much of it was too old."""

    def __init__(self, settings: KafkaSettings, watch: Watch | None = None) -> None:
        self._settings = settings
        self._watch = watch
        self._count = topics.PROFILES[settings.profile].partitions
        self.searched: dict[str, None] = {}
        self.records = 0
        self._since: dict[Partition, int] = {}

    def record(self, place: Place) -> Seen | None:
        """One record; None when there is none at that place, or none any more."""
        wanted = place.topic, place.partition
        if wanted not in partitions_of(self._settings, [place.topic]):
            return None
        begin, end = begin_offsets(self._settings, [wanted])[wanted], end_offsets(self._settings, [wanted])[wanted]
        if not begin <= place.offset < end:
            return None
        for message in read_partition(self._settings, *wanted, place.offset, place.offset + 1):
            return Seen.of(message)
        return None

    def leads(self, wanted: str, scope: Scope) -> Leads:
        """Which conversations the id leads to."""
        names = [scope.key] if scope.key else []
        places = [place for place in partitions_of(self._settings, SEARCHED) if self._may_hold(place, scope, names)]
        self._note(places, scope.since_ms)
        leads = Leads(wanted).read(filter(scope.holds, self._scan(places, scope.since_ms)))
        if leads.plans:
            places = [place for place in places if place[0] == JOURNAL]
            leads.read_plans(self._scan(places, scope.since_ms - CLOCKS_MS))
        return leads

    def trail(self, key: str, since_ms: int) -> Trail:
        """Everything of one conversation but what egress says."""
        there = AdminClient(config.admin(self._settings)).list_topics(timeout=_METADATA_S).topics
        agents = [name for name in there if name.startswith(AGENTS) and not name.endswith(_STATE)]
        names = [INBOUND, INBOUND + _DLQ, *agents, *(one + end for one in MESSAGES for end in ("", _DLQ))]
        places = [place for place in partitions_of(self._settings, names) if self._may_hold(place, Scope(), [key])]
        self._note(places, since_ms)
        trail = Trail(key, self._passed(place for place in places if not place[0].endswith(_DLQ)))
        letters: list[Seen] = []
        trail.read(self._without_letters(trail, self._scan(places, since_ms), letters))
        return trail.read(letters, gathered(map(Again, letters)))

    def fates(self, did: str, message_ids: Iterable[str], since_ms: int) -> Fates:
        """What egress says of the messages."""
        fates = Fates(message_ids)
        if not fates.empty:
            number = keys.partition(did, self._count)
            for name in (JOURNAL, OUTCOMES):
                fates.read(self._scan([(name, number)], since_ms))
        return fates

    def not_looked_at(self) -> dict[str, int]:
        """How many offsets of what was searched are kept and older than what was asked for, by topic."""
        older: dict[str, int] = {}
        for since_ms in sorted(set(self._since.values()) - {0}):
            places = [place for place, begin_ms in self._since.items() if begin_ms == since_ms]
            begins, starts = begin_offsets(self._settings, places), offsets_since(self._settings, places, since_ms)
            ends = end_offsets(self._settings, places)
            for place in places:
                left = starts.get(place, ends[place]) - begins[place]
                if left > 0:
                    older[place[0]] = older.get(place[0], 0) + left
        return older

    def _note(self, places: Iterable[Partition], since_ms: int) -> None:
        for place in places:
            self._since[place] = min(self._since.get(place, since_ms), max(since_ms, 0))

    def _may_hold(self, place: Partition, scope: Scope, conversations: list[str]) -> bool:
        """Whether a partition may hold records of the conversations or, where none is named, of the line."""
        topic, number = place
        name = topic.removesuffix(_DLQ)
        if name == INBOUND or name.startswith(AGENTS):
            return not conversations or number in {keys.partition(key, self._count) for key in conversations}
        dids = {key.partition(keys.SEPARATOR)[0] for key in conversations} or ({scope.did} if scope.did else set())
        if name == REJECTED or not dids:
            return True
        return number in {keys.partition(did, self._count) for did in dids}

    def _scan(self, places: list[Partition], since_ms: int) -> Iterator[Seen]:
        self.searched |= dict.fromkeys(topic for topic, _ in places)
        for message in scan_partitions(self._settings, places, since_ms=max(since_ms, 0), watch=self._watch):
            self.records += 1
            yield Seen.of(message)

    def _without_letters(self, trail: Trail, records: Iterator[Seen], letters: list[Seen]) -> Iterator[Seen]:
        """The conversation's dead letters are put aside with all marks of what was done about any: a mark names its
        letter and has no bytes."""
        for record in records:
            if not record.topic.endswith(_DLQ):
                yield record
            elif record.value is None or trail.concerns(record):
                letters.append(record)

    def _passed(self, places: Iterable[Partition]) -> dict[Partition, int | None]:
        """How far the groups of conversations and of the agents have committed (0: never), without joining them.

        None where Kafka does not say it now: that must not keep the rest from being told.
        """
        found: dict[Partition, int | None] = {}
        for place in places:
            topic = place[0]
            if topic == INBOUND:
                found[place] = self._committed(_CONVERSATIONS_GROUP, place)
            elif topic.startswith(AGENTS):
                found[place] = self._committed(_AGENTS_GROUP + topic.removeprefix(AGENTS), place)
        return found

    def _committed(self, group: str, place: Partition) -> int | None:
        client = Consumer(config.consumer(self._settings, group))
        try:
            return stable_committed(client, [place], timeout_s=_COMMITTED_S)[place] or 0
        except OffsetsUnavailable:
            return None
        finally:
            client.close()
