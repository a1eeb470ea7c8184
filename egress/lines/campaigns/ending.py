"""Ending: what is over is refused without a call, what is through is finished, what is old is forgotten. Pure.

All of it in bounded steps, so that a campaign of millions holds up no other line. A campaign that has ended is kept
whole for as long as one of its recipients may be tried again, then by its name; 90 days after its end, when its chunks
are gone, its records get tombstones.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, cast

from egress.lines.campaigns import orders, stages
from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import who
from egress.lines.memory.index import HORIZON_MS
from egress.lines.now import Now
from egress.lines.work import Said, Work
from runtime import metrics
from runtime.kafka.record import Record
from schemas import ids, keys, topics
from schemas.campaign import Chunk, Definition
from schemas.headers import Headers
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line

CAMPAIGNS = topics.CAMPAIGNS.name
# Recipients of campaigns whose time has passed that a partition refuses in one cycle.
EXPIRED_A_CYCLE = 2000
KEPT_MS = topics.CAMPAIGNS_CHUNKS.retention_ms
FORGOTTEN_A_CYCLE = 20
REASON = "it was to be said earlier"
UNKEPT = "its recipients are no longer kept in Kafka"


def step(line: Line, now: Now, work: Work, budget: int) -> int:
    """What time makes of the line's campaigns; refuses at most `budget` recipients, and returns how many."""
    refused = 0
    for campaign in line.campaigns.all():
        stages.tick(campaign, now.wall_ms)
        while refused < budget and campaign.over(now.wall_ms) and campaign.chunk in campaign.chunks:
            refused += _expire(line, campaign, budget - refused, now, work)
    return refused


def _expire(line: Line, campaign: Campaign, count: int, now: Now, work: Work) -> int:
    chunk, start = campaign.chunks[campaign.chunk], campaign.position
    rows = chunk.recipients[start : start + count]
    said, fresh = _said(line, campaign), 0
    for place, row in enumerate(rows, start):
        name = ids.message_id_of_recipient(line.did, campaign.name, chunk.first + place)
        if not line.book.knows(name):
            work.say(said, name, who(row.to))
            fresh += 1
    campaign.step_over(len(rows), len(rows) - fresh, fresh)
    counted = metrics.counter(metrics.EGRESS_MESSAGES)
    counted.labels(tenant=said.tenant, message_class=said.send_class, outcome="expired").inc(fresh)
    metrics.counter(metrics.EGRESS_REFUSALS).labels(tenant=said.tenant, reason="expired").inc(fresh)
    return len(rows)


def _said(line: Line, campaign: Campaign) -> Said:
    definition = cast(Definition, campaign.definition)
    return Said(
        line.number,
        definition.tenant,
        line.did,
        "expired",
        template=definition.template.name,
        send_class=definition.send_class,
        campaign=campaign.name,
        code="expired",
        reason=REASON,
    )


def finish(line: Line, now: Now) -> None:
    """Campaigns that nobody waits for and of which no call is open are finished."""
    for campaign in line.campaigns.all():
        may = campaign.running(now.wall_ms) or campaign.over(now.wall_ms)
        if may and campaign.through and not line.has_open(campaign.name):
            campaign.why = "its time has passed" if campaign.over(now.wall_ms) else ""
            campaign.state, campaign.touched = "finished", True


def write(line: Line, now: Now, work: Work) -> None:
    """The progress of those that changed, once a transaction, with who was heard of."""
    for campaign in line.campaigns.all():
        if not campaign.touched or not campaign.exists:
            continue
        campaign.touched, campaign.at_ms = False, now.wall_ms
        tenant = cast(Definition, campaign.definition).tenant
        work.progress(line.number, tenant, campaign.progress(now.wall_ms))
        for heard in campaign.heard():
            part = keys.join(line.did, campaign.name, "heard", str(heard.chunk))
            work.write(_record(line, part, encode(heard), "heard", tenant, now))


def unreadable(campaign: Campaign, index: int) -> None:
    """A chunk is gone, or is not what the contents say: a person must look."""
    campaign.asked.discard(index)  # a `resume` tries again
    campaign.unreadable = True
    stages.pause(campaign, f"chunk {index} cannot be read", "chunk")


# -- the end of the end


def tidy(line: Line, now: Now, work: Work) -> None:
    """Lets go of campaigns that have ended long ago, a few at a time."""
    for campaign in line.campaigns.all():
        idle_ms = now.wall_ms - campaign.at_ms
        # What is parked for so long is lost.
        stands = campaign.state in ("paused", "draft") or campaign.waiting > 0 or len(campaign.withheld) > 0
        on_record = campaign.begun and not campaign.touched
        if campaign.live and on_record and idle_ms > KEPT_MS and stands:
            orders.cancel(campaign, UNKEPT)
        elif campaign.exists and not campaign.live and idle_ms > HORIZON_MS and not _needed(line, campaign, idle_ms):
            _retire(line, campaign, now, work)
    old = ((name, one) for name, one in line.campaigns.ended().items() if one.at_ms < now.wall_ms - KEPT_MS)
    for name, ended in list(islice(old, FORGOTTEN_A_CYCLE)):
        line.campaigns.forget(name)
        for part in ("definition", "contents", "progress"):
            work.write(_record(line, keys.join(line.did, name, part), None, "tombstone", ended.tenant, now))


def _needed(line: Line, campaign: Campaign, idle_ms: int) -> bool:
    """Whether one of its recipients may have to be looked up again. What has been parked for so long is lost."""
    doubts = any(entry.plan.campaign == campaign.name for entry in line.doubts.values())
    parked = (campaign.waiting > 0 or len(campaign.withheld) > 0) and idle_ms <= KEPT_MS
    return campaign.touched or parked or doubts or line.has_open(campaign.name)


def _retire(line: Line, campaign: Campaign, now: Now, work: Work) -> None:
    """Who was heard of matters no more."""
    tenant = cast(Definition, campaign.definition).tenant
    for chunk in islice(campaign.hearing.chunks, 500):
        part = keys.join(line.did, campaign.name, "heard", str(chunk))
        work.write(_record(line, part, None, "tombstone", tenant, now))
        campaign.hearing.let_go(chunk)
    if not campaign.hearing.chunks:
        line.campaigns.retire(campaign.name)


def _record(line: Line, key: str, value: bytes | None, kind: str, tenant: str, now: Now) -> Record:
    headers = Headers(id=key, type=kind, tenant=tenant, at_ms=now.wall_ms).to_kafka()
    return Record(CAMPAIGNS, value, key.encode(), headers, partition=line.number)


def is_whole(chunk: Chunk, campaign: Campaign, index: int, digest: str) -> bool:
    """Whether it is the chunk that the campaign's contents name, and its recipients have this digest of its own."""
    if campaign.contents is None or campaign.definition is None or index >= len(campaign.contents.chunks):
        return False
    count = campaign.contents.chunks[index].count
    named = (chunk.campaign, chunk.did, chunk.index, len(chunk.recipients))
    expected = (campaign.name, campaign.definition.did, index, count)
    return named == expected and count > 0 and chunk.digest in ("", digest)
