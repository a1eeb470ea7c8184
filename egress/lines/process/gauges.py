"""Gauges: how the partitions of a worker stand: doubts, what is parked, what a new owner would have to read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import get_args

from egress.lines.line import Line
from egress.lines.now import Now
from egress.lines.partition import Partition
from egress.lines.results import doubts
from runtime import metrics
from schemas.campaign import CampaignState
from schemas.outbound import SendClass
from schemas.parked import Kind


def show(partitions: Sequence[Partition], now: Now) -> None:
    """Sets the gauges of all of them; of a worker without partitions to nothing."""
    for kind, count in _every(get_args(SendClass), map(in_doubt, partitions)).items():
        metrics.gauge(metrics.EGRESS_IN_DOUBT).labels(message_class=kind).set(count)
    _doubts_since([line for partition in partitions for line in partition.lines.values()], now)
    for kind, count in _every(get_args(Kind), map(parked, partitions)).items():
        metrics.gauge(metrics.EGRESS_PARKED).labels(message_class=kind).set(count)
    for state, count in _every(get_args(CampaignState), map(campaigns, partitions)).items():
        metrics.gauge(metrics.EGRESS_CAMPAIGNS).labels(state=state).set(count)
    left = sum(line.campaigns.left for partition in partitions for line in partition.lines.values())
    metrics.gauge(metrics.EGRESS_CAMPAIGN_LEFT).labels().set(left)
    withheld = sum(line.campaigns.withheld for partition in partitions for line in partition.lines.values())
    metrics.gauge(metrics.EGRESS_CAMPAIGN_WITHHELD).labels().set(withheld)
    oldest_ms = min((parked_since_ms(partition, now) for partition in partitions), default=now.wall_ms)
    metrics.gauge(metrics.EGRESS_PARKED_OLDEST).labels().set(max(0, now.wall_ms - oldest_ms) / 1000)
    _pace([line for partition in partitions for line in partition.lines.values()], now)
    tail = max((partition.checkpoints.behind for partition in partitions), default=0)
    metrics.gauge(metrics.EGRESS_JOURNAL_TAIL).labels().set(tail)


def _doubts_since(lines: Sequence[Line], now: Now) -> None:
    """For how long the oldest doubt of each class has stood."""
    since: dict[str, int] = {}
    for line in lines:
        for kind, at_ms in doubts.oldest(line).items():
            since[kind] = min(at_ms, since.get(kind, at_ms))
    for kind in get_args(SendClass):
        seconds = max(0, now.wall_ms - since.get(kind, now.wall_ms)) / 1000
        metrics.gauge(metrics.EGRESS_OLDEST_DOUBT).labels(message_class=kind).set(seconds)


def _pace(lines: Sequence[Line], now: Now) -> None:
    """How fast the lines are, and which of them stand still."""
    shares = [line.throttle.share(now.s) for line in lines]
    metrics.gauge(metrics.EGRESS_SLOWED).labels().set(sum(share < 1 for share in shares))
    metrics.gauge(metrics.EGRESS_RATE_SHARE).labels().set(min(shares, default=1))
    stops = Counter(stop.what for line in lines for stop in line.stance.stops.all())
    for what in ("line", "template"):
        metrics.gauge(metrics.EGRESS_STOPPED).labels(what=what).set(stops[what])
    for kind in get_args(Kind):
        fullest = max((line.waiting(kind) for line in lines), default=0)
        metrics.gauge(metrics.EGRESS_FULLEST_LINE).labels(message_class=kind).set(fullest)
    held = Counter(line.stance.why_held("reply") for line in lines)
    for reason in ("line_paused", "paused", "line_stopped"):
        metrics.gauge(metrics.EGRESS_HELD).labels(reason=reason).set(held[reason])


def _every(names: Sequence[str], counts: Iterable[Counter[str]]) -> dict[str, int]:
    """The sum of the counts under each name, also where there is nothing to count."""
    total = sum(counts, Counter[str]())
    return {name: total[name] for name in names}


def in_doubt(partition: Partition) -> Counter[str]:
    """Messages in doubt by class."""
    counts: Counter[str] = Counter()
    for line in partition.lines.values():
        counts.update(doubts.in_doubt(line))
    return counts


def parked(partition: Partition) -> Counter[str]:
    """Messages that have a place on the parked topic, by kind."""
    counts: Counter[str] = Counter()
    for line in partition.lines.values():
        counts.update({kind: parking.parked for kind, parking in line.parkings.items()})
    return counts


def campaigns(partition: Partition) -> Counter[str]:
    """Campaigns by state."""
    return Counter(one.state for line in partition.lines.values() for one in line.campaigns.all() if one.exists)


def parked_since_ms(partition: Partition, now: Now) -> int:
    """When the message was parked that has waited longest, not counting those whose time is far; now for none."""
    parkings = [parking for line in partition.lines.values() for parking in line.parkings.values()]
    firsts = [first for parking in parkings for first in parking.firsts()]
    return min((partition.lot.since_ms(offset) for offset in firsts), default=now.wall_ms)
