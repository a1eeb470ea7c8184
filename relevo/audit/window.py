"""What of each topic an audit reads: from where, to where, and how far those who read it had come before.

Promises: while traffic runs nothing that is under way looks broken. How far the readers have come is asked first, then
where the topics of effects end, then those of causes. So whatever was read behind a committed offset has its effect
within what is read, and every effect has its cause. Blocks.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer

from relevo.asking import asker
from relevo.audit.scan import partitions_of
from runtime.kafka import config
from runtime.kafka.offsets import (
    OffsetsUnavailable,
    Partition,
    begin_offsets,
    end_offsets,
    offsets_since,
    stable_committed,
)
from runtime.settings import KafkaSettings
from schemas import topics
from schemas.record import Frozen

# Compacted topics, and lists of recipients, say what stands: they are read from their beginning, whatever the time.
WHOLE = frozenset(t.name for t in (topics.CAMPAIGNS, topics.CAMPAIGNS_CHUNKS, topics.TENANTS, topics.TOKENS))
CAUSES = (
    topics.INBOUND_CONVERSATIONS.name,
    topics.OUTBOUND_REPLIES.name,
    topics.OUTBOUND_TEMPLATES.name,
    topics.CAMPAIGNS.name,
    topics.CAMPAIGNS_CHUNKS.name,
)
"""Read to where they end last of all: what others cause is then within it."""

LAST = (*CAUSES, topics.DELIVERIES.name)
"""Notes on deliveries, too, are read to a later end than what stands beside them in their transactions."""

READERS = {
    topics.INBOUND_CONVERSATIONS.name: "relevo-conversations",
    topics.OUTBOUND_REPLIES.name: "relevo-egress",
    topics.OUTBOUND_TEMPLATES.name: "relevo-egress",
}

_COORDINATOR_S, _PAUSE_S = 30.0, 0.2


class Unseen(Frozen):
    """What Kafka's retention took of a partition before anybody could look: all before `offset`."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True)
class Window:
    """`starts` and `ends` of what is read; `passed` is what each topic's reader has committed, of notes on deliveries
    where they ended before all else was asked; `begins` what is kept at all. `since_ms` 0: everything."""

    since_ms: int = 0
    starts: dict[Partition, int] = field(default_factory=dict)
    ends: dict[Partition, int] = field(default_factory=dict)
    begins: dict[Partition, int] = field(default_factory=dict)
    passed: dict[Partition, int] = field(default_factory=dict)

    def is_passed(self, topic: str, partition: int, offset: int) -> bool:
        """Whether the reader of the topic is behind this offset for good."""
        return offset < self.passed.get((topic, partition), 0)

    def shows_input(self, source: str, partition: int, position: int) -> bool:
        """Whether what a plan names as its input would have been read. Of campaigns, only those count that were
        committed within the time that is asked about."""
        if source.startswith("campaign/"):
            return not self.since_ms
        return position >= self.starts.get((source, partition), 0)

    @property
    def whole(self) -> bool:
        """Nothing is missing at the beginning of any topic of causes, and no campaign is left out."""
        return not self.since_ms and not any(start for (topic, _), start in self.starts.items() if topic in CAUSES)

    @property
    def unseen(self) -> list[Unseen]:
        """What retention took of the time that was asked for; of a partition that reaches further back, nothing."""
        taken = ((place, begin) for place, begin in self.begins.items() if begin and place[0] not in WHOLE)
        return [
            Unseen(topic=topic, partition=number, offset=begin)
            for (topic, number), begin in sorted(taken)
            if self.starts.get((topic, number), begin) <= begin
        ]


def look(settings: KafkaSettings, names: Iterable[str], since_ms: int = 0) -> Window:
    """The window as of now. Raises OffsetsUnavailable."""
    places = partitions_of(settings, names)
    client = asker(settings)
    passed = _passed(settings, places)
    passed |= end_offsets(settings, [place for place in places if place[0] == topics.DELIVERIES.name], client=client)
    ends = end_offsets(settings, [place for place in places if place[0] not in LAST], client=client)
    ends |= end_offsets(settings, [place for place in places if place[0] in LAST], client=client)
    begins = begin_offsets(settings, places, client=client)
    starts = dict(begins)
    if since_ms:
        timed = [place for place in places if place[0] not in WHOLE]
        found = offsets_since(settings, timed, since_ms, client=client)
        starts |= {place: found.get(place, ends[place]) for place in timed}
    return Window(since_ms, starts, ends, begins, passed)


def _passed(settings: KafkaSettings, places: Sequence[Partition]) -> dict[Partition, int]:
    found: dict[Partition, int] = {}
    for group in sorted(set(READERS.values())):
        mine = [place for place in places if READERS.get(place[0]) == group]
        client = Consumer(config.consumer(settings, group, overrides={"group.id": group}))
        try:
            found |= {place: offset or 0 for place, offset in _committed(client, mine).items()}
        finally:
            client.close()
    return found


def _committed(client: Consumer, places: Sequence[Partition]) -> dict[Partition, int | None]:
    """What the group committed. Right after a broker has started nobody coordinates the group for a moment."""
    deadline = time.monotonic() + _COORDINATOR_S
    while True:
        try:
            return stable_committed(client, places)
        except OffsetsUnavailable:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_S)
