"""Lanes: replies of a line, one lane a person, strictly in order. Pure, over explicit seconds.

A person's next reply goes only after what became of the one before is known. A lane is *ready* (its head may go),
*blocked* by a plan without outcome, or *held* until a moment (a doubt, a pause before the next attempt, the pair
limit). Ready lanes take turns.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from egress.lines.item import Item

_READY, _TAKEN, _BLOCKED, _HELD, _IDLE = "ready", "taken", "blocked", "held", "idle"


@dataclass(slots=True)
class Lane:
    """`blocker` is the plan that a blocked lane waits for; `until_s` when a held lane is ready again."""

    items: deque[Item] = field(default_factory=deque)
    state: str = _IDLE
    blocker: str = ""
    until_s: float = 0


class Lanes:
    """All lanes of one line; a lane that is idle and empty is forgotten."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._ready: deque[str] = deque()
        self._held: list[tuple[float, str]] = []
        self.waiting = 0

    def __iter__(self) -> Iterator[Item]:
        return (item for lane in self._lanes.values() for item in lane.items)

    def add(self, item: Item) -> None:
        """A reply waits behind the person's others."""
        self._insert(item, first=False)

    def put_back(self, item: Item) -> None:
        """A reply goes to the head of its lane: it could not go now, or is tried again. Of several that are tried again
        the one that was said first goes first."""
        self._insert(item, first=True)

    def _insert(self, item: Item, *, first: bool) -> None:
        lane = self._lanes.setdefault(item.contact, Lane())
        lane.items.insert(_before(lane.items, item) if first else len(lane.items), item)
        self.waiting += 1
        # What comes to the head need not wait for the time of what stood there; a doubt holds everybody.
        if lane.state == _IDLE or (first and lane.state == _HELD and not lane.blocker):
            self._make_ready(item.contact, lane)

    def pop(self, now_s: float) -> Item | None:
        """The head of the lane whose turn it is. The caller then blocks, holds or releases the lane."""
        self._wake(now_s)
        while self._ready:
            contact = self._ready.popleft()
            lane = self._lanes.get(contact)
            if lane is None or lane.state != _READY or not lane.items:
                continue
            lane.state = _TAKEN
            self.waiting -= 1
            return lane.items.popleft()
        return None

    def ready(self, now_s: float) -> bool:
        """Whether some lane's head may go."""
        self._wake(now_s)
        return any(self._lanes[c].state == _READY for c in self._ready if c in self._lanes)

    def block(self, contact: str, plan: str) -> None:
        """The lane waits for the outcome of a plan."""
        lane = self._lanes.setdefault(contact, Lane())
        lane.state, lane.blocker = _BLOCKED, plan

    def hold(self, contact: str, until_s: float, plan: str = "") -> None:
        """The lane waits until a moment, or until `release` with this plan."""
        lane = self._lanes.setdefault(contact, Lane())
        lane.state, lane.blocker, lane.until_s = _HELD, plan, until_s
        heapq.heappush(self._held, (until_s, contact))

    def release(self, contact: str, plan: str = "") -> bool:
        """The lane goes on, and has something to send; with a plan, only if it waits for that one."""
        lane = self._lanes.get(contact)
        if lane is None or (plan and lane.blocker != plan):
            return False
        lane.blocker = ""
        if lane.items:
            self._make_ready(contact, lane)
        else:
            del self._lanes[contact]
        return bool(lane.items)

    def next_at(self) -> float:
        """When the first held lane is ready again; infinity when none is held."""
        while self._held and not self._is_held(*self._held[0]):
            heapq.heappop(self._held)
        return self._held[0][0] if self._held else float("inf")

    def _wake(self, now_s: float) -> None:
        while self._held and self._held[0][0] <= now_s:
            until_s, contact = heapq.heappop(self._held)
            if self._is_held(until_s, contact):
                self.release(contact)

    def _is_held(self, until_s: float, contact: str) -> bool:
        lane = self._lanes.get(contact)
        return lane is not None and lane.state == _HELD and lane.until_s == until_s

    def _make_ready(self, contact: str, lane: Lane) -> None:
        lane.state = _READY
        self._ready.append(contact)


def _before(waiting: deque[Item], item: Item) -> int:
    earlier = (n for n, other in enumerate(waiting) if (other.source, other.position) >= (item.source, item.position))
    return next(earlier, len(waiting)) if waiting and waiting[0].source == item.source else 0
