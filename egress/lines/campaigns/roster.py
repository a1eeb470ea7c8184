"""The campaigns of one line: those that are live, those that ended lately, and the names of older ones. Pure.

Those that can send take turns. One that has ended keeps its contents for as long as a recipient may be looked up again;
then only its name stays, so that what is submitted under it does not run.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from egress.lines.campaigns import stages
from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import chunk_of
from egress.lines.item import Item
from schemas.campaign import CampaignRecord, CampaignState, Contents, Definition, Heard, Progress
from schemas.journal import PlannedMessage

CHUNKS_AHEAD = 2
# Of a campaign whose time has passed: its recipients are refused without a call.
CHUNKS_AHEAD_OVER = 10


class Ended(NamedTuple):
    """A campaign of which only the name is kept."""

    tenant: str
    state: CampaignState
    at_ms: int


class Campaigns:
    """All of them; `apply` takes records of the topic."""

    def __init__(self) -> None:
        self._all: dict[str, Campaign] = {}
        self._ended: dict[str, Ended] = {}

    def apply(self, record: CampaignRecord) -> None:
        """A record of the topic. Progress and what was heard count only while recovering: afterwards they are the
        owner's own echo."""
        if record.campaign in self._ended:
            return
        campaign = self._all.setdefault(record.campaign, Campaign(record.campaign))
        if isinstance(record, Definition | Contents) and campaign.exists:
            return  # it exists; what was submitted under the same name meanwhile does not change it
        match record:
            case Definition():
                campaign.define(record)
            case Contents():
                campaign.contents = record
            case Progress():
                campaign.restore(record)
            case Heard():
                campaign.hearing.learn(record)

    def forget(self, name: str) -> None:
        """Its records have tombstones."""
        self._all.pop(name, None)
        self._ended.pop(name, None)

    def retire(self, name: str) -> None:
        """Only its name is kept from now on."""
        campaign = self._all.pop(name)
        tenant = campaign.definition.tenant if campaign.definition is not None else ""
        self._ended[name] = Ended(tenant, campaign.state, campaign.at_ms)

    def get(self, name: str) -> Campaign | None:
        return self._all.get(name)

    def all(self) -> Iterator[Campaign]:
        return iter(list(self._all.values()))

    def ended(self) -> dict[str, Ended]:
        """Those of which only the name is kept."""
        return self._ended

    @property
    def left(self) -> int:
        """Recipients of live campaigns that are not planned and not refused."""
        return sum(campaign.left for campaign in self._all.values() if campaign.live)

    @property
    def withheld(self) -> int:
        """Recipients whom WhatsApp holds back."""
        return sum(len(campaign.withheld) for campaign in self._all.values())

    @property
    def ahead(self) -> int:
        """Those of them that are not kept as messages of their own: nobody counts them twice."""
        return sum(campaign.left - campaign.waiting for campaign in self._all.values() if campaign.live)

    @property
    def unsent(self) -> bool:
        """Whether recipients of some campaign are at hand."""
        return any(campaign.chunks for campaign in self._all.values())

    def held(self, now_ms: int) -> set[str]:
        """Names of those that are paused: what of them is to be tried again waits, unless its time has passed."""
        return {name for name, one in self._all.items() if one.state == "paused" and not one.over(now_ms)}

    def cancelled(self, name: str) -> bool:
        known = self._all.get(name) or self._ended.get(name)
        return known is not None and known.state == "cancelled"

    def wanted(self, now_ms: int) -> list[tuple[Campaign, int, int]]:
        """Chunks to fetch now: campaign, index, offset. Each is named once, until it leaves `asked`."""
        wanted = []
        for campaign in self._all.values():
            over = campaign.over(now_ms) and not campaign.unreadable
            if campaign.contents is None or not (over or campaign.running(now_ms)):
                continue
            last = campaign.chunk + (CHUNKS_AHEAD_OVER if over else CHUNKS_AHEAD)
            for index in range(campaign.chunk, min(last, len(campaign.contents.chunks))):
                if index not in campaign.asked:
                    campaign.asked.add(index)
                    wanted.append((campaign, index, campaign.contents.chunks[index].offset))
        return wanted

    def able(self, now_ms: int) -> Iterator[Campaign]:
        """Those with recipients at hand that may be called now."""
        return (campaign for campaign in self._all.values() if campaign.able(now_ms))

    def wakes_at(self, now_ms: int) -> int | None:
        """When time alone changes what one of them may do, in wall time; None for never."""
        times = (stages.wakes_at(campaign, now_ms) for campaign in self._all.values())
        return min((time for time in times if time is not None), default=None)

    # -- what becomes of recipients

    def withhold(self, name: str, source: str, place: int) -> None:
        """WhatsApp holds a recipient back."""
        campaign, named = self._all.get(name), chunk_of(source)
        if campaign is not None and named is not None:
            campaign.withhold(named[1], place)

    def hear(self, name: str, source: str, place: int, code: str) -> None:
        """A recipient was delivered (no code), or failed."""
        campaign, named = self._all.get(name), chunk_of(source)
        if campaign is not None and named is not None and named[0] == name:
            campaign.hear(named[1], place, code)

    def hear_all(self, name: str, messages: list[PlannedMessage], code: str) -> None:
        """Recipients of one call failed."""
        for message in messages:
            self.hear(name, message.source, message.position, code)

    def decided(self, item: Item, *, planned: bool) -> None:
        """A recipient that waited parked, or was withheld, is planned or refused."""
        campaign = self._all.get(item.campaign)
        if campaign is None:
            return
        named = chunk_of(item.place[0]) if item.retry_of else None
        if named is not None:
            campaign.hand_out(named[1], item.place[1])
        elif item.deferred:
            campaign.waiting -= 1
            campaign.admitted -= 1
            campaign.planned += planned
            campaign.refused += not planned
            campaign.touched = True
