"""Batching: single templates gathered into calls by what a call must share. Pure, over explicit seconds.

A pile is due when it is full or when its oldest item has waited for the linger of its class, whichever comes first;
then it goes whole, up to the line's `batch_max`. While a backlog is read, a pile that still grows waits longer, for
`GROWS_S` after its newest item and `GROWN_S` in all: a call costs the same for one as for a thousand. A batch that was
not sent keeps together when it is tried again; the halves of one that was refused keep apart.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.item import Item
from schemas.chattigo.hsm import BatchKey
from schemas.journal import BatchPart
from schemas.outbound import SendClass

LINGER_S: dict[SendClass, float] = {"reply": 0, "otp": 0, "utility": 0.25, "marketing": 2}
GROWS_S, GROWN_S = 2.0, 4.0


class PileKey(NamedTuple):
    """What one call shares: Chattigo's batch key (None: the route takes one message a call), and our own."""

    batch: BatchKey | None
    send_class: SendClass
    campaign: str
    attempt: int
    retry_of: str
    resend_of: str
    replay: str
    part: BatchPart | None
    failed: str

    @classmethod
    def of(cls, item: Item, batch: BatchKey | None) -> PileKey:
        own = item.attempt, item.retry_of, item.resend_of, item.replay, item.part, item.failed
        return cls(batch, item.message.send_class, item.campaign, *own)


@dataclass(slots=True)
class Pile:
    """Items of one key, oldest first, and when they go: `linger_s` is when the oldest has waited for its linger."""

    due_s: float
    linger_s: float
    items: deque[Item] = field(default_factory=deque)


class Batcher:
    """The single templates that wait on one line."""

    def __init__(self) -> None:
        self._piles: dict[PileKey, Pile] = {}
        self._stretched = False
        self.waiting = 0

    def __iter__(self) -> Iterator[Item]:
        return (item for pile in self._piles.values() for item in pile.items)

    def add(self, key: PileKey, item: Item, now_s: float, *, more: bool = False) -> None:
        """An item waits; what is tried again has waited already, unless it failed later or was just put back.

        `more` says that more is there to be read at once.
        """
        waited = item.retry_of and not item.failed and not item.pending
        linger = 0 if waited else LINGER_S[key.send_class]
        due = now_s + linger
        pile = self._piles.get(key)
        if pile is None:
            pile = self._piles[key] = Pile(due, due)
        pile.linger_s = min(pile.linger_s, due)
        if more and linger:
            pile.due_s = max(pile.due_s, min(now_s + GROWS_S, pile.linger_s + GROWN_S))
            self._stretched = True
        else:
            pile.due_s = min(pile.due_s, due)
        pile.items.append(item)
        self.waiting += 1

    def hurry(self) -> None:
        """There is no room to grow: every pile is due as soon as its linger is over."""
        if self._stretched:
            self._stretched = False
            for pile in self._piles.values():
                pile.due_s = min(pile.due_s, pile.linger_s)

    def peek(
        self,
        now_s: float,
        batch_max: int,
        paused: Container[str] = (),
        may: Callable[[Item], bool] = lambda first: True,
    ) -> PileKey | None:
        """The pile that goes next: due or full, the one due first, none of a paused campaign.

        `may` is asked of a pile's first item.
        """
        ripe = [
            (pile.due_s, key)
            for key, pile in self._piles.items()
            if (pile.due_s <= now_s or len(pile.items) >= batch_max) and key.campaign not in paused
        ]
        in_turn = (key for _, key in sorted(ripe, key=lambda pair: pair[0]))
        return next((key for key in in_turn if may(self._piles[key].items[0])), None)

    def take(self, key: PileKey, batch_max: int) -> list[Item]:
        """Up to `batch_max` items of a pile (one, where the route takes one a call)."""
        pile = self._piles[key]
        count = min(len(pile.items), batch_max if key.batch else 1)
        items = [pile.items.popleft() for _ in range(count)]
        self.waiting -= count
        if not pile.items:
            del self._piles[key]
        elif not key.retry_of:
            # What is left has waited for as long as its own oldest.
            pile.linger_s = max(pile.linger_s, pile.items[0].since_s + LINGER_S[key.send_class])
            pile.due_s = max(pile.due_s, pile.linger_s)
        return items

    def take_one(self, key: PileKey, now_s: float) -> list[Item]:
        """One item of a pile, whose rest then comes behind all that is due now: probes must not all be of one kind."""
        items = self.take(key, 1)
        if key in self._piles:
            self._piles[key].due_s = now_s
        return items

    def due_at(
        self, paused: Container[str] = (), opens_at: Callable[[Item], float] = lambda first: float("-inf")
    ) -> float:
        """When the first pile is due that may go, which `opens_at` tells of its first item; infinity for none."""
        piles = (pile for key, pile in self._piles.items() if key.campaign not in paused)
        return min((max(pile.due_s, opens_at(pile.items[0])) for pile in piles), default=float("inf"))

    def weed(self, shut: Callable[[Item], bool], over: Callable[[Item], bool]) -> list[Item]:
        """Takes out what is over before it could go, of piles that are shut (asked of the first item)."""
        weeds: list[Item] = []
        for key, pile in list(self._piles.items()):
            if not shut(pile.items[0]):
                continue
            found = [item for item in pile.items if over(item)]
            if found:
                weeds += found
                pile.items = deque(item for item in pile.items if not over(item))
            if not pile.items:
                del self._piles[key]
        self.waiting -= len(weeds)
        return weeds

    def holds(self, campaign: str) -> bool:
        """Whether recipients of a campaign wait for another attempt."""
        return any(key.campaign == campaign for key in self._piles)
