"""Campaigns of one line: what is to be sent to whom, and how far that is. Pure.

Chunks are fetched by offset when there is room, at most two ahead. A slice is a run of recipients of one chunk, so
a chunk of 1000 is one call on a line that takes 1000. The owner alone writes progress, in the transaction of the
plans that it tells of; a campaign is finished when every recipient is planned or refused and no call is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import msgspec

from egress.lines.item import Item
from schemas import ids, phone
from schemas.campaign import CampaignRecord, CampaignState, Chunk, Contents, Definition, Progress, Recipient
from schemas.outbound import OutboundMessage
from schemas.session import Template, TemplateButton

CHUNKS_AHEAD = 2
SOURCE = "campaign"


class Slice(NamedTuple):
    """Recipients `start` to `start + len(items)` of chunk `chunk`."""

    campaign: Campaign
    chunk: int
    start: int
    items: list[Item]


@dataclass(slots=True, eq=False)
class Campaign:
    """One campaign; it can run when it has a definition and contents."""

    name: str
    definition: Definition | None = None
    contents: Contents | None = None
    state: CampaignState = "running"
    chunk: int = 0
    position: int = 0
    planned: int = 0
    refused: int = 0
    why: str = ""
    chunks: dict[int, Chunk] = field(default_factory=dict)
    asked: set[int] = field(default_factory=set)

    @property
    def planned_all(self) -> bool:
        return self.contents is not None and self.chunk >= len(self.contents.chunks)

    def running(self, now_ms: int) -> bool:
        """Whether it may send now."""
        ready = self.definition is not None and self.contents is not None and self.state in ("running", "scheduled")
        return ready and cast(Definition, self.definition).start_ms <= now_ms

    def progress(self, at_ms: int) -> Progress:
        """What is written of it."""
        return Progress(
            campaign=self.name,
            did=cast(Definition, self.definition).did,
            state=self.state,
            chunk=self.chunk,
            position=self.position,
            at_ms=at_ms,
            planned=self.planned,
            refused=self.refused,
            why=self.why,
        )

    def advance(self, taken: Slice, planned: int, refused: int) -> None:
        """The recipients of a slice are planned or refused."""
        self.planned += planned
        self.refused += refused
        self.position = taken.start + len(taken.items)
        if self.position >= len(self.chunks[self.chunk].recipients):
            self.chunks.pop(self.chunk)
            self.asked.discard(self.chunk)
            self.chunk, self.position = self.chunk + 1, 0


class Campaigns:
    """All campaigns of one line that are not over; those that can send take turns."""

    def __init__(self) -> None:
        self._all: dict[str, Campaign] = {}

    def apply(self, record: CampaignRecord) -> None:
        """A record of the topic. Progress counts only while recovering: afterwards it is the owner's own echo."""
        campaign = self._all.setdefault(record.campaign, Campaign(record.campaign))
        if not isinstance(record, Progress) and campaign.definition is not None and campaign.contents is not None:
            return  # it exists; what was submitted under the same name meanwhile does not change it
        match record:
            case Definition():
                campaign.definition = record
            case Contents():
                campaign.contents = record
            case Progress():
                campaign.state, campaign.why = record.state, record.why
                campaign.chunk, campaign.position = record.chunk, record.position
                campaign.planned, campaign.refused = record.planned, record.refused

    def get(self, name: str) -> Campaign | None:
        return self._all.get(name)

    def all(self) -> Iterator[Campaign]:
        return iter(self._all.values())

    @property
    def recipients(self) -> int:
        """How many are not planned yet, of campaigns that are not over."""
        alive = (c for c in self._all.values() if c.contents is not None and c.state not in ("finished", "cancelled"))
        return sum(c.contents.total - c.planned - c.refused for c in alive if c.contents is not None)

    @property
    def unsent(self) -> bool:
        """Whether recipients of some campaign are at hand."""
        return any(campaign.chunks for campaign in self._all.values())

    def paused(self) -> set[str]:
        """Names of those that are paused: what of them is to be tried again waits."""
        return {name for name, campaign in self._all.items() if campaign.state == "paused"}

    def cancelled(self, name: str) -> bool:
        campaign = self._all.get(name)
        return campaign is not None and campaign.state == "cancelled"

    def wanted(self, now_ms: int) -> list[tuple[Campaign, int, int]]:
        """Chunks to fetch now: campaign, index, offset. Each is named once, until it leaves `asked`."""
        wanted = []
        for campaign in self._all.values():
            if not campaign.running(now_ms) or campaign.contents is None:
                continue
            ahead = range(campaign.chunk, min(campaign.chunk + CHUNKS_AHEAD, len(campaign.contents.chunks)))
            for index in ahead:
                if index not in campaign.asked:
                    campaign.asked.add(index)
                    wanted.append((campaign, index, campaign.contents.chunks[index].offset))
        return wanted

    def able(self, now_ms: int) -> Iterator[Campaign]:
        """Those with recipients at hand that may be called now."""
        return (c for c in self._all.values() if c.running(now_ms) and c.chunk in c.chunks)

    def ready(self, now_ms: int, may: Callable[[Campaign], bool] = lambda campaign: True) -> Campaign | None:
        """The campaign whose turn it is, of those that `may`."""
        campaign = next((one for one in self.able(now_ms) if may(one)), None)
        if campaign is not None:
            self._all[campaign.name] = self._all.pop(campaign.name)
        return campaign

    def starts_at(self, now_ms: int) -> int | None:
        """When the next campaign begins, in wall time; None when none waits for its time."""
        starts = [c.definition.start_ms for c in self._all.values() if c.definition and c.definition.start_ms > now_ms]
        return min(starts, default=None)


def take(campaign: Campaign, count: int, now_s: float) -> Slice:
    """The next `count` recipients, or what is left of the chunk, as items."""
    chunk, start = campaign.chunks[campaign.chunk], campaign.position
    rows = chunk.recipients[start : start + count]
    items = [item_of(campaign, chunk, start + n, row, now_s) for n, row in enumerate(rows)]
    return Slice(campaign, campaign.chunk, start, items)


def item_of(campaign: Campaign, chunk: Chunk, place: int, row: Recipient, now_s: float) -> Item:
    """One recipient's message; its id depends on nothing but the line, the campaign and the position in it."""
    definition = cast(Definition, campaign.definition)
    message = OutboundMessage(
        id=ids.message_id_of_recipient(definition.did, campaign.name, chunk.first + place),
        tenant=definition.tenant,
        did=definition.did,
        contact=phone.canonical(row.to),
        to=row.to,
        content=_personal(definition.template, row),
        send_class=definition.send_class,
        expires_ms=definition.expires_ms,
        at_ms=definition.created_ms,
    )
    source = f"{SOURCE}/{campaign.name}/{chunk.index}"
    return Item(message, source, place, now_s, campaign=campaign.name)


def chunk_of(source: str) -> tuple[str, int] | None:
    """Campaign and chunk that a plan's source names; None for a topic."""
    kind, _, rest = source.partition("/")
    name, _, index = rest.rpartition("/")
    return (name, int(index)) if kind == SOURCE and index.isdigit() else None


def _personal(template: Template, row: Recipient) -> Template:
    buttons = [
        TemplateButton(index=button.index, parameter=parameter, kind=button.kind)
        for button, parameter in zip(template.buttons, row.buttons, strict=False)
    ]
    return msgspec.structs.replace(
        template,
        body=row.body or template.body,
        header=row.header or template.header,
        buttons=buttons or template.buttons,
    )
