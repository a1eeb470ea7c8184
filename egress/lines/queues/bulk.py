"""Bulk: what of a line's templates and campaigns goes next, when pace and account allow it. Pure, over explicit time.

Campaigns and single messages of one template and class take turns, by recipients (`turns`). One-time passwords go first
and are paid for like replies: they never wait for bulk's debt. A call to an account that is to be probed has one
recipient. Leaves to the line: what may go at all, its plan, and replies.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from egress.lines.campaigns import deferred, stages
from egress.lines.campaigns.campaign import Campaign
from egress.lines.campaigns.recipients import Rows, next_of, take
from egress.lines.gate import asking, holds, routes
from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.queues.batching import PileKey
from egress.lines.queues.turns import Turns
from egress.lines.work import Work
from schemas.parked import Flow

if TYPE_CHECKING:
    from egress.lines.line import Line

WEED_S = 1.0
# A campaign of which so many batches are refused and searched, or told "not now", plans no more until some are through.
AGAIN_BATCHES = 2


class Bulk:
    """Of one line. `still` are those in memory whose campaign is paused: they wait there for a person, and take no
    other's room."""

    def __init__(self, line: Line, now: Now) -> None:
        self._line = line
        self._turns: Turns[Flow] = Turns()
        self._again: set[Flow] = set()  # campaigns whose last call was another attempt
        self._weeded_s = now.s
        self.still = 0

    def grant(self, now: Now, room: int, work: Work) -> int:
        """Puts into the work the calls that may go now, at most `room`; returns how many."""
        holds.tell(self._line, now)
        granted = self._urgent(now, room, work)
        while granted < room and not self._line.stance.stops.bulk and self._line.pacer.bulk_at(now.s) <= now.s:
            call = self._next(now, work)
            if call is None:
                break
            granted += call
        return granted

    def _urgent(self, now: Now, room: int, work: Work) -> int:
        granted = 0
        while granted < room and (most := self._line.pacer.replies_now(now.s)):
            ripe = [key for key in self._ripe(now) if key.urgent]
            by_flow = {key.flow: key for key in reversed(ripe)}
            key = next((by_flow[f] for f in self._turns.order(by_flow) if self._may(by_flow[f], now)), None)
            if key is None:
                break
            granted += self._pile(key, now, min(most, self._line.batch_max), work)
        return granted

    def _next(self, now: Now, work: Work) -> int | None:
        """One call of whoever had least; None when nobody has one."""
        flows: dict[Flow, list[PileKey | Campaign]] = {}
        for key in self._ripe(now):
            if not key.urgent:
                flows.setdefault(key.flow, []).append(key)
        for campaign in self._line.campaigns.able(now.wall_ms):
            flow = Flow(campaign.name)
            fresh_first = flow in self._again  # a campaign's new recipients and its other attempts alternate
            waiting = flows.setdefault(flow, [])
            waiting.insert(0 if fresh_first else len(waiting), campaign)
        for flow in self._turns.order(flows):
            for one in flows[flow]:
                if isinstance(one, Campaign):
                    if self._runs_at(one, now) <= now.s:
                        return self._slice(one, now, work)
                elif self._may(one, now):
                    return self._pile(one, now, self._line.batch_max, work)
        return None

    def _ripe(self, now: Now) -> list[PileKey]:
        if not self._line.batcher.waiting:
            return []
        ripe = self._line.batcher.ripe(now.s, self._line.batch_max, self._line.campaigns.held(now.wall_ms))
        return [key for key in ripe if key.urgent] if self._line.stance.stops.bulk else ripe

    def _may(self, key: PileKey, now: Now) -> bool:
        return self._opens_at(self._line.batcher.first(key)) <= now.s

    def _pile(self, key: PileKey, now: Now, count: int, work: Work) -> int:
        if key.batch is not None and self._line.turnstile.probing(key.batch.account):
            items = self._line.batcher.take_one(key, now.s)
        else:
            items = self._line.batcher.take(key, count)
        self._turns.took(key.flow, len(items))
        if key.campaign:
            self._again.add(key.flow)
        return self._items(self._unslowed(items, now), now, work, urgent=key.urgent)

    def _unslowed(self, items: list[Item], now: Now) -> list[Item]:
        """Those whose person may get something now; for the others it is too fast, and they wait."""
        if not self._line.pairs.slows:
            return items
        ready = []
        for item in items:
            item.wake_s = self._line.pairs.slowed_until(item.contact)
            if item.wake_s > now.s:
                self._line.enqueue(item, now)
            else:
                ready.append(item)
        return ready

    def _slice(self, campaign: Campaign, now: Now, work: Work) -> int:
        line = self._line
        taken = take(campaign, self._slice_max(campaign, now), now.s)
        fresh = taken
        if line.book.knows_any(taken.ids):
            fresh = taken.at([at for at, name in enumerate(taken.ids) if not line.book.knows(name)])
        before, waited = sum(len(g.items) for g in work.grants), campaign.waiting
        granted = self._items(fresh, now, work)
        self._turns.took(Flow(campaign.name), len(taken))
        self._again.discard(Flow(campaign.name))
        if not deferred.settle(line, campaign, len(taken), now, work):
            return 0
        planned = sum(len(g.items) for g in work.grants) - before
        refused = len(fresh) - planned - (campaign.waiting - waited)
        campaign.step_over(len(taken), planned + len(taken) - len(fresh), refused)
        stages.paid(campaign, planned, line.pacer.rate, now.wall_ms)
        return granted

    def _slice_max(self, campaign: Campaign, now: Now) -> int:
        """A whole call's recipients, or one where the line has no batch route or its account is to be probed."""
        chosen = self._line.channel(next_of(campaign))
        if chosen is None or (chosen.route == "batch" and not self._line.turnstile.probing(chosen.account.key)):
            return campaign.at_most(min(self._line.batch_max, holds.room(self._line, campaign, now)))
        return 1

    def _opens_at(self, item: Item) -> float:
        """When the account of a message may begin a call; in the past for one that the gate refuses anyhow."""
        chosen = self._line.channel(item)
        return self._line.turnstile.opens_at(chosen.account.key) if chosen is not None else float("-inf")

    def _runs_at(self, campaign: Campaign, now: Now) -> float:
        """When a campaign's next call may begin; not while too many of it wait for another attempt."""
        if self._line.batcher.tried_again(campaign.name) >= AGAIN_BATCHES * self._line.batch_max:
            return float("inf")
        hold = holds.of(self._line, campaign, now)
        return max(self._opens_at(next_of(campaign)), now.at_ms(hold.until_ms) if hold else float("-inf"))

    def weed(self, now: Now, work: Work) -> None:
        """Of the bulk that waits for its account, what is over is refused when it is, not when the account is back; of
        what waits for its campaign, what can be parked is.

        Looked at once a second: the owner's cycle turns at least as often.
        """
        if now.s < self._weeded_s + WEED_S or not (self._line.batcher.waiting or self.still):
            return
        self._weeded_s = now.s
        held = self._line.campaigns.held(now.wall_ms)
        deferred.send_back(self._line, held, now, work)
        self.still = self._line.batcher.of(held)

        def over(item: Item) -> bool:
            expired = 0 < item.message.expires_ms <= now.wall_ms
            return expired or self._line.campaigns.cancelled(item.campaign)

        for item in self._line.batcher.weed(lambda first: self._opens_at(first) > now.s, over):
            self._line.judged(item, now, work)

    def _items(self, items: Sequence[Item], now: Now, work: Work, *, urgent: bool = False) -> int:
        if not isinstance(items, Rows):
            items = list({item.id: item for item in items}.values())
        passed, channel = self._passed(items, now, work) if items else (items, None)
        if channel is None or not passed:
            return 0
        granted = sum(self._line.plan(call, channel, now, work) for call in routes.calls(channel, passed))
        if granted:
            (self._line.pacer.take_urgent if urgent else self._line.pacer.take_bulk)(len(passed), now.s)
        return granted

    def _passed(self, items: Sequence[Item], now: Now, work: Work) -> tuple[Sequence[Item], routes.Channel | None]:
        """Those that may go, by one channel. The others are refused, or put off."""
        clear = asking.clear(self._line, items, now)
        shared = channel = self._line.channel(items[0]) if any(clear) else None
        chosen: list[int] = []
        for at, goes in enumerate(clear):
            if not goes or shared is None:
                good, found = self._line.judged(items[at], now, work, len(chosen))
                if good is None or found is None:
                    continue
                channel = found
            chosen.append(at)
        if len(chosen) == len(items):
            return items, channel
        return items.at(chosen) if isinstance(items, Rows) else [items[at] for at in chosen], channel

    def goes_at(self, now: Now) -> Iterator[float]:
        """When each that waits may go, on the clock of `Now.s`."""
        batcher, campaigns, pacer = self._line.batcher, self._line.campaigns, self._line.pacer
        bulk_s = float("inf") if self._line.stance.stops.bulk else pacer.bulk_at(now.s)
        yield from (max(bulk_s, self._runs_at(campaign, now)) for campaign in campaigns.able(now.wall_ms))
        if not batcher.waiting:
            return
        full = set(self._ripe(now))
        for key, due_s in batcher.due(campaigns.held(now.wall_ms)):
            pace_s = pacer.reply_at(now.s) if key.urgent else bulk_s
            yield max(pace_s, now.s if key in full else due_s, self._opens_at(batcher.first(key)))
