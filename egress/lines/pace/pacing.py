"""Pacing: how fast a line may send, and how fast to one person. Pure, over explicit seconds.

Bulk has a bucket of its own (the line's rate minus a reserve) that may go into debt by one batch, and is then paid
back before the next. Replies never wait for that: up to the line's whole rate they draw on the reserve, else on bulk's
account, which pays for them later. Over any time replies are at most rate x time + one second's worth, and bulk goes
only when all that went before is within the rate.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_EPSILON = 1e-9
PAIR_MAX_S = 3600.0


@dataclass(slots=True)
class Bucket:
    """Tokens that grow by `rate` a second up to `cap`; `level` may be negative: a debt."""

    rate: float
    cap: float
    level: float
    at_s: float

    @classmethod
    def full(cls, rate: float, now_s: float, cap: float | None = None) -> Bucket:
        cap = max(1.0, rate if cap is None else cap)
        return cls(rate, cap, cap, now_s)

    def refill(self, now_s: float) -> None:
        if now_s > self.at_s:
            self.level = min(self.cap, self.level + (now_s - self.at_s) * self.rate)
            self.at_s = now_s

    def ready_at(self) -> float:
        """When there will be one token, as of the last refill."""
        if self.level >= 1 - _EPSILON:
            return self.at_s
        return self.at_s + (1 - self.level) / self.rate if self.rate > 0 else float("inf")


class Pacer:
    """The pace of one line, in messages a second. `reserve` is cut to half of the rate if it is more."""

    def __init__(self, rate: float, reserve: float, now_s: float) -> None:
        reserve = min(reserve, rate / 2)
        self._bulk = Bucket.full(rate - reserve, now_s)
        self._reserve = Bucket.full(reserve, now_s)
        self._replies = Bucket.full(rate, now_s)
        self._bulk_held = self._replies_held = now_s
        self.rate = rate

    def rerate(self, rate: float, reserve: float, now_s: float) -> None:
        """A new rate; debts stay."""
        self._refill(now_s)
        reserve = min(reserve, rate / 2)
        for bucket, new in ((self._bulk, rate - reserve), (self._reserve, reserve), (self._replies, rate)):
            bucket.rate, bucket.cap = new, max(1.0, new)
            bucket.level = min(bucket.level, bucket.cap)
        self.rate = rate

    def hold(self, until_s: float, *, replies: bool) -> None:
        """No reply (or no bulk) goes before this moment: Chattigo asked for a pause, or cannot be reached."""
        if replies:
            self._replies_held = max(self._replies_held, until_s)
        else:
            self._bulk_held = max(self._bulk_held, until_s)

    def take_bulk(self, count: int, now_s: float) -> bool:
        """Grants a call to `count` recipients unless bulk is in debt."""
        self._refill(now_s)
        if now_s < self._bulk_held or self._bulk.level < 1 - _EPSILON:
            return False
        self._bulk.level -= count
        return True

    def take_reply(self, now_s: float) -> bool:
        """Grants one reply: the reserve pays, else bulk does, now or later."""
        self._refill(now_s)
        if now_s < self._replies_held or self._replies.level < 1 - _EPSILON:
            return False
        self._replies.level -= 1
        payer = self._reserve if self._reserve.level >= 1 - _EPSILON else self._bulk
        payer.level -= 1
        return True

    def replies_now(self, now_s: float) -> int:
        """How many replies could go now."""
        self._refill(now_s)
        return 0 if now_s < self._replies_held else max(0, int(self._replies.level + _EPSILON))

    def take_urgent(self, count: int, now_s: float) -> bool:
        """Grants a call to `count` recipients who are not to wait for bulk's debt: each is paid for like a reply."""
        if count > self.replies_now(now_s):
            return False
        return all(self.take_reply(now_s) for _ in range(count))

    def bulk_at(self, now_s: float) -> float:
        """When the next bulk call can be granted."""
        self._refill(now_s)
        return max(self._bulk_held, self._bulk.ready_at())

    def reply_at(self, now_s: float) -> float:
        """When the next reply can be granted."""
        self._refill(now_s)
        return max(self._replies_held, self._replies.ready_at())

    def _refill(self, now_s: float) -> None:
        for bucket in (self._bulk, self._reserve, self._replies):
            bucket.refill(now_s)


class PairLimit:
    """One message to one person in `interval_s`, after a burst of `burst` (Chattigo's facts, section 9.1).

    Kept as the time at which a person's burst will be whole again; people whose burst is whole are forgotten. Where
    WhatsApp says that it was too fast all the same, the burst is spent, and nothing goes for 4, 16, 64 s and so on.
    """

    _PRUNE_EVERY = 10_000

    def __init__(self, interval_s: float, burst: int) -> None:
        self._interval = interval_s
        self._slack = interval_s * (burst - 1)
        self._whole_at: dict[str, float] = {}
        self._until_prune = self._PRUNE_EVERY
        self._slowed: dict[str, tuple[int, float]] = {}

    def ready_at(self, contact: str) -> float:
        """When the next message to this person may go; in the past when now."""
        whole = self._whole_at.get(contact)
        return float("-inf") if whole is None else whole - self._slack - _EPSILON

    def too_fast(self, contact: str, now_s: float) -> None:
        """WhatsApp said so (131056). While it is heeded, more of the same is no news."""
        times, until_s = self._slowed.get(contact, (0, 0.0))
        if now_s < until_s:
            return
        if now_s >= self._whole_at.get(contact, now_s):
            times = 0
        until_s = now_s + min(PAIR_MAX_S, 4.0 ** (times + 1))
        self._slowed[contact] = times + 1, until_s
        self._whole_at[contact] = max(self._whole_at.get(contact, now_s), until_s + self._slack)

    @property
    def slows(self) -> bool:
        """Whether there is anybody to whom it was too fast lately."""
        return bool(self._slowed)

    def slowed_until(self, contact: str) -> float:
        """Until when nothing may go to this person at all; in the past for everybody else."""
        return self._slowed[contact][1] if contact in self._slowed else float("-inf")

    def take(self, contact: str, now_s: float) -> None:
        """A message goes to this person."""
        self.take_all((contact,), now_s)

    def take_all(self, contacts: Sequence[str], now_s: float) -> None:
        """A message goes to each of them."""
        whole_at, interval = self._whole_at, self._interval
        whole_s = now_s + interval
        for contact in contacts:
            known_s = whole_at.setdefault(contact, whole_s)
            if known_s is not whole_s:
                whole_at[contact] = max(known_s, now_s) + interval
        self._until_prune -= len(contacts)
        if self._until_prune <= 0:
            self._whole_at = {c: t for c, t in self._whole_at.items() if t > now_s}
            self._slowed = {c: slowed for c, slowed in self._slowed.items() if c in self._whole_at}
            self._until_prune = max(self._PRUNE_EVERY, len(self._whole_at))
