"""A line: everything that one business number waits to send, and what it sends next. Pure, over explicit time.

Its owner hands in messages, campaigns, opt-outs, commands, receipts and the results of calls, and asks for grants.
Promises: replies to one person strictly one after the other; no message planned twice, except on record; what is not
planned is refused with a reason, or waits, here or parked. Leaves to the partition: offsets, decoding, and where
things come from.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Sequence

import msgspec

from egress.lines.campaigns.recipients import Rows
from egress.lines.campaigns.roster import Campaigns
from egress.lines.gate import asking, gate, routes
from egress.lines.gate.gate import Refusal
from egress.lines.gate.planning import make_grant
from egress.lines.gate.rules import Rules
from egress.lines.item import Item
from egress.lines.memory.book import ENDED, Book
from egress.lines.memory.entry import Entry
from egress.lines.now import Now
from egress.lines.pace.pacing import Pacer, PairLimit
from egress.lines.pace.stance import Stance
from egress.lines.pace.throttle import Aimd, Throttle
from egress.lines.pace.turnstile import Turnstile
from egress.lines.parking.parking import Parking, flow_of
from egress.lines.process.fetching import Fetch
from egress.lines.queues import admission
from egress.lines.queues.batching import Batcher
from egress.lines.queues.bulk import Bulk
from egress.lines.queues.crowd import Crowd
from egress.lines.queues.lanes import Lanes
from egress.lines.queues.replies import Replies
from egress.lines.queues.ways import Ways
from egress.lines.receipts.failures import Failures, failed_with
from egress.lines.receipts.receipts import WaitingRoom
from egress.lines.receipts.wishes import Wishes
from egress.lines.results import replays
from egress.lines.results.bisect import Bisects
from egress.lines.results.overtaken import may_have_arrived, overtaken
from egress.lines.results.silence import Silence
from egress.lines.work import Work, said_of_item, word
from runtime import logs, metrics
from schemas.chattigo.cloud_send import NotOnThisRoute
from schemas.journal import CallOutcome, Plan
from schemas.line_command import DecideDoubt
from schemas.optout import Optout
from schemas.parked import Kind
from schemas.tenant import Line as LineConfig
from schemas.tenant import Tenant

DRAINED = "nothing waits"
# Nothing is said of it: what the receipt says of the earlier attempt stands.
_ARRIVED = Refusal("arrived", "a receipt proves that an earlier attempt was accepted")
_log = logs.get(__name__)


class Line:
    """`finish` tells the partition that records are decided, by topic and offsets; `number` is the partition's."""

    def __init__(
        self, did: str, number: int, rules: Rules, crowd: Crowd, finish: Callable[[str, Sequence[int]], None], now: Now
    ) -> None:
        self.did, self.number, self.rules, self.crowd = did, number, rules, crowd
        self._finish = finish
        self.parkings: dict[Kind, Parking] = {"reply": Parking(), "urgent": Parking(), "bulk": Parking()}
        self.book = Book()
        self.lanes = Lanes()
        self.batcher = Batcher()
        self.campaigns = Campaigns()
        self.paid = rules.ledger.of(did)
        self.receipts = WaitingRoom()
        self.bisects = Bisects()
        self.failures = Failures()
        self.silence = Silence(rules.settings.silence_margin_s)
        self.optouts: dict[str, Optout] = {}
        self.open_plans: dict[str, Entry] = {}
        self.calls = 0
        self.tidied_s = now.s
        self.inherited: dict[str, float] = {}
        self.doubts: dict[str, Entry] = {}
        self.orders: dict[str, DecideDoubt] = {}
        self.left_out: dict[str, Entry] = {}  # plans of whose answers something is to be acted on
        self.dying: list[tuple[Item, str]] = []
        self.fetches: list[Fetch] = []
        self.withheld: list[Item] = []
        self.coming: set[str] = set()
        self.refused_again: dict[str, Refusal] = {}
        self.refused_first: list[tuple[Item, Refusal]] = []
        self._later: list[tuple[float, int, Item]] = []
        self._sequence = itertools.count()
        self._ways = Ways()
        self._owner: tuple[Tenant | None, LineConfig | None] = (None, None)
        self.ids: set[str] = set()  # of messages that wait in memory for their first attempt
        settings = rules.settings
        self.turnstile = Turnstile(rules.accounts, settings, self.lanes)
        self._rate = settings.rate_per_s
        self.throttle = Throttle(Aimd.of(settings))
        self.pacer = Pacer(self.configured_rate, settings.reserve_per_s, now.s)
        self.stance = Stance(lambda: rules.pauses.holding(self.tenant) if len(rules.pauses) else [])
        self.wishes = Wishes()
        self.pairs = PairLimit(settings.pair_interval_s, settings.pair_burst)
        self.replies = Replies(self)
        self.bulk = Bulk(self, now)

    # -- what waits

    @property
    def waiting_replies(self) -> int:
        return self.lanes.waiting

    @property
    def waiting_bulk(self) -> int:
        return self.batcher.waiting + len(self._later)

    @property
    def hungry(self) -> bool:
        """Whether there is something to send, now or later."""
        return bool(self.lanes.waiting or self.waiting_bulk or self.campaigns.unsent)

    def waiting(self, kind: Kind) -> int:
        """How many of a kind wait in memory, or will in a moment."""
        match kind:
            case "reply":
                waiting = self.lanes.waiting
            case "urgent":
                waiting = self.batcher.urgent
            case "bulk":
                waiting = self.waiting_bulk - self.batcher.urgent
        return waiting + self.parkings[kind].coming

    def all_waiting(self) -> dict[str, int]:
        """How many replies and how many templates wait, in memory and parked."""
        of = {kind: self.waiting(kind) + parking.outside for kind, parking in self.parkings.items()}
        return {"reply": of["reply"], "bulk": of["urgent"] + of["bulk"]}

    def in_the_way(self, kind: Kind) -> int:
        """How many of a kind take room that others could have."""
        if kind != "bulk":
            return self.waiting(kind)
        batcher = self.batcher
        here = batcher.waiting - batcher.urgent + len(self._later) - self.bulk.still
        return here + self.parkings["bulk"].coming

    @property
    def all_in_the_way(self) -> int:
        """How many of all kinds do."""
        coming = sum(parking.coming for parking in self.parkings.values())
        return self.lanes.waiting + self.waiting_bulk - self.bulk.still + coming

    def admit(self, item: Item, now: Now, work: Work) -> None:
        """A message that was read."""
        admission.admit(self, item, now, work)

    def finish(self, item: Item) -> None:
        """What becomes of the message is decided for good: the record that brought it need not be kept."""
        if item.pending:
            item.pending = False
            self.parkings[item.kind].let_go(item)
            self._finish(item.source, (item.position,))
        if item.echoing:
            item.echoing = False
            self.parkings[item.kind].echoing -= 1
        item.record = None

    def is_new(self, item: Item) -> bool:
        """Whether the message was never planned or refused, or was given up and put back, and does not wait already."""
        if item.id in self.ids:
            return False
        if item.waited:
            return replays.follows(self.book, item)
        if not item.replay:
            return not self.book.knows(item.id)
        taken_up = replays.take_up(self.book, item)
        if not taken_up:
            _log.info("a message that was put back is a duplicate", message_id=item.id, run=item.replay)
        return taken_up

    def enqueue(self, item: Item, now: Now, *, first: bool = False) -> None:
        """The item waits for its turn; `first` at the head of its lane, for another attempt."""
        if item.reply:
            (self.lanes.put_back if first else self.lanes.add)(item)
        elif item.wake_s > now.s:
            heapq.heappush(self._later, (item.wake_s, next(self._sequence), item))
        else:
            self._pile(item, now)

    def _pile(self, item: Item, now: Now) -> None:
        key = self._ways.pile(item, *self.owner(item))
        more = self.crowd.more(now.s) and not item.ahead and not self._absent(item)
        self.batcher.add(key, item, now.s, more=more)

    def _absent(self, item: Item) -> bool:
        """Whether others of its flow are parked: then those that come later are parked too."""
        parking = self.parkings["bulk"]
        return parking.absent and parking.absent_of(flow_of(item))

    def channel(self, item: Item) -> routes.Channel | None:
        """The channel that a message would take now; None where the gate will say why there is none."""
        tenant, line = self.owner(item)
        chosen = self._ways.channel(item, tenant, line) if tenant and line else None
        return chosen if isinstance(chosen, routes.Channel) else None

    def owner(self, item: Item) -> tuple[Tenant | None, LineConfig | None]:
        owner = self.rules.tenants.owner(self.did)
        if owner is not None and owner.tenant == item.message.tenant:
            if owner is not self._owner[0]:
                self._owner = owner, owner.line(self.did)
            return self._owner
        return self.rules.tenants.tenant(item.message.tenant), None

    def busy(self) -> set[str]:
        """Plans that something in memory answers to: another attempt waits, is fetched, or ends as a dead letter."""
        waiting = itertools.chain(self.lanes, self.batcher, (item for _, _, item in self._later))
        plans = {item.retry_of for item in waiting} | {plan_id for _, plan_id in self.dying}
        plans |= {order.plan.plan_id for order in self.failures.standing()} | set(self.orders) | set(self.left_out)
        return plans | self.coming | {fetch.entry.plan.plan_id for fetch in self.fetches} | set(self.refused_again)

    def learn(self, plan: Plan, outcome: CallOutcome | None) -> None:
        """What is on record of a plan counts for others: for parts of its batch, and for doubts of its time."""
        self.bisects.learn(plan, outcome)
        self.silence.learn(plan, outcome)
        if plan.campaign and outcome is not None and outcome.result == "refused" and outcome.status:
            self.campaigns.hear_all(plan.campaign, plan.messages, outcome.code or str(outcome.status))

    def has_open(self, campaign: str) -> bool:
        """Whether a call of the campaign is open or will be tried again."""
        plans = any(entry.plan.campaign == campaign for entry in self.open_plans.values())
        later = any(item.campaign == campaign for _, _, item in self._later)
        coming = bool(self.fetches or self.coming or self.left_out)
        coming = coming or self.failures.holds(campaign) or self.silence.holds(campaign)
        return plans or later or coming or self.batcher.holds(campaign) or bool(self.dying)

    # -- what goes

    def grant(self, now: Now, room: int, work: Work) -> int:
        """Puts into the work what may go now, at most `room` calls; returns how many. Refusals are free."""
        self._rerate(now)
        while self._later and self._later[0][0] <= now.s:
            self._pile(heapq.heappop(self._later)[2], now)
        if self.stance.still:
            return 0
        self.bulk.weed(now, work)
        room = min(room, self.rules.settings.line_parallel - self.calls)
        granted = self.replies.grant(now, room, work)
        granted += self.bulk.grant(now, room - granted, work)
        self.calls += granted
        return granted

    def _rerate(self, now: Now) -> None:
        rate = self.configured_rate * self.throttle.share(now.s)
        if rate != self.pacer.rate:
            self.pacer.rerate(rate, self.rules.settings.reserve_per_s, now.s)

    @property
    def configured_rate(self) -> float:
        """Messages a second that the tenant's record allows, or allowed as long as it named the line."""
        config = self.rules.tenants.line(self.did)
        self._rate = config.rate if config is not None else self._rate
        return self._rate

    @property
    def tenant(self) -> str:
        """Whose line it is now; empty when nobody has it."""
        owner = self.rules.tenants.owner(self.did)
        return owner.tenant if owner is not None else ""

    @property
    def batch_max(self) -> int:
        config = self.rules.tenants.line(self.did)
        limit = self.rules.settings.batch_max
        return max(1, min(config.batch_max, limit)) if config else limit

    def judged(self, item: Item, now: Now, work: Work, ahead: int = 0) -> tuple[Item | None, routes.Channel | None]:
        """The item if it may go, perhaps as its fallback, and its channel; else it is refused or put off. `ahead` are
        those that go before it in the same call."""
        if item.retry_of and overtaken(self, item):
            self.ids.discard(item.id)
            self.finish(item)
            return None, None
        if item.retry_of and replays.arrived(self.book, item):
            self.refuse(item, _ARRIVED, work)
            return None, None
        if item.campaign and self.campaigns.cancelled(item.campaign):
            self.refuse(item, Refusal("campaign_cancelled", "the campaign was cancelled before this attempt"), work)
            return None, None
        over = self.bisects.over(item.part, self.rules.settings.bisect_calls) if item.part else None
        if over is not None:
            self.refuse(item, over, work)
            return None, None
        tenant, line = self.owner(item)
        refusal = gate.at_admission(item.message, tenant, line)
        if refusal is not None or tenant is None or line is None:
            self.refuse(item, refusal or Refusal("line_unknown", DRAINED), work)
            return None, None
        verdict = gate.judge(asking.question(self, item, tenant, line, now, ahead))
        if isinstance(verdict, gate.Fallback):
            item.message = msgspec.structs.replace(item.message, content=verdict.template, fallback=None)
            verdict = gate.judge(asking.question(self, item, tenant, line, now, ahead))
        if isinstance(verdict, gate.Wait):
            admission.put_off(self, item, verdict, now, work)
            return None, None
        channel = self._ways.channel(item, tenant, line) if verdict is None else verdict
        if not isinstance(channel, routes.Channel):
            self.refuse(item, channel if isinstance(channel, Refusal) else Refusal("window_closed", DRAINED), work)
            return None, None
        return item, channel

    def plan(self, items: Sequence[Item], channel: routes.Channel, now: Now, work: Work) -> int:
        """Plans one call for items that may go; 0 if the account's service has no form for them."""
        try:
            grant = make_grant(self.number, items, channel, now, self.rules.settings)
        except NotOnThisRoute as error:
            for item in items:
                self.refuse(item, Refusal("not_on_this_route", str(error)), work)
            return 0
        work.grant(grant)
        asking.pay(self, grant.items, now)
        self.rules.accounts.began(grant.plan.account, grant.plan.plan_id)
        self.count(grant.items[0], "planned", len(items))
        entry = self.book.add(grant.plan)
        self.open_plans[grant.plan.plan_id] = entry
        self.pairs.take_all([message.contact for message in grant.plan.messages], now.s)
        self.ids.difference_update([message.id for message in grant.plan.messages])
        if not isinstance(items, Rows):
            self._planned(items)
        return 1

    def _planned(self, items: Sequence[Item]) -> None:
        """Messages are in a plan: their inputs are done with, all of one topic at once."""
        done: dict[str, list[int]] = {}
        for item in items:
            if item.retry_of:
                self.failures.close(item.retry_of, item.id)
            if item.campaign:
                self.campaigns.decided(item, planned=True)
            if item.pending:
                item.pending = False
                self.parkings[item.kind].let_go(item)
                done.setdefault(item.source, []).append(item.position)
            if item.echoing:
                self.finish(item)
            item.record = None
        for source, positions in done.items():
            self._finish(source, positions)

    def refuse(self, item: Item, refusal: Refusal, work: Work) -> None:
        """The message is not sent, and why. A resend that may not go leaves its doubt as it is; of one whose earlier
        attempt arrived nothing more is said."""
        self.ids.discard(item.id)
        if item.pending or item.echoing:
            self.refused_first.append((item, refusal))
        before = self.book.plan(item.retry_of)
        if failed_with(item.resend_why):
            self.end_order(item.retry_of, item.id, item.message.tenant, work)
        elif before is not None:
            before.ended = (before.ended or set()) | {item.id}
            self.refused_again[item.retry_of] = refusal
        if refusal is not _ARRIVED and not may_have_arrived(item, before):
            said = said_of_item(self.number, item, refusal.state, refusal.code, refusal.reason)
            work.say(said, item.id, item.contact)
            self.count(item, "expired" if refusal.state == "expired" else "refused")
            reason = refusal.counted or refusal.code
            metrics.counter(metrics.EGRESS_REFUSALS).labels(tenant=item.message.tenant, reason=reason).inc()
            if item.part is not None or item.failed:
                self.campaigns.hear(item.campaign, *item.place, item.failed or refusal.code)
        self.campaigns.decided(item, planned=False)
        self.finish(item)

    def end_order(self, plan_id: str, message_id: str, tenant: str, work: Work) -> None:
        """A message that failed is not sent again, and no later owner does it."""
        if self.failures.close(plan_id, message_id):
            work.journal(self.number, tenant, word(self.did, plan_id, message_id, ENDED, work.at_ms))

    def count(self, item: Item, outcome: str, number: int = 1) -> None:
        counted = metrics.counter(metrics.EGRESS_MESSAGES)
        labels = {"tenant": item.message.tenant, "message_class": item.message.send_class, "outcome": outcome}
        counted.labels(**labels).inc(number)

    def next_at(self, now: Now) -> float:
        """When there may be something to do again that nothing will announce; on the clock of `Now.s`."""
        times = [self.receipts.next_at(now.s), self._later[0][0] if self._later else float("inf")]
        times += [min(self.inherited.values(), default=float("inf")), self.failures.next_at(), self.silence.next_at()]
        if not self.stance.still and self.calls < self.rules.settings.line_parallel:
            times += self._sends_at(now)
        wakes = self.campaigns.wakes_at(now.wall_ms)
        return min(times + ([now.at_ms(wakes)] if wakes is not None else []))

    def _sends_at(self, now: Now) -> list[float]:
        replies_s = self.pacer.reply_at(now.s)
        times = [self.lanes.next_at(), max(replies_s, self.turnstile.next_at())]
        if self.lanes.ready(now.s):
            times.append(replies_s)
        return times + list(self.bulk.goes_at(now))
