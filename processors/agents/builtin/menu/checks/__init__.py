"""What the types of a menu cannot say: that names lead somewhere, texts fit, and every way ends or waits."""

from __future__ import annotations

from processors.agents.builtin.menu.checks import choices, facts, structure, texts, unheard, ways
from processors.agents.builtin.menu.checks.parts import kinds
from processors.agents.builtin.menu.model import Menu
from processors.agents.builtin.menu.problem import Problems
from processors.agents.builtin.menu.tenant import TenantFacts

__all__ = ["kinds", "run"]


def run(menu: Menu, found: Problems, tenant: TenantFacts | None) -> None:
    """All checks. Those of the ways come last: they need nodes that lead somewhere."""
    structure.check(menu, found)
    texts.check(menu, found)
    choices.check(menu, found)
    facts.check(menu, found, tenant)
    unheard.check(menu, found, tenant)
    ways.check(menu, found)
