"""The invariants of the architecture, one by one: what each needs to be proved, and what was found of it. Pure.

`proved` says that all evidence was there and nothing breaks it, as far as the window reaches; `broken` names every id;
`not provable here` says which evidence is missing. What is broken is so on less evidence, too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from schemas.record import Frozen

Verdict = Literal["proved", "broken", "not provable here"]
Need = Literal["", "ledger", "logs", "logins"]


class Invariant(Frozen):
    """One invariant. `broken` has a line for each id that breaks it, `evidence` is what was joined to see that."""

    number: int
    name: str
    verdict: Verdict
    evidence: str
    why: str = ""
    broken: list[str] = []


class _Rule(NamedTuple):
    number: int
    name: str
    need: Need
    evidence: str


RULES = (
    _Rule(1, "no acknowledged webhook is lost", "ledger", "Chattigo's ledger; inbound.*"),
    _Rule(
        2,
        "one effect per message",
        "ledger",
        "agents.*; egress.journal; deliveries; session messages in Chattigo's ledger",
    ),
    _Rule(3, "order per conversation", "", "inbound.conversations; agents.*; outbound.replies; egress.journal"),
    _Rule(4, "no paid message is sent twice by accident", "ledger", "egress.journal; outcomes; Chattigo's ledger"),
    _Rule(5, "one login per account", "logins", "tokens; Chattigo's ledger"),
    _Rule(6, "nothing disappears silently", "", "all topics; committed offsets"),
    _Rule(7, "tenants do not touch", "", "tenants; the tenant of every record"),
    _Rule(8, "no secrets and people in logs", "logs", "the logs that were given; all topics"),
)
_MISSING = {
    "ledger": "what Chattigo posted and took is known to its side alone: give the sandbox's --ledger",
    "logs": "no log was given: --logs",
    "logins": "logins are seen by Chattigo's side alone: give the sandbox's --ledger",
}
_COMPACTED = "compaction took older logins from the topic"
_BESIDE = {
    3: "what was put back, forwarded by an alias, or waits for a time of its own has no order to keep",
    7: "no record crosses; the bound on delay by a flood is no matter of records",
}


@dataclass(frozen=True)
class Evidence:
    """What there is beside the topics. `logins` are those that Chattigo gave a token for, by account."""

    ledger: bool = False
    logs: bool = False
    logins: Mapping[str, int] = field(default_factory=dict)
    compacted: bool = False

    def off_record(self, on_record: Counter[str], generations: Mapping[str, set[int]]) -> list[str]:
        """Accounts with more logins than their owner said it would make. Each login is on record before it is made;
        where compaction took records, that cannot be told."""
        return [
            account
            for account, count in self.logins.items()
            if count > on_record[account] and not is_compacted(generations.get(account, set()))
        ]

    def missing(self, need: Need) -> str:
        """Why an invariant that needs this cannot be proved; empty if it can."""
        has = {"": True, "ledger": self.ledger, "logs": self.logs, "logins": self.ledger}[need]
        if need == "logins" and has and self.compacted:
            return _COMPACTED
        return "" if has else _MISSING[need]


def is_compacted(generations: set[int]) -> bool:
    """Whether tokens between the first and the last are not there any more."""
    return bool(generations) and generations != set(range(1, max(generations) + 1))


def prove(faults: Mapping[int, list[tuple[str, str]]], evidence: Evidence) -> list[Invariant]:
    """The verdict on each; `faults` are (how, id) by number."""
    return [_verdict(rule, faults.get(rule.number, []), evidence) for rule in RULES]


def _verdict(rule: _Rule, faults: list[tuple[str, str]], evidence: Evidence) -> Invariant:
    missing = evidence.missing(rule.need)
    verdict: Verdict = "broken" if faults else "not provable here" if missing else "proved"
    broken = [f"{how}: {one}" for how, one in faults]
    why = f"{len(broken)} named" if broken else missing or _BESIDE.get(rule.number, "")
    return Invariant(
        number=rule.number, name=rule.name, verdict=verdict, evidence=rule.evidence, why=why, broken=broken
    )
