"""The campaigns of an audit: who is owed a message because a campaign was committed. Small: no recipient is kept.

A chunk counts if its campaign's contents name it at its place, with as many recipients. Whom a campaign does not take
up now is told by the word for it: its owner said last that it is cancelled, paused, a draft or scheduled.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from relevo.audit.facts import Fact, NotNow, Owed
from schemas import ids, topics
from schemas.campaign import Chunk, Contents, Definition, Progress

# States in which a campaign takes up nobody, until a person or its time says so.
NOT_NOW = frozenset({"cancelled", "draft", "paused", "scheduled"})
Name = tuple[str, str]


class _Part(NamedTuple):
    chunk: int
    first: int
    size: int


class Campaigns:
    """Definitions, contents and progress as they were said last, and where each chunk stands; by (line, campaign)."""

    def __init__(self) -> None:
        self._definitions: dict[Name, Definition] = {}
        self._contents: dict[Name, Contents] = {}
        self._progress: dict[Name, tuple[int, Progress]] = {}
        self._chunks: dict[tuple[str, str, int], _Part] = {}

    def take(self, record: object, offset: int) -> None:
        """A record of `campaigns`."""
        if isinstance(record, Definition):
            self._definitions[record.did, record.campaign] = record
        elif isinstance(record, Contents):
            self._contents.setdefault((record.did, record.campaign), record)
        elif isinstance(record, Progress):
            name = record.did, record.campaign
            if name not in self._progress or self._progress[name][0] < offset:
                self._progress[name] = offset, record

    def take_chunk(self, chunk: Chunk, offset: int) -> None:
        """A record of `campaigns.chunks`."""
        self._chunks[chunk.did, chunk.campaign, offset] = _Part(chunk.index, chunk.first, len(chunk.recipients))

    def recipients(self, tenant: str = "", since_ms: int = 0) -> Iterator[Fact]:
        """Everybody whom a campaign names that was committed since then; of one tenant alone if it is named."""
        counted = ((name, one) for name, one in self._contents.items() if one.committed_ms >= since_ms)
        committed = {(*name, ref.offset): ref.count for name, one in counted for ref in one.chunks}
        for place, part in self._chunks.items():
            did, campaign, _ = place
            definition = self._definitions.get((did, campaign))
            of = definition.tenant if definition else ""
            if committed.get(place) == part.size and tenant in ("", of):
                yield from self._of_chunk((did, campaign), part, of)

    def _of_chunk(self, name: Name, part: _Part, tenant: str) -> Iterator[Fact]:
        did, campaign = name
        word, reached = self._stands(name)
        for number, one in enumerate(ids.message_ids_of_recipients(did, campaign, part.first, part.size)):
            yield Owed(one, did, "", tenant, "", topics.CAMPAIGNS.name)
            if word and (part.chunk, number) >= reached:
                yield NotNow(one, word)

    def _stands(self, name: Name) -> tuple[str, tuple[int, int]]:
        """By which word a campaign stands that takes up nobody now, empty if it does; and how far it is."""
        if name in self._progress:
            said = self._progress[name][1]
            return said.state if said.state in NOT_NOW else "", (said.chunk, said.position)
        definition = self._definitions.get(name)
        return "draft" if definition is not None and definition.draft else "", (0, 0)
