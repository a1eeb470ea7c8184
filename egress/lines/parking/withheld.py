"""Withheld: messages that WhatsApp kept back from a person for a while (131049), parked until they may go again. Pure.

Such a message was accepted and failed; it is sent again on record, not before a day. For so long it is a copy on
`outbound.parked` that says which attempt it follows, so that its plan may leave memory. Promises: the copy and the end
of the journal's order for it are one transaction; a copy goes once, and only while the attempt that it follows is the
last one; what expires before, or is of a campaign that was cancelled, is `failed` at once. A campaign knows who of it
is withheld: whoever has such a copy. So a new owner knows it by the copies alone.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, NamedTuple

from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import chunk_of, source_of
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.parking.parking import flow_of
from egress.lines.receipts.failures import FAILED, WITHHELD
from egress.lines.results import replays
from egress.lines.work import Echo, Work, said_of_item
from runtime import metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.headers import Headers
from schemas.parked import After, Parked
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line
    from egress.lines.partition import Partition

WHY = "withheld"
# So many places of copies are kept that are done with, before they are looked through.
COPIES_MORE = 1000
_PARKED = topics.OUTBOUND_PARKED.name


def park(line: Line, now: Now, work: Work) -> None:
    """Those that were read again for their next attempt, unless a receipt took the order back."""
    withheld, line.withheld = line.withheld, []
    until_ms = now.wall_ms + round(line.rules.settings.withheld_wait_s * 1000)
    for item in withheld:
        if not line.failures.stands(item.retry_of, item.id):
            continue
        line.end_order(item.retry_of, item.id, item.message.tenant, work)
        if never := _never(line, item, until_ms):
            why = f"WhatsApp withheld it, and {never}"
            line.campaigns.hear(item.campaign, *item.place, WITHHELD)
            work.say(said_of_item(line.number, item, "failed", WITHHELD, why), item.id, item.contact)
            continue
        line.campaigns.withhold(item.campaign, *item.place)
        work.park(_copy(line, item, until_ms, now), Echo(item.id, None, far=True))
        why = "WhatsApp withheld it; it is sent again later"
        work.say(said_of_item(line.number, item, "parked", WHY, why), item.id, item.contact)
        metrics.counter(metrics.EGRESS_PARKINGS).labels(message_class="bulk", reason=WHY).inc()
        line.count(item, "parked")


def _never(line: Line, item: Item, until_ms: int) -> str:
    """Why it will not go again; empty when it will."""
    if 0 < item.message.expires_ms <= until_ms:
        return "it expires before it may go again"
    return "its campaign was cancelled" if item.campaign and line.campaigns.cancelled(item.campaign) else ""


def put_off(line: Line, item: Item, until_ms: int, now: Now, work: Work) -> None:
    """A copy that came back and may not go yet is parked for another while, more than a minute: what it says of the
    attempt that it follows it says again."""
    line.campaigns.withhold(item.campaign, *item.place)
    work.park(_copy(line, item, until_ms, now), Echo(item.id, None, far=True))
    line.parkings[item.kind].moves(item)
    line.ids.discard(item.id)
    line.finish(item)


def _copy(line: Line, item: Item, until_ms: int, now: Now) -> Record:
    source, place = item.place
    named = chunk_of(source)
    after = After(
        plan=item.retry_of,
        attempt=item.attempt,
        first_attempt=item.first_attempt,
        spared=item.spared,
        campaign=item.campaign,
        failed=WITHHELD,
        chunk=named[1] if named is not None else -1,
        place=place if named is not None else -1,
    )
    note = Parked(
        did=line.did,
        kind="urgent" if item.urgent else "bulk",
        source="",
        why=WHY,
        at_ms=now.wall_ms,
        not_before_ms=until_ms,
        after=after,
        flow=flow_of(item, again=True),
    )
    own = Headers(id=item.id, type="message", tenant=item.message.tenant, at_ms=item.cause_ms or item.message.at_ms)
    headers = note.headers(own.to_kafka())
    return Record(_PARKED, encode(item.message), item.id.encode(), headers, line.number)


def follow(item: Item, after: After) -> None:
    """A copy that came back goes on where the attempt left it that it follows."""
    item.attempt, item.first_attempt, item.spared = after.attempt, after.first_attempt, after.spared
    item.failed, item.waited = after.failed, True
    item.of_campaign(after.campaign)
    item.retry_of = item.resend_of = after.plan
    item.resend_why = f"{FAILED}{after.failed}"
    if after.campaign and after.chunk >= 0:
        item.recipient = (source_of(after.campaign, after.chunk), after.place)


class Learnt(NamedTuple):
    """A copy that was read in the recovery."""

    did: str
    offset: int
    message_id: str
    after: After


def restore(partition: Partition, copies: list[Learnt]) -> None:
    """Campaigns know again who is withheld: those with a copy that is not done with and would go."""
    for did, offset, message_id, after in copies:
        line = partition.lines[did]
        campaign = line.campaigns.get(after.campaign)
        if campaign is None or after.chunk < 0 or not partition.lot.open(offset):
            continue
        if replays.may_follow(line.book, message_id, after.plan):
            campaign.withheld.add(after.chunk, after.place)
            campaign.copies.append(offset)
    for line in partition.lines.values():
        for campaign in line.campaigns.all():
            hasten(line, campaign)


def placed(partition: Partition, line: Line, offset: int, after: After) -> bool:
    """A copy stands here; whether it is to come back at once, because its campaign was cancelled meanwhile."""
    campaign = line.campaigns.get(after.campaign)
    if campaign is None or after.chunk < 0 or campaign.state == "cancelled":
        return campaign is not None and campaign.state == "cancelled"
    if len(campaign.copies) > 2 * len(campaign.withheld) + COPIES_MORE:
        campaign.copies = array("Q", filter(partition.lot.open, campaign.copies))
    campaign.copies.append(offset)
    return False


def hasten(line: Line, campaign: Campaign) -> None:
    """Copies of a campaign that was cancelled come back at once, to be refused."""
    if campaign.state == "cancelled" and campaign.copies:
        places = set(campaign.copies)
        for parking in line.parkings.values():
            parking.hasten(places)
        campaign.copies = array("Q")


def lost(line: Line, after: After) -> None:
    """A copy cannot be read: nobody will send it."""
    campaign = line.campaigns.get(after.campaign)
    if campaign is not None and after.chunk >= 0:
        campaign.hand_out(after.chunk, after.place)
