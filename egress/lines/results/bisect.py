"""Bisect: looking for the recipient for whom Chattigo refuses a whole batch, within a budget of calls. Pure.

A batch is accepted as a whole or not at all (Chattigo's facts, section 3.4), so a batch that was refused was sent to
nobody: its two halves are new plans, and so on, until single recipients are refused or the budget is spent. Each half
is told the number of its call when the batch is halved; the numbers of one batch are never given twice by one owner,
and a new owner goes on after the highest that was planned. So the parts of a batch that are called are never more than
the budget, whatever crashes.

It ends early where no part was accepted and three refused batches had both their halves refused. The refused parts of
a batch are a tree, of which every end holds a bad recipient: to refuse both halves three times there must be four of
them. With up to three bad recipients it therefore never ends early; when the template is what is wrong, it ends
after the halves and the quarters.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from egress.lines.gate.gate import Refusal
from schemas.journal import BatchPart, CallOutcome, Plan

BUDGET = "bisect_budget"
BY_CHATTIGO = "by_chattigo"
HOPELESS_AFTER = 3
KEPT = 10_000
# Answers that may be one recipient's fault; others (401, 404, 413) are about the call.
_ONES_FAULT = frozenset({400, 422})


@dataclass(slots=True)
class _Search:
    """What is known of one batch: calls that were numbered, refused halves of each refused plan, the last refusal."""

    spent: int = 0
    accepted: bool = False
    refused: dict[str, set[int]] = field(default_factory=dict)
    code: str = ""
    reason: str = ""

    @property
    def hopeless(self) -> bool:
        return not self.accepted and sum(len(halves) > 1 for halves in self.refused.values()) >= HOPELESS_AFTER


class Bisects:
    """The batches of one line that are searched or were; all of it follows from the plans and outcomes on record."""

    def __init__(self) -> None:
        self._searches: dict[str, _Search] = {}

    def judge(self, plan: Plan, outcome: CallOutcome, budget: int) -> CallOutcome:
        """The outcome as it goes on record: a refused batch is *bisected* if it may still be searched."""
        if not _may_be_ones_fault(plan, outcome) or not budget:
            return outcome
        halved = msgspec.structs.replace(outcome, result="not_sent", bisected=True)
        self.learn(plan, halved)
        search = self._search(plan)
        if search.hopeless:
            return outcome
        if search.spent >= budget:
            return msgspec.structs.replace(outcome, code=BUDGET, reason=_spent(budget, outcome.code))
        return halved

    def learn(self, plan: Plan, outcome: CallOutcome | None) -> None:
        """What is on record of a plan; to learn it twice changes nothing."""
        bisected = outcome is not None and outcome.bisected
        if plan.part is None and not bisected:
            return
        search = self._search(plan)
        if plan.part is not None:
            search.spent = max(search.spent, plan.part.call)
        if outcome is None:
            return
        if bisected or (outcome.result == "refused" and outcome.status):
            search.code, search.reason = outcome.code, outcome.reason
            if plan.part is not None:
                search.refused.setdefault(plan.part.half_of, set()).add(plan.part.call)
        search.accepted = search.accepted or outcome.result in ("accepted", "settled")

    def halves(self, plan: Plan, wanted: Collection[str]) -> dict[str, BatchPart]:
        """The part that each of these messages of a bisected plan belongs to; a half without any costs no call.

        The halves are by the place in the plan, so a new owner that finds one of them planned plans the other.
        """
        search, middle = self._search(plan), (len(plan.messages) + 1) // 2
        batch, depth = (plan.part.batch, plan.part.depth) if plan.part else (plan.plan_id, 0)
        parts: dict[str, BatchPart] = {}
        for half in (plan.messages[:middle], plan.messages[middle:]):
            ids = [message.id for message in half if message.id in wanted]
            if ids:
                search.spent += 1
                part = BatchPart(batch, plan.plan_id, depth + 1, search.spent)
                parts.update(dict.fromkeys(ids, part))
        return parts

    def over(self, part: BatchPart, budget: int) -> Refusal | None:
        """Why a part is not called any more; None while it may be."""
        search = self._searches.get(part.batch, _Search())
        if part.call > budget:
            return Refusal(BUDGET, _spent(budget, search.code))
        if search.hopeless:
            reason = f"no part of its batch was taken, so the batch itself is at fault: {search.reason}"
            return Refusal(search.code, reason, counted=BY_CHATTIGO)
        return None

    def _search(self, plan: Plan) -> _Search:
        batch = plan.part.batch if plan.part else plan.plan_id
        search = self._searches.pop(batch, None) or _Search()
        self._searches[batch] = search
        if len(self._searches) > KEPT:
            del self._searches[next(iter(self._searches))]
        return search


def _may_be_ones_fault(plan: Plan, outcome: CallOutcome) -> bool:
    several = plan.route == "batch" and len(plan.messages) > 1
    return several and outcome.result == "refused" and outcome.status in _ONES_FAULT


def _spent(budget: int, code: str) -> str:
    return f"its batch was refused ({code}), and {budget} calls did not find for whom"
