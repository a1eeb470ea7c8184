"""A partition whose Chattigo's answers to batches lie: of who was taken, whose ids they are, and of the call itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.result import CallResult
from egress.lines.results import settling
from egress.lines.results.verdicts import decide
from egress.lines.work import Grant
from schemas.journal import Plan, PlannedMessage
from schemas.record import encode
from tests.builders.partial_model import PartialModel

CODES = ("130429", "131026", "131056", "131000")


@dataclass
class LyingModel(PartialModel):
    """`chance` decides. A call with the fate `slow` is answered when `answer` is called, or, if its owner died
    meanwhile, by that one when `answer_late` is. `took` are the messages of each plan that people got; whom a call got
    that was answered with a "no" stands in `denied`: only a receipt can tell."""

    chance: Random = field(default_factory=Random)
    took: dict[str, set[str]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    held: list[tuple[Grant, CallResult]] = field(default_factory=list)
    late: list[tuple[Grant, CallResult]] = field(default_factory=list)

    def crash(self) -> None:
        self.late, self.held = self.late + self.held, []
        super().crash()

    def answer(self) -> None:
        """The oldest of the answers that are slow comes."""
        if self.held:
            self._settle(*self.held.pop(0))

    def answer_late(self) -> None:
        """A former owner puts the answer to a call of its own on record."""
        if self.late:
            grant, answer = self.late.pop(0)
            verdict = decide(grant.plan, answer, grant.channel.account, self.rules.settings, self.now.wall_ms)
            self._append(settling.announcement(0, grant.plan, verdict.outcome))

    def _call(self, grant: Grant, fate: str) -> None:
        if grant.plan.route == "batch" and fate == "slow":
            self.held.append((grant, self._answer(grant.plan)))
        else:
            super()._call(grant, fate)

    def _answer(self, plan: Plan) -> CallResult:
        honest, rows = self.chance.random() < 0.3, []
        for one in plan.messages:
            taken = self.chance.random() < 0.7
            says = taken if honest or self.chance.random() < 0.6 else not taken
            if taken:
                self.accepted.append((one.contact, one.id))
                self.took.setdefault(plan.plan_id, set()).add(one.id)
            rows += [self._lie(plan, one, says=says)] * self.chance.choice([0, *[1] * 16, 2])
        self.chance.shuffle(rows)
        self.taken.append(plan)
        status = self.chance.choice([*[200] * 8, 400, 429, 500])
        if status in (400, 429):
            self.denied |= self.took.get(plan.plan_id, set())
        body = {"success": True, "results": rows} if self.chance.random() < 0.9 else {"success": True}
        self.answers = classify(HttpAnswer(status=status, body=encode(body)), self.now.wall_ms)
        return self.answers

    def _lie(self, plan: Plan, one: PlannedMessage, *, says: bool) -> dict[str, object]:
        row: dict[str, object] = {"success": says}
        if self.chance.random() < 0.9:
            row["id"] = one.id if self.chance.random() < 0.9 else self.chance.choice(plan.messages).id
        if self.chance.random() < 0.8:
            row["to"] = one.to
        if self.chance.random() < 0.3:
            row["wamid"] = f"wamid.{self.chance.choice(plan.messages).id}"
        return row if says else row | {"errors": [{"code": self.chance.choice(CODES)}]}
