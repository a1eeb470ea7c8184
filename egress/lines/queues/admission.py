"""Admission: what becomes of a message that was read: known already, refused, waiting in memory, or parked. Pure.

Promises: decided at once, so that no line's wait holds up an offset; replies that are parked stand on the parked topic
in the order in which they came, before everything younger that an input could still bring back. So when replies begin
to be parked, those in memory whose input's offset is open are parked first; and whatever comes later goes behind the
parked ones as long as some of these are not in memory. Bulk, which has no order, is parked alone.
"""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from egress.lines.campaigns import deferred
from egress.lines.gate import asking, gate
from egress.lines.gate.gate import Refusal, Wait
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
from schemas.parked import Kind, Parked, Why
from schemas.record import encode
from schemas.tenant import Line as LineConfig
from schemas.tenant import Tenant

if TYPE_CHECKING:
    from egress.lines.line import Line

Owner = tuple[Tenant | None, LineConfig | None]
PARKED = topics.OUTBOUND_PARKED.name
# What was parked for so long is given up, before Kafka deletes it.
KEPT_MS = topics.OUTBOUND_PARKED.retention_ms - 2 * topics.DAY_MS
_REASONS: dict[Why, str] = {
    "backlog": "it waits in Kafka behind others: more are waiting than memory holds",
    "line_paused": "it waits in Kafka: its line is paused",
    "line_stopped": "it waits in Kafka: WhatsApp stopped its line, and a person must resume it",
    "paused": "it waits in Kafka: its tenant is paused, or everybody is",
    "withheld": "WhatsApp withheld it (131049); it is sent again later",
    "not_before": "it waits in Kafka until its time comes",
    "waits": "it has waited for a while, and is kept in Kafka too",
    "send_window": "it waits in Kafka until its recipient's quiet hours are over",
    "daily_cap": "it waits in Kafka for the next day: the tenant's paid messages of this one are used up",
}

_WHYS: dict[str, Why] = {"send_window": "send_window", "daily_cap": "daily_cap", "paused": "paused"}
_ECHO_MS = 1000


def admit(line: Line, item: Item, now: Now, work: Work) -> None:
    """A message of an input."""
    owner = line.owner(item)
    if _decided(line, item, owner, work):
        return
    if item.message.not_before_ms > now.wall_ms + KEPT_MS:
        days = KEPT_MS // topics.DAY_MS
        line.refuse(item, Refusal("too_far", f"it may go only in more than {days} days"), work)
        return
    why, until_ms = _must_wait_outside(line, item, owner, now)
    if why is None:
        line.parkings[item.kind].open[item.position] = item
        _wait(line, item, now)
        return
    if item.reply and not line.parkings[item.kind].absent:
        park_open(line, item.kind, why, now, work)
    if why == "backlog" and item.kind == "bulk":
        line.batcher.hurry()
    park(line, item, why, now, work, resident=False, until_ms=until_ms)


def fits(line: Line, item: Item, now: Now) -> bool:
    """Whether a message that is read before its turn would wait in memory: it is new, nothing refuses it, nor is it to
    be parked. One that was put back is looked up only when it is admitted."""
    owner = line.owner(item)
    if (not item.replay and not line.is_new(item)) or gate.at_admission(item.message, *owner) is not None:
        return False
    return _must_wait_outside(line, item, owner, now)[0] is None


def readmit(line: Line, item: Item, now: Now, work: Work) -> None:
    """A message of the parked topic, for which there is room."""
    if not _decided(line, item, line.owner(item), work):
        line.parkings[item.kind].held[item.position] = item
        _wait(line, item, now)


def _decided(line: Line, item: Item, owner: Owner, work: Work) -> bool:
    if not line.is_new(item):
        line.finish(item)
        return True
    refusal = gate.at_admission(item.message, *owner)
    if refusal is not None:
        line.refuse(item, refusal, work)
    return refusal is not None


def _wait(line: Line, item: Item, now: Now) -> None:
    line.ids.add(item.id)
    line.crowd.admitted(line.number)
    item.wake_s = now.at_ms(item.message.not_before_ms) if item.message.not_before_ms > now.wall_ms else 0
    line.enqueue(item, now)


def _must_wait_outside(line: Line, item: Item, owner: Owner, now: Now) -> tuple[Why | None, int]:
    """Why it is parked, and until when at least."""
    not_before_ms = item.message.not_before_ms
    if not_before_ms and _far(item, not_before_ms, now):
        return "not_before", not_before_ms
    wait = None if item.reply else asking.window_of(line, item, owner, now)
    if wait is not None and _far(item, wait.until_ms, now):
        return "send_window", wait.until_ms
    kind = item.kind
    if (held := line.stance.why_held(kind)) is not None:
        return held, not_before_ms
    full = line.crowd.room(line.in_the_way(kind)) <= 0
    return ("backlog" if full or _behind(line, item) else None), not_before_ms


def _behind(line: Line, item: Item) -> bool:
    """Whether it must wait behind others that are parked: a reply behind all, bulk behind its own flow. Somebody waits
    for what is urgent now: nothing is in its way."""
    parking = line.parkings[item.kind]
    if item.kind != "bulk":
        return item.reply and parking.absent
    return parking.absent and parking.absent_of(flow_of(item))


def _far(item: Item, until_ms: int, now: Now) -> bool:
    """Whether its time is so far that it need not be in memory. A reply must be: the person's next one waits for it."""
    return not item.reply and until_ms > now.wall_ms + FAR_MS


def put_off(line: Line, item: Item, wait: Wait, now: Now, work: Work) -> None:
    """A message that may go only later, as the gate found when it was its turn.

    It is parked for so long. An attempt after another one waits in memory: what it answers to is known there alone, but
    for one that was withheld. So does what has a record already whose place is not known yet, for a moment.
    """
    until_ms = wait.until_ms or now.wall_ms + FAR_MS
    if item.waited and _far(item, until_ms, now):
        withheld.put_off(line, item, until_ms, now, work)
        return
    if item.campaign and not item.retry_of:
        deferred.defer(line, item, until_ms, now, work, _WHYS[wait.code])
        return
    if item.echoing:
        until_ms = min(until_ms, now.wall_ms + _ECHO_MS)
    elif not item.retry_of and _far(item, until_ms, now):
        line.ids.discard(item.id)
        park(line, item, _WHYS[wait.code], now, work, resident=False, until_ms=until_ms)
        return
    item.wake_s = now.at_ms(until_ms)
    line.enqueue(item, now)


def park(
    line: Line, item: Item, why: Why, now: Now, work: Work, *, resident: bool, until_ms: int | None = None
) -> None:
    """Keeps the message in Kafka, with which its input's offset is finished; `resident`: it stays in memory too."""
    until_ms = item.message.not_before_ms if until_ms is None else until_ms
    parking, far = line.parkings[item.kind], _far(item, until_ms, now)
    work.park(_record(line, item, why, now, until_ms), Echo(item.id, item if resident else None, far))
    work.say(said_of_item(line.number, item, "parked", why, _REASONS[why]), item.id, item.contact)
    metrics.counter(metrics.EGRESS_PARKINGS).labels(message_class=item.kind, reason=why).inc()
    line.count(item, "parked")
    parking.moves(item)
    line.finish(item)
    if resident:
        item.echoing = True
        parking.echoing += 1
    elif not far:
        parking.expect(flow_of(item))


def _record(line: Line, item: Item, why: Why, now: Now, until_ms: int) -> Record:
    """A copy of what an input brought, as it was read; else the message as it is now."""
    read = item.record
    if read is None:
        own = Headers(id=item.id, type="message", tenant=item.message.tenant, at_ms=item.cause_ms or now.wall_ms)
        value, key, headers = encode(item.message), b"", [*own.to_kafka(), *_run(item)]
        origin = source(item.source, line.number, item.position)
    else:
        value, key, headers = read.value or b"", read.key or b"", read.headers
        origin = source(read.topic, read.partition, read.offset)
    note = Parked(
        did=line.did,
        kind=item.kind,
        source=origin,
        why=why,
        at_ms=now.wall_ms,
        not_before_ms=until_ms,
        key=key,
        flow=flow_of(item),
    )
    return Record(PARKED, value, item.id.encode(), note.headers(headers), line.number)


def _run(item: Item) -> list[tuple[str, bytes]]:
    return [("replay", item.replay.encode())] if item.replay else []


def park_open(line: Line, kind: Kind, why: Why, now: Now, work: Work, before: int | None = None) -> None:
    """Those in memory whose input's offset is open, oldest first; only inputs before this offset, if one is given."""
    for item in list(line.parkings[kind].open.values()):
        if before is None or item.position < before:  # what was read before its turn stands among them
            park(line, item, why, now, work, resident=True)


def park_old(line: Line, now: Now, work: Work) -> None:
    """Those that have waited for so long that their inputs' offsets shall go on."""
    since_s = now.s - line.rules.settings.park_after_s
    for kind, parking in line.parkings.items():
        if not parking.open:
            continue
        why: Why = line.stance.why_held(kind) or "waits"
        for item in list(takewhile(lambda item: item.since_s <= since_s, parking.open.values())):
            park(line, item, why, now, work, resident=True)
