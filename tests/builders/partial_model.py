"""A partition whose Chattigo answers batches with a result for each recipient, some of whom it leaves out."""

from __future__ import annotations

from dataclasses import dataclass, field

from egress.chattigo.answers import HttpAnswer, classify
from egress.chattigo.result import CallResult
from egress.lines.results import settling
from egress.lines.results.verdicts import decide
from egress.lines.work import Grant
from schemas.journal import Plan, PlannedMessage
from schemas.record import encode
from tests.builders.line_model import ANSWERS, TAKEN, Model


@dataclass
class PartialModel(Model):
    """`left_out` are people whom a batch does not take, with the code; each only `times` times, if that is said.
    `unnamed` are those whom no answer names; `lost` of them are not taken either. `told` are those of whom an answer
    that was heard said that they were not taken."""

    left_out: dict[str, str] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    unnamed: set[str] = field(default_factory=set)
    not_taken: set[str] = field(default_factory=set)

    def _call(self, grant: Grant, fate: str) -> None:
        if grant.plan.route != "batch" or fate not in ("accept", "crash_after", "handed_over"):
            super()._call(grant, fate)
            return
        answer = self._answer(grant.plan)
        if fate == "accept":
            self._settle(grant, answer)

    def _settle(self, grant: Grant, answer: CallResult) -> None:
        line, account, settings = self.partition.lines[grant.plan.did], grant.channel.account, self.rules.settings
        self.rules.accounts.ended(account.key, grant.plan.plan_id, answer, self.now.s, settings)
        verdict = settling.proven(line, decide(grant.plan, answer, account, settings, self.now.wall_ms))
        self._append(settling.announcement(0, grant.plan, verdict.outcome))
        settling.settled(line, grant.items, verdict, self.now)

    def _answer(self, plan: Plan) -> CallResult:
        """Takes those who are to be taken, and says so; a batch of which it would name nobody it takes whole."""
        rows, taken = [], []
        lost = self.not_taken if any(one.contact not in self.unnamed for one in plan.messages) else set[str]()
        for one in plan.messages:
            out = one.contact in self.left_out and self.times.get(one.contact, 1) > 0
            if out and one.contact in self.times:
                self.times[one.contact] -= 1
            if not out and one.contact not in lost:
                taken.append(one)
            if one.contact not in self.unnamed:
                rows.append(self._row(one, out=out))
        self.accepted += [(one.contact, one.id) for one in taken]
        self.taken.append(plan)
        body = {"success": True, "results": rows} if self.left_out or self.unnamed else {"success": True}
        self.answers = classify(HttpAnswer(status=200, body=encode(body)), self.now.wall_ms)
        return self.answers

    def _row(self, one: PlannedMessage, *, out: bool) -> dict[str, object]:
        errors = {"errors": [{"code": self.left_out[one.contact], "title": "no"}]} if out else {}
        return {"id": one.id, "destination": one.to, "success": not out, **errors}

    def _answered_elsewhere(self, grant: Grant) -> None:
        if grant.plan.route != "batch":
            super()._answered_elsewhere(grant)
            return
        settings, account = self.rules.settings, grant.channel.account
        verdict = decide(grant.plan, self.answers, account, settings, self.now.wall_ms)
        self._append(settling.announcement(0, grant.plan, verdict.outcome))


assert {"accept", "crash_after", "handed_over"} <= TAKEN
assert "accept" in ANSWERS
