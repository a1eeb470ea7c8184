"""What is wrong with a tenant's routing and hours, found before they are used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from typing import get_args

from processors.routing import hours
from processors.routing.pattern import PatternError, compiled
from processors.text import fold
from schemas.inbound import EventKind
from schemas.tenant import Routing, Rule, Tenant, When

AGENT_TYPE = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")
_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")
_LANGUAGE = re.compile(r"^[a-z]{2,3}([-_][a-z0-9]{2,8})*$", re.IGNORECASE)
_KINDS: tuple[str, ...] = get_args(EventKind)


def problems(tenant: Tenant, agents: Collection[str] = ()) -> list[str]:
    """One line for each fault, `path: what`. `agents` are the types that exist (empty: not known, not checked)."""
    return [*_of_hours(tenant), *_of_rules(tenant, agents), *_of_taps(tenant.routing, agents)]


def _of_hours(tenant: Tenant) -> Iterator[str]:
    for name, one in tenant.hours.items():
        if not _NAME.match(name):
            yield f"hours: {name!r} is not a name (small letters, digits, - and _)"
        yield from (f"hours.{name}.{fault.path}: {fault.what}" for fault in hours.faults(one))


def _of_rules(tenant: Tenant, agents: Collection[str]) -> Iterator[str]:
    rules = tenant.routing.route
    for i, rule in enumerate(rules):
        at = f"routing.route[{i}]"
        yield from (f"{at}: {fault}" for fault in _of_agent(rule.to, agents))
        for part, when in (("when", rule.when), ("unless", rule.unless)):
            yield from (f"{at}.{part}.{fault}" for fault in _of_conditions(when, tenant))
        yield from (f"{at}: {fault}" for fault in _of_order(rule, last=i == len(rules) - 1))


def _of_order(rule: Rule, *, last: bool) -> Iterator[str]:
    if rule.when == When() and rule.unless == When() and not last:
        yield "matches everything, so the rules after it are never tried"
    if rule.unless != When() and rule.unless == rule.when:
        yield "can never match: `unless` says the same as `when`"


def _of_conditions(when: When, tenant: Tenant) -> Iterator[str]:
    if when.pattern:
        try:
            compiled(when.pattern)
        except PatternError as error:
            yield f"pattern: {error}"
    if when.hours and when.hours not in tenant.hours:
        yield f"hours: {_unknown('hours', when.hours, tenant.hours)}"
    for i, keyword in enumerate(when.keyword):
        if not fold(keyword):
            yield f"keyword[{i}]: an empty word is never said"
    for i, kind in enumerate(when.kind):
        if kind not in _KINDS:
            yield f"kind[{i}]: {_unknown('kind of event', kind, _KINDS)}"
    for i, did in enumerate(when.line):
        if tenant.line(did) is None:
            yield f"line[{i}]: {_unknown('line', did, [line.did for line in tenant.lines])}"
    for i, language in enumerate(when.language):
        if not _LANGUAGE.match(language):
            yield f"language[{i}]: {language!r} is no language; write es, or es-CL"


def _of_taps(routing: Routing, agents: Collection[str]) -> Iterator[str]:
    for i, tap in enumerate(routing.also):
        yield from (f"routing.also[{i}]: {fault}" for fault in _of_agent(tap, agents))


def _of_agent(name: str, agents: Collection[str]) -> Iterator[str]:
    if not AGENT_TYPE.match(name):
        yield f"{name!r} is not an agent type (small letters, digits, - and _)"
    elif agents and name not in agents:
        yield f"no agent of type {name!r} runs here; there are {', '.join(sorted(agents))}"


def _unknown(what: str, name: str, known: Collection[str]) -> str:
    near = get_close_matches(name, known, n=1)
    advice = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(known) or 'none'}"
    return f"no {what} {name!r}; {advice}"
