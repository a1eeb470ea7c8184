"""A partition whose calls take time, over explicit time: who waits for whom, and how long."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass, field
from typing import NamedTuple

from egress.lines.work import Grant
from schemas.campaign import Chunk, Recipient
from tests.builders.line_model import Model

TICK_S = 0.005


class Begun(NamedTuple):
    """A call that began, at this second of the simulation."""

    at_s: float
    did: str
    ids: list[str]


class Endless:
    """Chunks of a campaign, made when they are asked for: a million recipients take no memory."""

    def __init__(self, campaign: str, did: str, size: int = 1000) -> None:
        self._campaign, self._did, self._size = campaign, did, size

    def __getitem__(self, index: int) -> Chunk:
        first = index * self._size
        rows = [Recipient(f"5698{first + n:08}", ["x"]) for n in range(self._size)]
        return Chunk(campaign=self._campaign, did=self._did, index=index, first=first, recipients=rows, digest="")


@dataclass
class Sim(Model):
    """`call_s` is how long a POST takes; `begun` are the calls in their order."""

    call_s: float = 0.3
    begun: list[Begun] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__post_init__()
        self._under_way: list[tuple[float, int, Grant]] = []
        self._numbers = itertools.count()

    def _call(self, grant: Grant, fate: str) -> None:
        self.begun.append(Begun(self.seconds, grant.plan.did, [m.id for m in grant.plan.messages]))
        heapq.heappush(self._under_way, (self.seconds + self.call_s, next(self._numbers), grant))

    def run(self, until_s: float) -> None:
        """Turns the cycle as an owner would: when a call ends, when something is due, at least once a second."""
        while self.seconds < until_s:
            self.room = self.rules.settings.calls_parallel - len(self._under_way)
            self.step()
            due = [self.partition.next_at(self.now) - self.now.s + self.seconds, self.seconds + 1, until_s]
            if self._under_way:
                due.append(self._under_way[0][0])
            self.seconds = max(self.seconds + TICK_S, min(due))
            while self._under_way and self._under_way[0][0] <= self.seconds:
                super()._call(heapq.heappop(self._under_way)[2], "accept")

    def grant_of(self, message_id: str) -> int:
        """The place of the call that carried a message."""
        return next(n for n, call in enumerate(self.begun) if message_id in call.ids)
