"""Replies: which of a line's replies go next, when pace and account allow it. Pure, over explicit time.

Each person's go one after the other; a person to whom it is too fast now waits without holding others up. Leaves to the
line: what may go at all, and its plan.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from egress.lines.item import Item
from egress.lines.now import Now
from egress.lines.work import Work

if TYPE_CHECKING:
    from egress.lines.line import Line


class Replies:
    """Of one line."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def grant(self, now: Now, room: int, work: Work) -> int:
        """Puts into the work the calls that may go now, at most `room`; returns how many."""
        line, granted = self._line, 0
        while granted < room and line.pacer.reply_at(now.s) <= now.s:
            item = line.lanes.pop(now.s)
            if item is not None:
                granted += self._reply(item, now, work)
            elif not line.turnstile.call(now):
                break
        return granted

    def _reply(self, item: Item, now: Now, work: Work) -> int:
        line = self._line
        wake_s = max(item.wake_s, line.pairs.ready_at(item.contact))
        if wake_s > now.s:
            line.lanes.put_back(item)
            line.lanes.hold(item.contact, wake_s)
            return 0
        passed, channel = line.judged(item, now, work)
        if passed is None or channel is None:
            line.lanes.release(item.contact)
            return 0
        if not line.turnstile.passes(passed, channel.account.key, now):
            return 0
        if not line.plan([passed], channel, now, work):
            line.lanes.release(item.contact)
            return 0
        line.pacer.take_reply(now.s)
        line.lanes.block(item.contact, work.grants[-1].plan.plan_id)
        return 1
