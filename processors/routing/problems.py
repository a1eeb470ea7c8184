"""What is wrong with a tenant's routing, found before it is used."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from processors.routing.pattern import PatternError, compiled
from schemas.tenant import Routing, When

AGENT_TYPE = re.compile(r"^[a-z][a-z0-9_-]{0,39}$")


def problems(routing: Routing, agents: Collection[str] = ()) -> list[str]:
    """One line for each fault. `agents` are the types that exist (empty: not known, not checked)."""
    found: list[str] = []
    for i, rule in enumerate(routing.route):
        found += [f"routing.route[{i}]: {fault}" for fault in _of_rule(rule.to, rule.when, agents)]
        if rule.when == When() and i < len(routing.route) - 1:
            found.append(f"routing.route[{i}]: matches everything, so the rules after it are never tried")
    return found + [f"routing.also[{i}]: {f}" for i, tap in enumerate(routing.also) for f in _of_agent(tap, agents)]


def _of_rule(to: str, when: When, agents: Collection[str]) -> Iterator[str]:
    yield from _of_agent(to, agents)
    if when.pattern:
        try:
            compiled(when.pattern)
        except PatternError as error:
            yield f"pattern: {error}"


def _of_agent(name: str, agents: Collection[str]) -> Iterator[str]:
    if not AGENT_TYPE.match(name):
        yield f"{name!r} is not an agent type (small letters, digits, - and _)"
    elif agents and name not in agents:
        yield f"no agent of type {name!r} runs here; there are {', '.join(sorted(agents))}"
