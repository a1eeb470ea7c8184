"""Batching: single templates gathered into calls by what a call must share. Pure, over explicit seconds.

A pile is due when it is full or when its oldest item has waited for the linger of its class, whichever comes first;
then it goes whole, up to the line's `batch_max`. A batch that was not sent keeps together when it is tried again; the
halves of one that was refused keep apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.item import Item
from schemas.chattigo.hsm import BatchKey
from schemas.journal import BatchPart
from schemas.outbound import SendClass

LINGER_S: dict[SendClass, float] = {"reply": 0, "otp": 0, "utility": 0.25, "marketing": 2}


class PileKey(NamedTuple):
    """What one call shares: Chattigo's batch key (None: the route takes one message a call), and our own."""

    batch: BatchKey | None
    send_class: SendClass
    campaign: str
    attempt: int
    retry_of: str
    resend_of: str
    part: BatchPart | None
    failed: str

    @classmethod
    def of(cls, item: Item, batch: BatchKey | None) -> PileKey:
        own = item.attempt, item.retry_of, item.resend_of, item.part, item.failed
        return cls(batch, item.message.send_class, item.campaign, *own)


@dataclass(slots=True)
class Pile:
    """Items of one key, oldest first, and when the oldest will have waited long enough."""

    due_s: float
    items: deque[Item] = field(default_factory=deque)


class Batcher:
    """The single templates that wait on one line."""

    def __init__(self) -> None:
        self._piles: dict[PileKey, Pile] = {}
        self.waiting = 0

    def add(self, key: PileKey, item: Item, now_s: float) -> None:
        """An item waits; what is tried again has waited already, but failures are told one by one."""
        due = now_s + (0 if item.retry_of and not item.failed else LINGER_S[key.send_class])
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = Pile(due)
        pile.due_s = min(pile.due_s, due)
        pile.items.append(item)
        self.waiting += 1

    def peek(self, now_s: float, batch_max: int, paused: Container[str] = ()) -> PileKey | None:
        """The pile that goes next: due or full, the one due first, none of a paused campaign."""
        ripe = [
            (pile.due_s, key)
            for key, pile in self._piles.items()
            if (pile.due_s <= now_s or len(pile.items) >= batch_max) and key.campaign not in paused
        ]
        return min(ripe, key=lambda pair: pair[0])[1] if ripe else None

    def take(self, key: PileKey, batch_max: int) -> list[Item]:
        """Up to `batch_max` items of a pile (one, where the route takes one a call)."""
        pile = self._piles[key]
        count = min(len(pile.items), batch_max if key.batch else 1)
        items = [pile.items.popleft() for _ in range(count)]
        self.waiting -= count
        if not pile.items:
            del self._piles[key]
        return items

    def due_at(self, paused: Container[str] = ()) -> float:
        """When the first pile is due that may go; infinity when nothing waits."""
        return min((p.due_s for key, p in self._piles.items() if key.campaign not in paused), default=float("inf"))

    def holds(self, campaign: str) -> bool:
        """Whether recipients of a campaign wait for another attempt."""
        return any(key.campaign == campaign for key in self._piles)
