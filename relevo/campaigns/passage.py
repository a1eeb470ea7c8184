"""One pass over a file of recipients: from its rows to chunks, with everything counted on the way. Blocks.

A dry run and a submission make the same pass; what differs is what becomes of the chunks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from confluent_kafka import Message

from egress.lines.gate.quiet import Window
from egress.lines.gate.terms import Terms
from relevo.audit.scan import scan_partitions
from relevo.campaigns.chunks import Dealer, Share
from relevo.campaigns.estimate import Group, Load, days_capped, finish_ms, room_in_s
from relevo.campaigns.intake import Intake, Report
from relevo.campaigns.numbers import country
from relevo.campaigns.order import Order
from relevo.campaigns.people import People, covers
from relevo.campaigns.prices import Cost, Till
from relevo.campaigns.recipients import Reading
from relevo.campaigns.records import places
from relevo.cli.span import moment
from relevo.lines.standing import backlog, holds
from runtime.settings import KafkaSettings
from schemas import keys, topics
from schemas.campaign import Chunk
from schemas.line_state import LineState
from schemas.optout import Optout
from schemas.record import Frozen, RecordError
from schemas.tenant import Line

MAX_BAD = 0.05
# The estimate may be wrong, and a campaign may be paused.
KEPT_MS = topics.CAMPAIGNS_CHUNKS.retention_ms - 30 * topics.DAY_MS
# An estimate tells so many groups of people with hours of their own apart.
SPREAD_MAX = 24
_OPTOUTS = topics.OPTOUTS


class Found(Frozen):
    """What a pass found: recipients by line, calls by line, rows left out by reason, recipients by country.

    `held` names what holds those of its lines that stand still now.
    """

    campaign: str
    total: int
    lines: dict[str, int]
    calls: dict[str, int]
    left_out: dict[str, int]
    bad: int
    countries: dict[str, int]
    currency: str
    cost: float
    without_price: int
    rejected: str
    finish_ms: int
    chunks: int = 0
    held: dict[str, list[str]] = {}


class Passage:
    """`chunks` once; then what it found."""

    def __init__(self, order: Order, people: People, report: Report, now_ms: int) -> None:
        self._order, self._report = order, report
        reading = Reading(order.mapping, order.numbers, order.always(now_ms).of)
        self._intake = Intake(order.table, reading, people, report)
        self._dealer = Dealer(order.campaign, map(Share.of, order.lines))
        self._till = Till(order.tenant.prices, order.template.category)
        self._chunks = 0

    def chunks(self) -> Iterator[Chunk]:
        for chunk in self._dealer.deal(self._intake):
            for recipient in chunk.recipients:
                self._till.add(recipient.to)
            self._chunks += 1
            yield chunk

    def unfit(self, max_bad: float) -> str:
        """Why the file is not taken: nobody is left, or too many rows are bad; empty if it is."""
        intake = self._intake
        if not intake.taken:
            return (
                f"{self._order.file} has no row that can be sent; {intake.left_out.total()} were left out, and stand "
                f"in {self._report.file}"
            )
        if intake.bad_share > max_bad:
            return (
                f"{intake.bad} rows of {self._order.file} are bad, {intake.bad_share:.1%} of all; more than "
                f"{max_bad:.1%} are not taken (--max-bad). They stand in {self._report.file}"
            )
        return ""

    def too_late(self, found: Found, now_ms: int) -> str:
        """Why it could not be sent whole, as far as an estimate tells; empty if it can."""
        expires_ms, start_ms = self._order.terms.expires_ms, self._order.terms.start_ms
        if 0 < start_ms < now_ms:
            return f"it was to begin at {moment(start_ms)}, which is over; without --at it begins at once"
        if expires_ms and expires_ms <= now_ms:
            return "the campaign has expired already"
        if found.finish_ms > now_ms + KEPT_MS:
            days = topics.CAMPAIGNS_CHUNKS.retention_ms // topics.DAY_MS
            return (
                f"it would be through in {(found.finish_ms - now_ms) // topics.DAY_MS} days, and Kafka keeps "
                f"recipients for {days}: take more lines, cut the file, or submit it later"
            )
        return ""

    def full(self, states: dict[str, LineState]) -> str:
        """Why a line has no room for its part; empty where all have."""
        limit = backlog_limit(self._order)
        for line in self._order.lines if limit else ():
            reason = _full(line, backlog(states.get(line.did)), self._dealer.dealt[line.did], limit)
            if reason:
                return reason
        return ""

    def found(self, states: dict[str, LineState], now_ms: int) -> Found:
        """Everything that was counted, and when it would be through."""
        order, intake, cost = self._order, self._intake, self._till.cost
        return Found(
            campaign=order.campaign,
            total=intake.taken,
            lines=self._dealer.dealt,
            calls=self._dealer.calls,
            left_out=dict(intake.left_out),
            bad=intake.bad,
            countries={country(code): count for code, count in intake.countries.most_common()},
            currency=cost.currency,
            cost=cost.amount,
            without_price=cost.unknown,
            rejected=str(self._report.file),
            finish_ms=self._finish_ms(states, now_ms),
            chunks=self._chunks,
            held=self._held(states),
        )

    def _held(self, states: dict[str, LineState]) -> dict[str, list[str]]:
        template = f"{self._order.template.name}/{self._order.template.language}"
        held = {did: holds(states.get(did), template) for did in self._order.dids}
        return {did: by for did, by in held.items() if by}

    @property
    def cost(self) -> Cost:
        return self._till.cost

    def _finish_ms(self, states: dict[str, LineState], now_ms: int) -> int:
        terms, intake = self._order.terms, self._intake
        loads = [
            Load(
                did=line.did,
                rate=line.rate,
                ahead=backlog(states.get(line.did)),
                own=self._dealer.dealt[line.did],
                spread=self._spread(line),
            )
            for line in self._order.lines
        ]
        begin_ms = max(now_ms, terms.start_ms)
        capped_ms = begin_ms + topics.DAY_MS * days_capped(intake.taken, self._order.tenant.limits.get("paid_per_day"))
        return max(finish_ms(loads, begin_ms, terms.canary, terms.ramp), capped_ms)

    def _spread(self, line: Line) -> list[Group]:
        """The file's people by the hours at which the line may send to them; few of many are counted to the most."""
        terms, by_window = Terms(self._order.tenant, line), Counter[Window | None]()
        for there, count in self._intake.zones.most_common():
            by_window[terms.window(self._intake.example[there])] += count
        groups = [Group(window, count) for window, count in by_window.most_common(SPREAD_MAX)]
        few = by_window.total() - sum(group.people for group in groups)
        return [groups[0]._replace(people=groups[0].people + few), *groups[1:]] if groups else []


def backlog_limit(order: Order) -> int:
    """How much may wait on a line of the tenant (`limits: {backlog: …}`); 0: as much as comes."""
    limit = order.tenant.limits.get("backlog", 0)
    return limit if isinstance(limit, int) else 0


def _full(line: Line, waiting: int, own: int, limit: int) -> str:
    seconds = room_in_s(waiting, own, limit, line.rate)
    if seconds == 0:
        return ""
    more = f", and {own} more are" if own else ","
    full = f"on line {line.did} wait {waiting}{more} beyond its limit of {limit}"
    if seconds is None:
        return f"{full}; that is never room for so many: take more lines, or cut the file"
    return f"{full}; there is room in about {max(round(seconds / 60), 1)} min"


def learn_optouts(settings: KafkaSettings, order: Order, people: People) -> None:
    """Who has opted out on the order's lines, as far as Kafka says now."""
    wanted = places(settings, _OPTOUTS.name, order.dids)
    covered = partial(covers, category=order.template.category, otp=order.tenant.optout.get("otp") is True)
    take_optouts(scan_partitions(settings, wanted), frozenset(order.dids), covered, people)


def take_optouts(
    messages: Iterable[Message], dids: frozenset[str], covered: Callable[[Optout], bool], people: People
) -> None:
    """Records of `optouts`. Whose cannot be read has opted out."""
    decoder = _OPTOUTS.decoder()
    for message in messages:
        did, _, contact = (message.key() or b"").decode("utf-8", "replace").partition(keys.SEPARATOR)
        if did not in dids:
            continue
        value = message.value()
        try:
            out = value is not None and covered(decoder.decode(value))
        except RecordError:
            out = True
        people.opt_out(did, contact, out)
