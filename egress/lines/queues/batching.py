"""Batching: single templates gathered into calls by what a call must share. Pure, over explicit seconds.

A pile is due when it is full or when its oldest item has waited for the linger of its class, whichever comes first;
then it goes whole, up to the line's `batch_max`. While a backlog is read, a pile that still grows waits longer, for
`GROWS_S` after its newest item and `GROWN_S` in all: a call costs the same for one as for a thousand. A batch that was
not sent keeps together when it is tried again; the halves of one that was refused keep apart. One-time passwords go
one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.item import Item
from schemas import topics
from schemas.chattigo.hsm import BatchKey
from schemas.journal import BatchPart
from schemas.outbound import SendClass
from schemas.parked import Flow
from schemas.session import Template

LINGER_S: dict[SendClass, float] = {"reply": 0, "otp": 0, "utility": 0.25, "marketing": 2}
GROWS_S, GROWN_S = 2.0, 4.0
PARKED = topics.OUTBOUND_PARKED.name


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
    template: str = ""
    language: str = ""

    @classmethod
    def of(cls, item: Item, batch: BatchKey | None) -> PileKey:
        own = item.attempt, item.retry_of, item.resend_of, item.replay, item.part, item.failed
        content = item.message.content
        template = (content.name, content.language) if isinstance(content, Template) else ()
        return cls(batch, item.message.send_class, item.campaign, *own, *template)

    @property
    def flow(self) -> Flow:
        """The pile takes turns with others as this."""
        return Flow(self.campaign) if self.campaign else Flow("", self.send_class, self.template, self.language)

    @property
    def urgent(self) -> bool:
        """A one-time password goes before bulk, and does not wait for bulk's debt."""
        return self.send_class == "otp" and not self.campaign


@dataclass(slots=True)
class Pile:
    """Items of one key, oldest first, and when they go: `linger_s` is when the oldest has waited for its linger."""

    due_s: float
    linger_s: float
    items: deque[Item] = field(default_factory=deque)


class Batcher:
    """The single templates that wait on one line; `urgent` ones are among those `waiting`."""

    def __init__(self) -> None:
        self._piles: dict[PileKey, Pile] = {}
        self._stretched = False
        self.waiting = self.urgent = 0

    def __iter__(self) -> Iterator[Item]:
        return (item for pile in self._piles.values() for item in pile.items)

    def add(self, key: PileKey, item: Item, now_s: float, *, more: bool = False) -> None:
        """An item waits; what is tried again has waited already, unless it failed later or was just put back, and so
        has what was parked: all of its kind for which there is room came with it.

        `more` says that more is there to be read at once.
        """
        waited = item.source == PARKED or (item.retry_of and not item.failed and not item.pending)
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
        self._count(key, 1)

    def hurry(self) -> None:
        """There is no room to grow: every pile is due as soon as its linger is over."""
        if self._stretched:
            self._stretched = False
            for pile in self._piles.values():
                pile.due_s = min(pile.due_s, pile.linger_s)

    def ripe(self, now_s: float, batch_max: int, paused: Container[str] = ()) -> list[PileKey]:
        """The piles that may go, the one due first first: due or full, none of a paused campaign."""
        ripe = [
            (pile.due_s, key)
            for key, pile in self._piles.items()
            if (pile.due_s <= now_s or len(pile.items) >= batch_max) and key.campaign not in paused
        ]
        return [key for _, key in sorted(ripe, key=lambda pair: pair[0])]

    def first(self, key: PileKey) -> Item:
        """The item of a pile that goes first."""
        return self._piles[key].items[0]

    def take(self, key: PileKey, batch_max: int) -> list[Item]:
        """Up to `batch_max` items of a pile: one, where the route takes one a call, and of one-time passwords, which
        must not share another's doubt."""
        pile = self._piles[key]
        count = min(len(pile.items), batch_max if key.batch and key.send_class != "otp" else 1)
        items = [pile.items.popleft() for _ in range(count)]
        self._count(key, -count)
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

    def due(self, paused: Container[str] = ()) -> Iterator[tuple[PileKey, float]]:
        """When each pile that may go is due."""
        return ((key, pile.due_s) for key, pile in self._piles.items() if key.campaign not in paused)

    def weed(self, shut: Callable[[Item], bool], over: Callable[[Item], bool]) -> list[Item]:
        """Takes out what is over before it could go, of piles that are shut (asked of the first item)."""
        weeds: list[Item] = []
        for key, pile in list(self._piles.items()):
            if not shut(pile.items[0]):
                continue
            found = [item for item in pile.items if over(item)]
            if found:
                weeds += found
                self._count(key, -len(found))
                pile.items = deque(item for item in pile.items if not over(item))
            if not pile.items:
                del self._piles[key]
        return weeds

    def tried_again(self, campaign: str) -> int:
        """How many recipients of a campaign wait for another attempt."""
        return sum(len(pile.items) for key, pile in self._piles.items() if key.campaign == campaign and key.retry_of)

    def of(self, campaigns: Container[str]) -> int:
        """How many recipients of these campaigns wait."""
        return sum(len(pile.items) for key, pile in self._piles.items() if key.campaign in campaigns)

    def _count(self, key: PileKey, more: int) -> None:
        self.waiting += more
        self.urgent += more if key.urgent else 0

    def holds(self, campaign: str) -> bool:
        """Whether recipients of a campaign wait for another attempt."""
        return any(key.campaign == campaign for key in self._piles)
