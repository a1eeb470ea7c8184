"""Withheld: messages that WhatsApp kept back from a person for a while (131049), parked until they may go again. Pure.

Such a message was accepted and failed; it is sent again on record, not before a day. For so long it is a copy on
`outbound.parked` that says which attempt it follows, so that its plan may leave memory. Promises: the copy and the end
of the journal's order for it are one transaction; a copy goes once, and only while the attempt that it follows is the
last one; what expires before is `failed` at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.parking.parking import flow_of
from egress.lines.receipts.failures import FAILED, WITHHELD
from egress.lines.work import Echo, Work, said_of_item
from runtime import metrics
from runtime.kafka.record import Record
from schemas import topics
from schemas.headers import Headers
from schemas.parked import After, Parked
from schemas.record import encode

if TYPE_CHECKING:
    from egress.lines.line import Line

WHY = "withheld"
_PARKED = topics.OUTBOUND_PARKED.name


def park(line: Line, now: Now, work: Work) -> None:
    """Those that were read again for their next attempt, unless a receipt took the order back."""
    withheld, line.withheld = line.withheld, []
    until_ms = now.wall_ms + round(line.rules.settings.withheld_wait_s * 1000)
    for item in withheld:
        if not line.failures.stands(item.retry_of, item.id):
            continue
        line.end_order(item.retry_of, item.id, item.message.tenant, work)
        if 0 < item.message.expires_ms <= until_ms:
            why = "WhatsApp withheld it, and it expires before it may go again"
            work.say(said_of_item(line.number, item, "failed", WITHHELD, why), item.id, item.contact)
            continue
        work.park(_copy(line, item, until_ms, now), Echo(item.id, None, far=True))
        why = "WhatsApp withheld it; it is sent again later"
        work.say(said_of_item(line.number, item, "parked", WHY, why), item.id, item.contact)
        metrics.counter(metrics.EGRESS_PARKINGS).labels(message_class="bulk", reason=WHY).inc()
        line.count(item, "parked")


def put_off(line: Line, item: Item, until_ms: int, now: Now, work: Work) -> None:
    """A copy that came back and may not go yet is parked for another while, more than a minute: what it says of the
    attempt that it follows it says again."""
    work.park(_copy(line, item, until_ms, now), Echo(item.id, None, far=True))
    line.parkings[item.kind].moves(item)
    line.ids.discard(item.id)
    line.finish(item)


def _copy(line: Line, item: Item, until_ms: int, now: Now) -> Record:
    after = After(
        plan=item.retry_of,
        attempt=item.attempt,
        first_attempt=item.first_attempt,
        spared=item.spared,
        campaign=item.campaign,
        failed=WITHHELD,
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
