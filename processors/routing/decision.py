"""The decision where an event goes: the first rule that matches picks the agent, taps see everything.

While a human owns a conversation its agent is mute: the event goes to the taps alone. Where no rule matches it
goes to the default agent. Promises: pure, the same event always goes the same way; a pattern that is not accepted
never matches (`problems` names it when the tenant is applied).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from processors.routing.pattern import PatternError, found_in
from processors.text import fold, has_words
from schemas.content import AnyContent, choice, words
from schemas.inbound import Owner
from schemas.record import Frozen
from schemas.tenant import Routing, When

DEFAULT_AGENT = "menu"


class Subject(Frozen):
    """What rules look at. `new_contact`: the person never wrote on this line before (as far as is remembered)."""

    did: str
    kind: str
    owner: Owner = "bot"
    content: AnyContent | None = None
    referral: bool = False
    new_contact: bool = False

    @property
    def said(self) -> str:
        return words(self.content) if self.content else ""

    @property
    def chosen(self) -> str:
        return choice(self.content) if self.content else ""


class Decision(Frozen):
    """`agent` is picked by rule number `rule` (from 0, -1: the default); `muted` while a human owns."""

    agent: str
    taps: list[str] = []
    muted: bool = False
    rule: int = -1

    @property
    def targets(self) -> list[str]:
        """The agent types that get the event, each once."""
        heard = [] if self.muted else [self.agent]
        return list(dict.fromkeys(heard + self.taps))


def decide(routing: Routing, subject: Subject) -> Decision:
    """Where the event goes."""
    index = next((i for i, rule in enumerate(routing.route) if matches(rule.when, subject)), -1)
    return Decision(
        agent=routing.route[index].to if index >= 0 else DEFAULT_AGENT,
        taps=routing.also,
        muted=subject.owner == "human",
        rule=index,
    )


def matches(when: When, subject: Subject) -> bool:
    """Whether all conditions that are given hold."""
    return not any(_failed(when, subject))


def _failed(when: When, subject: Subject) -> Iterator[str]:
    """The names of the conditions that do not hold."""
    for name, holds in _CONDITIONS.items():
        given = getattr(when, name)
        if given not in ([], "", None) and not holds(given, subject):
            yield name


def _keyword(keywords: list[str], subject: Subject) -> bool:
    said = fold(subject.said)
    return bool(said) and any(has_words(said, keyword) for keyword in keywords)


def _pattern(pattern: str, subject: Subject) -> bool:
    try:
        return bool(subject.said) and found_in(pattern, subject.said)
    except PatternError:
        return False


_CONDITIONS: dict[str, Callable[..., bool]] = {
    "line": lambda lines, subject: subject.did in lines,
    "kind": lambda kinds, subject: subject.kind in kinds,
    "owner": lambda owner, subject: subject.owner == owner,
    "choice": lambda ids, subject: subject.chosen in ids,
    "referral": lambda wanted, subject: subject.referral is wanted,
    "new_contact": lambda wanted, subject: subject.new_contact is wanted,
    "keyword": _keyword,
    "pattern": _pattern,
}


def explain(routing: Routing, subject: Subject) -> list[str]:
    """The decision as lines for a person: each rule that was tried, why it did not match, and the end."""
    decision = decide(routing, subject)
    tried = routing.route[: decision.rule] if decision.rule >= 0 else routing.route
    lines = [
        f"rule {i} (to {rule.to}): no, because of {', '.join(_failed(rule.when, subject))}"
        for i, rule in enumerate(tried)
    ]
    by = f"rule {decision.rule}" if decision.rule >= 0 else "no rule matched, so the default"
    lines.append(f"{by}: to {decision.agent}" + (", which is mute while a human owns" if decision.muted else ""))
    return lines + [f"tap: {tap}" for tap in decision.taps]
