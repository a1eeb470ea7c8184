"""Deferred: recipients whose turn comes later, each kept as a single message on `outbound.parked`. Pure.

The campaign goes on with the others, and is finished when these came back and were planned or refused. In a plan they
are named by their place in the campaign, as all its recipients are. When many in a row had to wait, nobody more is
parked: the campaign itself waits.
"""

from __future__ import annotations

from collections.abc import Container
from typing import TYPE_CHECKING

import msgspec

from egress.lines.campaigns import stages
from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import chunk_of
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.parking import withheld
from egress.lines.parking.parking import FAR_MS, flow_of
from egress.lines.work import Echo, Work, said_of_item
from runtime import metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.dead_letter import source
from schemas.headers import Headers
from schemas.parked import Parked, Why
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line

REASON = "it waits in Kafka until its time comes"
# One that comes back while its campaign is paused, or at a stage that lets nobody go, is kept for so long again. On a
# ramp each gets its turn when it comes back, so far ahead.
AGAIN_MS = 300_000
HOLD_LEAST_MS = 1000
# When so many in a row had to wait, the rest will have to.
HOLD_AFTER = 100


def defer(line: Line, item: Item, until_ms: int, now: Now, work: Work, why: Why = "not_before") -> None:
    """A recipient may go at `until_ms` at the earliest: one of a slice, one that came back, or another attempt."""
    campaign = line.campaigns.get(item.campaign)
    if item.retry_of:
        item.wake_s = now.at_ms(until_ms)
        line.enqueue(item, now)
    elif campaign is not None and not item.recipient[0]:
        campaign.deferring.append((item, until_ms, why))
    else:
        if campaign is not None:
            campaign.admitted -= 1
        _park(line, item, until_ms, now, work, why)


def settle(line: Line, campaign: Campaign, count: int, now: Now, work: Work) -> bool:
    """Those of a slice of `count` that must wait are parked; False if that is everybody for long, so that the campaign
    waits for the first of them.
    """
    deferring, campaign.deferring = campaign.deferring, []
    campaign.deferred_in_a_row += len(deferring)
    if len(deferring) < count:
        campaign.deferred_in_a_row = 0
    elif campaign.deferred_in_a_row >= HOLD_AFTER:
        campaign.hold_ms = max(now.wall_ms + HOLD_LEAST_MS, min(until_ms for _, until_ms, _ in deferring))
        return False
    campaign.waiting += len(deferring)
    for item, until_ms, why in deferring:
        _park(line, item, until_ms, now, work, why)
        work.say(said_of_item(line.number, item, "parked", why, REASON), item.id, item.contact)
        metrics.counter(metrics.EGRESS_PARKINGS).labels(message_class="bulk", reason=why).inc()
        line.count(item, "parked")
    return True


def _park(line: Line, item: Item, until_ms: int, now: Now, work: Work, why: Why) -> None:
    name, place = item.place
    message = msgspec.structs.replace(item.message, not_before_ms=until_ms)
    note = Parked(
        did=line.did,
        kind="bulk",
        source=source(name, line.number, place),
        why=why,
        at_ms=now.wall_ms,
        not_before_ms=until_ms,
        flow=flow_of(item),
    )
    own = Headers(id=item.id, type="message", tenant=message.tenant, at_ms=now.wall_ms).to_kafka()
    record = Record(topics.OUTBOUND_PARKED.name, encode(message), item.id.encode(), note.headers(own), line.number)
    far = until_ms > now.wall_ms + FAR_MS
    work.park(record, Echo(item.id, None, far))
    if not far:
        line.parkings["bulk"].expect(flow_of(item))
    line.parkings["bulk"].moves(item)
    line.ids.discard(item.id)
    line.finish(item)


def named(item: Item, note: Parked) -> None:
    """What a parked record says of the campaign that its message is of."""
    place = place_of(note)
    if place is not None:
        item.of_campaign(place[0])
        item.recipient = place[1:]


def place_of(note: Parked) -> tuple[str, str, int] | None:
    """The campaign, the chunk and the place there of a recipient that a parked record is of; None for other records."""
    source, _, position = note.source.rpartition("-")
    name = source.rpartition("-")[0]
    found = chunk_of(name)
    return (found[0], name, int(position)) if found is not None and position.isdigit() else None


def came(line: Line, item: Item) -> None:
    """One that waited was read again."""
    campaign = line.campaigns.get(item.campaign)
    if campaign is not None and item.deferred:
        campaign.admitted += 1


def send_back(line: Line, held: Container[str], now: Now, work: Work) -> None:
    """Those in memory whose campaign is paused wait in Kafka again, where they can: so they take no other's place."""

    def may(item: Item) -> bool:
        return item.waited or item.deferred

    for item in line.batcher.weed(lambda first: first.campaign in held, may):
        until_ms = now.wall_ms + AGAIN_MS
        if item.waited:
            withheld.put_off(line, item, until_ms, now, work)
        else:
            defer(line, item, until_ms, now, work)


def may_go(line: Line, item: Item, now: Now, work: Work) -> bool:
    """Whether one that came back may; else it is parked again, so that it takes no place in memory."""
    campaign = line.campaigns.get(item.campaign)
    if campaign is None or not campaign.live or campaign.over(now.wall_ms):
        return True
    if item.waited and campaign.state == "paused":
        withheld.put_off(line, item, now.wall_ms + AGAIN_MS, now, work)
        return False
    if not item.deferred:
        return True
    campaign.admitted -= 1  # without itself
    may = campaign.lets_in(now.wall_ms, AGAIN_MS)
    campaign.admitted += 1
    if not may:
        defer(line, item, now.wall_ms + AGAIN_MS, now, work)
    elif campaign.stage == "ramp":
        turn_ms = max(campaign.next_ms, now.wall_ms)
        item.message = msgspec.structs.replace(item.message, not_before_ms=turn_ms)
        stages.paid(campaign, 1, line.pacer.rate, now.wall_ms)
    return may
