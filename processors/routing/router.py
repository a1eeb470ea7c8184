"""A tenant's routing made ready: the first rule that matches picks the agent, taps see everything.

While a human owns a conversation its agent is mute: the event goes to the taps alone. Where no rule matches it goes to
the default agent. Promises: pure, the same event goes the same way as long as the tenant's record is the same; a rule
in which something cannot be used never matches, is told in `faults`, and the others go on (`problems` names it when the
tenant is applied). Words are folded and patterns compiled here, not for each event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from processors.routing.conditions import Condition, Schedules, conditions
from processors.routing.hours import Schedule
from processors.routing.subject import Subject
from schemas.record import Frozen
from schemas.tenant import Routing, Rule, Tenant

DEFAULT_AGENT = "menu"
DEFAULT_RULE = -1
FAULT, UNLESS = "rule", "unless"


class Decision(Frozen):
    """`agent` is picked by rule number `rule` (from 0, -1: the default); `muted` while a human owns."""

    agent: str
    taps: list[str] = []
    muted: bool = False
    rule: int = DEFAULT_RULE

    @property
    def targets(self) -> list[str]:
        """The agent types that get the event, each once."""
        heard = [] if self.muted else [self.agent]
        return list(dict.fromkeys(heard + self.taps))


class Failed(Frozen):
    """A condition that kept a rule from matching: what it wanted and what it saw, without the person's words."""

    condition: str
    wanted: str
    seen: str

    def __str__(self) -> str:
        if self.condition == FAULT:
            return f"it can never match ({self.seen})"
        if self.condition == UNLESS:
            return f"unless {self.seen}, which holds"
        return f"{self.condition} wants {self.wanted}, there was {self.seen}"


class Tried(Frozen):
    """A rule that was tried; it matched if nothing failed. The default is rule -1."""

    rule: int
    to: str
    failed: list[Failed] = []

    @property
    def name(self) -> str:
        return rule_name(self.rule)


def rule_name(number: int) -> str:
    """A rule as people and headers call it."""
    return "default" if number == DEFAULT_RULE else str(number)


class _Rule(NamedTuple):
    """`decisions` is the answer while the bot owns and while a human does; `fault` says why it never matches."""

    to: str
    number: int
    when: tuple[Condition, ...]
    unless: tuple[Condition, ...]
    decisions: tuple[Decision, Decision]
    fault: str = ""

    def matches(self, subject: Subject) -> bool:
        if self.fault:
            return False
        for condition in self.when:
            if not condition.holds(subject):
                return False
        if not self.unless:
            return True
        return any(not condition.holds(subject) for condition in self.unless)

    def failed(self, subject: Subject) -> Iterator[Failed]:
        """All that keeps it from matching."""
        if self.fault:
            yield Failed(condition=FAULT, wanted="one without faults", seen=self.fault)
            return
        for one in self.when:
            if not one.holds(subject):
                yield Failed(condition=one.name, wanted=one.wanted, seen=one.seen(subject))
        if self.unless and all(one.holds(subject) for one in self.unless):
            excluded = " and ".join(f"{one.name} {one.wanted}" for one in self.unless)
            yield Failed(condition=UNLESS, wanted=f"not {excluded}", seen=excluded)


class Router:
    """`faults` are those of rules that never match, one line each."""

    def __init__(self, routing: Routing, schedules: Schedules | None = None) -> None:
        self._taps = routing.also
        self._rules = tuple(self._made(number, rule, schedules or {}) for number, rule in enumerate(routing.route))
        self._default = self._decisions(DEFAULT_AGENT, DEFAULT_RULE)
        self.faults = [f"rule {rule.number} (to {rule.to}): {rule.fault}" for rule in self._rules if rule.fault]

    @classmethod
    def of(cls, tenant: Tenant) -> Router:
        """The router of a tenant's record; hours that cannot be used make the rules that name them faulty."""
        schedules = {}
        for name, hours in tenant.hours.items():
            try:
                schedules[name] = Schedule.of(hours)
            except ValueError:
                continue  # told as a fault of each rule that needs it
        return cls(tenant.routing, schedules)

    def decide(self, subject: Subject) -> Decision:
        """Where the event goes."""
        human = subject.owner == "human"
        for rule in self._rules:
            if rule.matches(subject):
                return rule.decisions[human]
        return self._default[human]

    def trace(self, subject: Subject) -> list[Tried]:
        """Each rule that was tried and why it did not match, and last the one that did."""
        tried: list[Tried] = []
        for rule in self._rules:
            if rule.matches(subject):
                return [*tried, Tried(rule=rule.number, to=rule.to)]
            tried.append(Tried(rule=rule.number, to=rule.to, failed=list(rule.failed(subject))))
        return [*tried, Tried(rule=DEFAULT_RULE, to=DEFAULT_AGENT)]

    def explain(self, subject: Subject) -> list[str]:
        """The decision as lines for a person: each rule that was tried, why it did not match, and the end."""
        *failed, last = self.trace(subject)
        lines = [f"rule {one.rule} (to {one.to}): no; {'; '.join(map(str, one.failed))}" for one in failed]
        by = "no rule matched, so the default" if last.rule == DEFAULT_RULE else f"rule {last.rule}"
        mute = ", which is mute while a human owns" if subject.owner == "human" else ""
        return [*lines, f"{by}: to {last.to}{mute}", *(f"tap: {tap}" for tap in self._taps)]

    def _made(self, number: int, rule: Rule, schedules: Schedules) -> _Rule:
        decisions = self._decisions(rule.to, number)
        try:
            when, unless = conditions(rule.when, schedules), conditions(rule.unless, schedules)
        except ValueError as error:
            return _Rule(rule.to, number, (), (), decisions, str(error))
        return _Rule(rule.to, number, when, unless, decisions)

    def _decisions(self, agent: str, rule: int) -> tuple[Decision, Decision]:
        return (
            Decision(agent=agent, taps=self._taps, rule=rule),
            Decision(agent=agent, taps=self._taps, rule=rule, muted=True),
        )


_routers: dict[str, tuple[Tenant, Router]] = {}


def router_of(tenant: Tenant) -> Router:
    """The router of a tenant, made once for each record of it: a new record is another object and gets a new one."""
    known = _routers.get(tenant.tenant)
    if known is not None and known[0] is tenant:
        return known[1]
    router = Router.of(tenant)
    _routers[tenant.tenant] = tenant, router
    return router
