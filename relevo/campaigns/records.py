"""Campaigns as they stand in Kafka: definition, contents and progress of each line, by tenant and id. Blocks.

Promises: a campaign is told of only once it exists, which its contents make it do. Leaves to `progress` what became of
its recipients.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import NamedTuple

from confluent_kafka import Message

from relevo.audit.scan import scan_partitions
from relevo.campaigns.refused import SubmitError
from runtime.kafka.offsets import Partition
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.campaign import CampaignRecord, CampaignState, Contents, Definition, Progress
from schemas.record import RecordError

TOPIC = topics.CAMPAIGNS
_DECODER = TOPIC.decoder()
OVER: frozenset[CampaignState] = frozenset({"finished", "cancelled"})
_LIVELIEST: tuple[CampaignState, ...] = ("running", "paused", "scheduled", "draft", "cancelled", "finished")


class Name(NamedTuple):
    """Two tenants may give a campaign the same id."""

    tenant: str
    campaign: str


@dataclass
class OnLine:
    """A campaign's part on one line."""

    did: str
    definition: Definition | None = None
    contents: Contents | None = None
    progress: Progress | None = None

    def learn(self, record: CampaignRecord) -> None:
        """As the line's owner does: what exists is not changed by what is submitted under its name."""
        match record:
            case Progress():
                self.progress = record
            case Definition() if not self.exists:
                self.definition = record
            case Contents() if not self.exists:
                self.contents = record

    def forget(self, part: str) -> None:
        """A tombstone of one of its records; of other parts (who was heard of) nothing is known here."""
        match part:
            case "definition":
                self.definition = None
            case "contents":
                self.contents = None
            case "progress":
                self.progress = None

    @property
    def exists(self) -> bool:
        return self.definition is not None and self.contents is not None

    @property
    def total(self) -> int:
        return self.contents.total if self.contents else 0

    @property
    def started(self) -> int:
        """How many recipients the owner has taken up: all before this position."""
        if self.progress is None or self.contents is None:
            return 0
        return sum(ref.count for ref in self.contents.chunks[: self.progress.chunk]) + self.progress.position

    @property
    def left(self) -> int:
        """How many recipients are not planned and not refused, by what the owner said last."""
        said = self.progress
        return self.total - (said.planned + said.refused if said is not None else 0)

    @property
    def withheld(self) -> int:
        """How many recipients WhatsApp holds back: they were accepted, and are sent to again later."""
        return self.progress.withheld if self.progress is not None else 0

    @property
    def state(self) -> CampaignState:
        """What the owner said last; before it said anything, what it will find."""
        if self.progress is not None:
            return self.progress.state
        return "draft" if self.definition is not None and self.definition.draft else "scheduled"

    @property
    def firsts(self) -> list[int]:
        """The position of each chunk's first recipient."""
        counts = [ref.count for ref in self.contents.chunks] if self.contents else []
        return list(accumulate(counts, initial=0))


@dataclass
class Standing:
    """A campaign on all its lines."""

    name: Name
    lines: dict[str, OnLine] = field(default_factory=dict)

    @property
    def definition(self) -> Definition:
        """Of any line; what differs between them is the number alone."""
        return next(line.definition for line in self.lines.values() if line.definition is not None)

    @property
    def total(self) -> int:
        return sum(line.total for line in self.lines.values())

    @property
    def started(self) -> int:
        return sum(line.started for line in self.lines.values())

    @property
    def withheld(self) -> int:
        return sum(line.withheld for line in self.lines.values())

    @property
    def state(self) -> CampaignState:
        """The liveliest of its lines'."""
        states = {line.state for line in self.lines.values()}
        return next(state for state in _LIVELIEST if state in states)


class Directory:
    """All campaigns of the records that it was told of."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str], OnLine] = {}
        self.unreadable = 0

    def read(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.learn(message.key(), message.value())

    def learn(self, key: bytes | str | None, value: bytes | str | None) -> None:
        """One record of the topic; a tombstone takes its part away."""
        text = key.decode("utf-8", "replace") if isinstance(key, bytes) else key or ""
        if value is None:
            did, campaign, part = (*text.split(keys.SEPARATOR), "", "", "")[:3]
            if (line := self._found.get((did, campaign))) is not None:
                line.forget(part)
            return
        try:
            record: CampaignRecord = _DECODER.decode(value if isinstance(value, bytes) else value.encode())
        except RecordError:
            self.unreadable += 1
            return
        self._found.setdefault((record.did, record.campaign), OnLine(record.did)).learn(record)

    def campaigns(self) -> Iterator[Standing]:
        """Those that exist, oldest first."""
        found: dict[Name, Standing] = {}
        for (_, campaign), line in self._found.items():
            if line.definition is None or not line.exists:
                continue
            name = Name(line.definition.tenant, campaign)
            found.setdefault(name, Standing(name)).lines[line.did] = line
        yield from sorted(found.values(), key=lambda one: (one.definition.created_ms, one.name))

    def find(self, campaign: str, tenant: str = "") -> Standing:
        """The campaign. Raises SubmitError when there is none, or when several tenants have it."""
        found = [one for one in self.campaigns() if one.name.campaign == campaign and tenant in ("", one.name.tenant)]
        if not found:
            raise SubmitError(f"no campaign {campaign!r}; see: relevo campaign ls")
        if len(found) > 1:
            owners = ", ".join(one.name.tenant for one in found)
            raise SubmitError(f"several tenants have a campaign {campaign!r}: {owners}; say which with --tenant")
        return found[0]


def partition_of(settings: KafkaSettings, did: str) -> int:
    """The partition of a line's topics."""
    return keys.partition(did, TOPIC.count(topics.PROFILES[settings.profile]))


def places(settings: KafkaSettings, topic: str, dids: Iterable[str]) -> list[Partition]:
    """The partitions of a topic in which these lines stand."""
    return sorted({(topic, partition_of(settings, did)) for did in dids})


def read_campaigns(settings: KafkaSettings, dids: Iterable[str] = ()) -> Directory:
    """All campaigns, or those on the partitions of these lines."""
    wanted = places(settings, TOPIC.name, dids) or [
        (TOPIC.name, number) for number in range(TOPIC.count(topics.PROFILES[settings.profile]))
    ]
    directory = Directory()
    directory.read(scan_partitions(settings, wanted))
    return directory
