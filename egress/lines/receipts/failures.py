"""Failures: messages that were accepted, and of which a receipt says later that they were not delivered. Pure.

Some failures pass (Chattigo's facts, section 9.3): the line or the pair was too fast, or WhatsApp was down. Such a
message is sent again, on record, as long as it has attempts left; one that came too late for its window goes as its
fallback template. An order to do so is a word on the journal in the transaction of the receipt's offset, and the next
attempt's plan is what carries it out; so a new owner knows which orders stand. A receipt that says *delivered* takes
one back.

An order needs certainty: a receipt that may just as well be another send's, or an earlier attempt's, never resends.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import NamedTuple

from egress.lines.memory.book import Book
from egress.lines.memory.entry import Place
from egress.lines.results.verdicts import backoff_s
from runtime.settings import EgressSettings
from schemas.chattigo.inbound import Receipt
from schemas.journal import Plan, PlannedMessage

FAILED = "failed_"
PAIR = "131056"
PASSING = frozenset({"130429", "131000", "131016", PAIR})
WITHHELD = "131049"
WINDOW_CLOSED = frozenset({"131047", "470"})


def code_of(receipt: Receipt) -> str:
    """The provider's code on a receipt; empty when it has none."""
    return receipt.errors[0].code if receipt.errors else ""


def failed_with(resend_why: str) -> str:
    """The provider's code because of which a message is sent again; empty when that is not why."""
    return resend_why.removeprefix(FAILED) if resend_why.startswith(FAILED) else ""


def next_attempt(plan: Plan, code: str, settings: EgressSettings) -> str:
    """As what a message of this plan that failed is sent again (`failed_<code>`); empty when it is not."""
    most = settings.withheld_attempts if code == WITHHELD else settings.attempts_max
    passes = (code in PASSING or code == WITHHELD) and plan.tries < most
    return f"{FAILED}{code}" if passes or (code in WINDOW_CLOSED and plan.fallback) else ""


def pause_s(plan: Plan, code: str, settings: EgressSettings) -> float:
    """How long the next attempt waits: a pair's limit wants 4, 16, 64 s."""
    if code in WINDOW_CLOSED or code == WITHHELD:
        return 0  # a withheld one is parked for its time
    if code == PAIR:
        return min(settings.backoff_max_s, 4.0 ** min(plan.tries, 10))
    return backoff_s(plan.tries, settings)


def certain(book: Book, receipt: Receipt, place: Place) -> bool:
    """Whether the receipt can be of no other send and no other attempt than this one.

    Certain are an id of ours (the call's; the message's own only while it had one attempt) and a wamid that the call's
    answer gave; an id that was bound by guess only if no other send to that person could be meant.
    """
    plan = place.entry.plan
    if receipt.id == plan.messages[place.at].id:
        return plan.tries == 1
    if receipt.id and receipt.id == plan.root_id:
        return True
    if receipt.id and receipt.id == place.entry.ids[place.at] and _named(place):
        return True
    others = (other for other in book.sends_to(plan.messages[place.at].contact) if other.entry is not place.entry)
    gone = (other for other in others if other.may_have_gone)
    return not any(not receipt.id or not _named(other) for other in gone)


def of_earlier_attempt(receipt: Receipt, place: Place) -> bool:
    """Whether a message failed as a receipt by its own id says that is older than this attempt: it tells of one
    before."""
    plan = place.entry.plan
    by_own_id = receipt.state == "failed" and receipt.id == plan.messages[place.at].id
    return by_own_id and plan.tries > 1 and 0 < receipt.at_ms < plan.at_ms


def _named(place: Place) -> bool:
    """Whether the answer of the call named the message: then no unknown id is its."""
    entry = place.entry
    return entry.plan.route != "batch" and entry.result == "accepted" and bool(entry.ids[place.at])


class Order(NamedTuple):
    """A message of a plan that is to be sent again at `wake_s`."""

    plan: Plan
    message: PlannedMessage
    why: str
    wake_s: float


class Failures:
    """The orders of one line that are not carried out, refused or taken back."""

    def __init__(self) -> None:
        self._orders: dict[tuple[str, str], Order] = {}
        self._waiting: dict[tuple[str, str], Order] = {}

    def add(self, order: Order) -> None:
        """From now on the order stands."""
        key = (order.plan.plan_id, order.message.id)
        self._orders[key] = self._waiting[key] = order

    def stands(self, plan_id: str, message_id: str) -> bool:
        """Whether this attempt of the message is to be followed by another."""
        return (plan_id, message_id) in self._orders

    def close(self, plan_id: str, message_id: str) -> bool:
        """The order is carried out, refused or taken back; False when there was none."""
        self._waiting.pop((plan_id, message_id), None)
        return self._orders.pop((plan_id, message_id), None) is not None

    def due(self, now_s: float, busy: Container[str]) -> Iterator[list[Order]]:
        """Orders whose time has come, each once; those of one plan and reason together, none of a `busy` plan."""
        groups: dict[str, list[Order]] = {}
        for order in self._waiting.values():
            if order.wake_s <= now_s and order.plan.plan_id not in busy:
                group = groups.setdefault(order.plan.plan_id, [])
                if not group or group[0].why == order.why:
                    group.append(order)
        for group in groups.values():
            for order in group:
                del self._waiting[order.plan.plan_id, order.message.id]
            yield group

    def standing(self) -> list[Order]:
        """All orders that stand."""
        return list(self._orders.values())

    def holds(self, campaign: str) -> bool:
        """Whether an order for a recipient of a campaign stands."""
        return any(order.plan.campaign == campaign for order in self._orders.values())

    def next_at(self) -> float:
        """When the next order is due; infinity for none."""
        return min((order.wake_s for order in self._waiting.values()), default=float("inf"))
