"""Silence: when may a doubt be taken for a message that did not arrive? Pure, over explicit seconds.

The policy of a class sends a doubtful message again when nothing was heard of it for a time. That nothing is heard
means something only while receipts flow. So it waits for a receipt that came in after the doubt arose (not one that is
read again since), of a send that was accepted from the same account at the same time as the doubtful one or later
(`margin_s` earlier still counts). While the line has such sends and none of them is heard of, the resend waits, however
long. If the line has none there is nothing to compare with, and the policy's time alone decides: the person is to be
answered, and it is on record.

A new owner has heard nothing yet: what was read before it came does not count for it.
"""

from __future__ import annotations

import heapq
from collections.abc import Mapping
from dataclasses import dataclass

from egress.lines.item import Item
from schemas.journal import CallOutcome, Plan


@dataclass(slots=True, eq=False)
class Resend:
    """The items of a plan in doubt since `arose_ms` that go again at `due_s` if it is silent; `flows` once receipts
    were heard."""

    plan: Plan
    items: list[Item]
    arose_ms: int
    due_s: float
    why: str
    flows: bool = False


class Silence:
    """The resends of one line that wait for the policy's time and for receipts of other sends."""

    def __init__(self, margin_s: float) -> None:
        self._margin_ms = int(margin_s * 1000)
        self._waiting: dict[str, Resend] = {}
        self._due: list[tuple[float, str]] = []
        self._unheard: dict[str, list[tuple[int, str]]] = {}
        self._accepted_ms: dict[str, int] = {}
        self._looked_s = float("-inf")

    def learn(self, plan: Plan, outcome: CallOutcome | None) -> None:
        """What is on record of a plan. Controls are never heard of."""
        if outcome is None or plan.route == "control" or len(outcome.left_out) == len(plan.messages):
            return
        if outcome.result in ("accepted", "settled"):
            self._accepted_ms[plan.account] = max(plan.at_ms, self._accepted_ms.get(plan.account, 0))

    def accepted_ms(self) -> dict[str, int]:
        """When the last call that was accepted of each account was planned."""
        return dict(self._accepted_ms)

    def restore(self, accepted_ms: Mapping[str, int]) -> None:
        """What an earlier owner knew of that."""
        for account, at_ms in accepted_ms.items():
            self._accepted_ms[account] = max(at_ms, self._accepted_ms.get(account, 0))

    def heard(self, plan: Plan, arrived_ms: int) -> None:
        """A receipt of an accepted send came in at this time."""
        unheard, later = self._unheard.get(plan.account, []), []
        while unheard and unheard[0][0] <= plan.at_ms + self._margin_ms:
            first = heapq.heappop(unheard)
            resend = self._waiting.get(first[1])
            if resend is not None and resend.arose_ms > arrived_ms:
                later.append(first)
            elif resend is not None:
                resend.flows = True
                heapq.heappush(self._due, (resend.due_s, first[1]))
        for doubt in later:
            heapq.heappush(unheard, doubt)

    def wait(self, resend: Resend) -> None:
        """The doubt arose; from now on its silence counts."""
        plan_id = resend.plan.plan_id
        self._waiting[plan_id] = resend
        heapq.heappush(self._due, (resend.due_s, plan_id))
        heapq.heappush(self._unheard.setdefault(resend.plan.account, []), (resend.plan.at_ms, plan_id))

    def forget(self, plan_id: str) -> None:
        """The doubt is none any more, or a person has decided."""
        self._waiting.pop(plan_id, None)

    def due(self, now_s: float) -> list[Resend]:
        """The resends that may go now, each once."""
        self._looked_s, going = now_s, []
        while self._due and self._due[0][0] <= now_s:
            _, plan_id = heapq.heappop(self._due)
            resend = self._waiting.get(plan_id)
            # One that must wait for receipts comes back when one is heard.
            if resend is not None and (resend.flows or not self._comparable(resend.plan)):
                del self._waiting[plan_id]
                going.append(resend)
        return going

    def _comparable(self, plan: Plan) -> bool:
        accepted_ms = self._accepted_ms.get(plan.account)
        return accepted_ms is not None and accepted_ms >= plan.at_ms - self._margin_ms

    def next_at(self) -> float:
        """When the next of them is to be looked at; infinity for none."""
        while self._due and self._due[0][1] not in self._waiting:
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else float("inf")

    def holds(self, campaign: str) -> bool:
        """Whether a resend of a campaign waits for its time: not whether it waits for receipts beyond that."""
        return any(r.plan.campaign == campaign and r.due_s > self._looked_s for r in self._waiting.values())
