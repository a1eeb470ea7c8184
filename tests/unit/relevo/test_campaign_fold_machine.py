"""What the fold makes of `outcomes` is what the lines' owner knows: over everything that the campaigns' machine does.

At any moment each recipient is in one count, the counts add up to the total, and they agree with the owner's progress.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import HealthCheck, settings

from relevo.campaigns.fold import Fold
from schemas.campaign import Progress
from schemas.outcome import Outcome
from tests.builders.lines import DID
from tests.unit.egress.test_campaign_machine import Campaigning, Watched

NOT_SENT = {"refused", "expired", "failed", "dead"}


class Counted(Campaigning):
    """The same campaigns, and beside them whoever reads `outcomes` and `campaigns` alone."""

    folds: dict[str, Fold]

    def _news(self, topic: str, kind: type[Any]) -> list[Any]:
        found = super()._news(topic, kind)
        if topic == "outcomes":
            if not hasattr(self, "folds"):
                self.folds = {name: Fold(DID, name, one.total) for name, one in self.watched.items()}
            for outcome in found:
                self._take(outcome)
        return found

    def _take(self, outcome: Outcome) -> None:
        for fold in self.folds.values():
            fold.add(outcome)

    def _counts(self, one: Watched, progress: Progress) -> None:
        super()._counts(one, progress)
        fold, before = self.folds[one.name], sum(one.sizes[: progress.chunk]) + progress.position
        counts = fold.counts(before)
        assert counts.total == one.total
        assert counts.not_started == one.total - before, "nothing is on record of whom the owner did not take up"
        assert counts.sending + counts.states.total() == progress.planned + progress.refused + progress.waiting
        assert +counts.states == Counter(self.states[i] for i in one.ids if i in self.states)
        planned = {m.id for plan in one.plans for m in plan.messages}
        alone = Counter(fold.became(n).state for n in range(before) if one.ids[n] not in planned)
        assert alone["parked"] == progress.waiting
        assert sum(alone[state] for state in NOT_SENT) == progress.refused
        assert set(alone) <= NOT_SENT | {"parked"}, "who was never planned was never accepted"


Counted.TestCase.settings = settings(
    max_examples=15, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCounted = Counted.TestCase
