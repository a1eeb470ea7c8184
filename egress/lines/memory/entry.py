"""An entry: one plan with what became of it, as a line remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.journal import CallOutcome, Plan


@dataclass(slots=True, eq=False)
class Entry:
    """`states` are the messages' public states, `ids` the provider's ids, both in the plan's order.

    `ended` are messages whose next attempt was refused. `plan_at` and `outcome_at` are the offsets of the plan and of
    the last outcome that was heard on the journal (`heard`; -1 for none); `indexed` says that a segment holds all that
    is bound by now; `recalled` that the plan had left memory and came back because a receipt asked for it.
    """

    plan: Plan
    outcome: CallOutcome | None = None
    states: list[str | None] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)
    by_contact: dict[str, int] | None = None
    ended: set[str] | None = None
    plan_at: int = -1
    heard: CallOutcome | None = None
    outcome_at: int = -1
    indexed: bool = False
    recalled: bool = False
    _fates: tuple[CallOutcome, dict[int, str]] | None = None

    @classmethod
    def of(cls, plan: Plan) -> Entry:
        """A plan of which nothing else is known."""
        return cls(plan, states=[None] * len(plan.messages), ids=[""] * len(plan.messages))

    @property
    def result(self) -> str:
        return self.outcome.result if self.outcome else ""

    @property
    def open(self) -> bool:
        """Nobody knows yet whether the call reached Chattigo."""
        return self.result in ("", "in_doubt")

    def fate(self, at: int) -> str:
        """What became of the message at this place: the call's result, unless the answer told its messages apart."""
        outcome = self.outcome
        if outcome is None or not outcome.tells_apart:
            return self.result
        known = self._fates
        if known is None or known[0] is not outcome:
            apart: dict[int, str] = dict.fromkeys(outcome.unnamed, outcome.result)
            known = self._fates = outcome, apart | dict.fromkeys((one.at for one in outcome.left_out), "refused")
        return known[1].get(at, "accepted")

    @property
    def on_record(self) -> bool:
        """Whether the journal's last word on the plan is what is known of it."""
        return self.plan_at >= 0 and self.outcome is not None and self.heard == self.outcome

    def index_of(self, contact: str) -> int | None:
        """The place in the plan of the message to this person."""
        if self.by_contact is None:
            self.by_contact = {m.contact: i for i, m in enumerate(self.plan.messages)}
        return self.by_contact.get(contact)


class Place(NamedTuple):
    """One message of one plan."""

    entry: Entry
    at: int

    @property
    def fate(self) -> str:
        """What became of the message."""
        return self.entry.fate(self.at)

    @property
    def may_have_gone(self) -> bool:
        """Whether the call may have reached Chattigo, and the message may have been taken there."""
        return self.fate in ("", "accepted", "settled", "in_doubt")
