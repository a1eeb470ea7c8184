"""Receipts: which send does a receipt belong to, and how long is one kept that belongs to none. Pure.

A receipt names the provider's id of a message (known from the answer of the call), the id that we gave to it or to
its call, or something unknown: then it waits, for the answer may be slower than the receipt. After a while an
unknown provider's id is bound to the oldest accepted send to that person which has none yet; a send in doubt is
settled that way only if no other send could be meant. What nobody claims in time is an orphan. While a
batch's own call is under way its receipts wait for the answer, which may tell its recipients apart.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from egress.lines.memory.book import Book
from egress.lines.memory.entry import Entry, Place
from egress.lines.receipts.failures import of_earlier_attempt
from schemas.chattigo.inbound import Receipt

BIND_AFTER_S = 3.0
ORPHAN_AFTER_S = 30.0
LOOK_EVERY_S = 1.0
WAITING_MAX = 5000
# A receipt's time is in whole seconds of the provider's clock.
_CLOCKS_MS = 5000


@dataclass(slots=True, eq=False)
class Letter:
    """One record of `inbound.receipts`: `left` of its receipts are undecided; `orphans` belong to no send; `at_ms` is
    when it came in (0: unknown)."""

    offset: int
    did: str
    tenant: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]
    left: int = 0
    orphans: int = 0
    at_ms: int = 0


@dataclass(slots=True, eq=False)
class Waiting:
    """A receipt that nothing is known of yet; `awaits` are plans it may mean that were or are being read again."""

    receipt: Receipt
    letter: Letter
    since_s: float
    awaits: set[str] = field(default_factory=set)


class WaitingRoom:
    """Receipts of one line whose send is not known yet, oldest first."""

    def __init__(self) -> None:
        self._waiting: dict[int, Waiting] = {}
        self._by_id: dict[str, list[Waiting]] = {}
        self._fresh: list[Waiting] = []
        self._looked_s = 0.0
        self._held = False  # some wait for the answer to their call

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, waiting: Waiting) -> None:
        self._waiting[id(waiting)] = waiting
        self._by_id.setdefault(waiting.receipt.id, []).append(waiting)
        self._fresh.append(waiting)

    def proves(self, book: Book, entry: Entry) -> bool:
        """Whether a receipt that waits is of this call, and proves that it was taken."""
        for receipt in (waiting.receipt for waiting in self._waiting.values()):
            place = book.find(receipt.id, receipt.contact)
            if place is not None and place.entry is entry and not of_earlier_attempt(receipt, place):
                return True
        return False

    def answered(self) -> None:
        """A call has its answer: what waited for that is looked at before anything more goes."""
        if self._held:
            self._held, self._looked_s = False, float("-inf")

    def settle(
        self, book: Book, now_s: float, under_way: Callable[[Entry], bool] = lambda entry: False
    ) -> list[tuple[Waiting, Place | None]]:
        """Receipts whose send is known now, and orphans (None), which leave the room; binds where that is due. Those of
        a call that is `under_way` stay."""
        decided = []
        for waiting in self._candidates(book, now_s):
            receipt, age = waiting.receipt, now_s - waiting.since_s
            place = book.find(receipt.id, receipt.contact)
            if place is not None and under_way(place.entry) and len(self._waiting) <= WAITING_MAX:
                self._held = True
                continue
            if place is None:
                _ask(book, waiting)
            coming = any(book.awaits(plan_id) for plan_id in waiting.awaits)
            if place is None and age >= BIND_AFTER_S and not coming:
                place = bind(book, receipt)
            late = age >= ORPHAN_AFTER_S and not coming
            if place is not None or late or len(self._waiting) > WAITING_MAX:
                self._leave(waiting)
                decided.append((waiting, place))
        return decided

    def _candidates(self, book: Book, now_s: float) -> list[Waiting]:
        """Those that are new or whose id has just become known; from time to time all of them."""
        fresh, self._fresh = self._fresh, []
        known = [waiting for name in book.newly_bound() for waiting in self._by_id.get(name, ())]
        if now_s - self._looked_s >= LOOK_EVERY_S or len(self._waiting) > WAITING_MAX:
            self._looked_s = now_s
            return list(self._waiting.values())
        return list({id(waiting): waiting for waiting in known + fresh}.values())

    def _leave(self, waiting: Waiting) -> None:
        del self._waiting[id(waiting)]
        same = self._by_id[waiting.receipt.id]
        same.remove(waiting)
        if not same:
            del self._by_id[waiting.receipt.id]

    def next_at(self, now_s: float) -> float:
        """When one of them is to be looked at again; infinity for none."""
        return max(now_s, self._looked_s + LOOK_EVERY_S) if self._waiting else float("inf")


def _ask(book: Book, waiting: Waiting) -> None:
    """What it may mean and is not in memory is to be read again, once: also what leaves while it waits."""
    receipt = waiting.receipt
    unnamed = receipt.format == "cloud" or not receipt.id
    waiting.awaits.update(book.ask(receipt.id, receipt.contact, waiting.awaits, unnamed=unnamed))


def bind(book: Book, receipt: Receipt) -> Place | None:
    """The send to which a receipt with an unknown provider's id belongs, by the rule above; binds it.

    A flat receipt without any id means the latest accepted send to that person (Chattigo's facts, section 6.2); it
    settles a doubt only as an unknown wamid would.
    """
    if not receipt.id:
        sends = [place for place in book.sends_to(receipt.contact) if _earlier(place, receipt)]
        return _chosen([place for place in sends if place.may_have_gone], -1)
    if receipt.format != "cloud":
        return None
    chosen = _chosen([place for place in book.sends_to(receipt.contact) if _could_be(place, receipt)], 0)
    if chosen is not None:
        book.bind(chosen, receipt.id)
    return chosen


def _chosen(candidates: list[Place], which: int) -> Place | None:
    """The accepted send at this place of them, else the only one, in doubt; none while one is under way."""
    if any(not place.fate for place in candidates):
        return None
    accepted = [place for place in candidates if place.fate in ("accepted", "settled")]
    if accepted:
        return accepted[which]
    return candidates[0] if len(candidates) == 1 else None


def _could_be(place: Place, receipt: Receipt) -> bool:
    unbound = not place.entry.ids[place.at]
    return unbound and place.may_have_gone and _earlier(place, receipt)


def _earlier(place: Place, receipt: Receipt) -> bool:
    return not receipt.at_ms or place.entry.plan.at_ms <= receipt.at_ms + _CLOCKS_MS
