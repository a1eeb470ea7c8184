"""Overtaken: whether another attempt still answers to what is known of the one before. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.item import Item
from egress.lines.memory.book import given_up
from egress.lines.memory.entry import Entry
from egress.lines.receipts.failures import failed_with
from egress.lines.results import replays

if TYPE_CHECKING:
    from egress.lines.line import Line


def overtaken(line: Line, item: Item) -> bool:
    """Whether the attempt before is no longer the last one, or no longer what this one answers to."""
    place = line.book.latest(item.id)
    ordered = failed_with(item.resend_why) and not item.waited
    if ordered and not line.failures.stands(item.retry_of, item.id):
        return True
    if place is None:
        return False
    if place.entry.plan.plan_id != item.retry_of:
        return True
    if failed_with(item.resend_why):
        return False
    if replays.is_first(item):
        return not given_up(place.entry)
    return place.fate not in (("in_doubt",) if item.resend_of else ("not_sent", "throttled"))


def may_have_arrived(item: Item, before: Entry | None) -> bool:
    """Whether a doubt about an earlier attempt is what stands: not after one that is known to have failed."""
    if failed_with(item.resend_why):
        return False
    return bool(item.resend_why) or (before is not None and _after_doubt(before.plan.resend_why))


def _after_doubt(resend_why: str) -> bool:
    """Whether an attempt is made because the one before is in doubt, and may be said to have arrived."""
    return bool(resend_why) and not failed_with(resend_why)
