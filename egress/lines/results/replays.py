"""Replays: messages that were given up, then put back from their dead letter by a run of `relevo dlq requeue`. Pure.

A line knows such a message by its id. It goes again, as the next attempt with a budget of its own, only if nothing of
it can have reached the person: every attempt was surely not sent, the last one was given up, and no receipt says
otherwise. Each run does so once: its name is in the plan, or with the refusal, which the journal keeps. Everything
else stays a duplicate. A message that its line has forgotten is a new one; its plan's id names the run.
"""

from __future__ import annotations

from egress.lines.item import Item
from egress.lines.memory.book import Book, given_up
from egress.lines.memory.entry import Entry, Place
from egress.lines.memory.firmness import DROPPED
from egress.lines.receipts.failures import failed_with
from schemas.dead_letter import ATTEMPTS_KEPT, Attempt

_NOT_SENT = frozenset({"not_sent", "throttled", "refused"})
_HEARD_OF = frozenset({"accepted", "in_doubt", "sent", "delivered", "read", "failed"})


def take_up(book: Book, item: Item) -> bool:
    """Whether a message that was put back goes again; it is then set to the attempt that it will be."""
    if book.knows(named(item)):
        return False
    places = attempts(book, item)
    here = {place.entry.plan.plan_id for place in places}
    if any(ref.plan_id not in here for ref in book.index.named(item.id)):
        return False  # an attempt that has left memory may have arrived
    if not places:
        return not book.knows(item.id)
    last = book.latest(item.id)
    if last is None or not given_up(last.entry) or not all(_surely_not_sent(place) for place in places):
        return False
    if any(place.entry.plan.replay == item.replay for place in places):
        return False
    plan = last.entry.plan
    item.attempt = item.first_attempt = plan.attempt + 1
    item.retry_of = plan.plan_id
    item.of_campaign(plan.campaign)
    return True


def follows(book: Book, item: Item) -> bool:
    """Whether the attempt that a withheld message follows is still its last one, and nothing else ended it."""
    return may_follow(book, item.id, item.retry_of)


def may_follow(book: Book, message_id: str, plan_id: str) -> bool:
    """The same of a message that is not at hand, and the plan that it follows."""
    if book.refused(message_id):
        return False
    place = book.latest(message_id)
    if place is not None:
        return place.entry.plan.plan_id == plan_id
    return all(ref.plan_id == plan_id for ref in book.index.named(message_id))


def named(item: Item) -> str:
    """Under which name a refusal of this message is kept: each run's for itself."""
    return f"{item.id}@{item.replay}" if item.replay else item.id


def is_first(item: Item) -> bool:
    """Whether this is a run's first attempt at a message that was given up before."""
    return bool(item.replay and item.retry_of) and item.attempt == item.first_attempt


def attempts(book: Book, item: Item) -> list[Place]:
    """All attempts at the message that the line remembers, oldest first."""
    places = (p for p in book.sends_to(item.contact) if p.entry.plan.messages[p.at].id == item.id)
    return sorted(places, key=lambda place: place.entry.plan.attempt)


def arrived(book: Book, item: Item) -> bool:
    """Whether an earlier attempt is known by now to have been accepted, and not to have failed.

    One after which the message was sent again because it failed counts only if a receipt says that it arrived.
    """
    places = attempts(book, item)
    failed = [place.entry.plan.attempt for place in places if failed_with(place.entry.plan.resend_why)]
    since = item.attempt if failed_with(item.resend_why) else max(failed, default=0)
    return any(_has_arrived(place, since) for place in places)


def _has_arrived(place: Place, since: int) -> bool:
    entry, state = place.entry, place.entry.states[place.at]
    dropped = entry.outcome is not None and entry.outcome.code == DROPPED
    taken = place.fate in ("accepted", "settled") and not dropped and state != "failed"
    return (taken and entry.plan.attempt >= since) or state in ("delivered", "read")


def history(book: Book, item: Item) -> list[Attempt]:
    """What became of each attempt, for the dead letter; the last ones, where they are many."""
    return [_told(place.entry) for place in attempts(book, item)[-ATTEMPTS_KEPT:]]


def _told(entry: Entry) -> Attempt:
    plan, outcome = entry.plan, entry.outcome
    if outcome is None:
        return Attempt(plan=plan.plan_id, at_ms=plan.at_ms, run=plan.replay)
    return Attempt(
        plan=plan.plan_id,
        at_ms=plan.at_ms,
        result=outcome.result,
        status=outcome.status,
        code=outcome.code,
        run=plan.replay,
    )


def _surely_not_sent(place: Place) -> bool:
    entry = place.entry
    return place.fate in _NOT_SENT and entry.states[place.at] not in _HEARD_OF
