"""`menu`: what a tenant writes as YAML: texts, choices, questions, conditions, media, hand-offs. See docs/menu.md."""

from processors.agents.builtin.menu.load import Checked, MenuError, check, load, problems
from processors.agents.builtin.menu.model import Menu
from processors.agents.builtin.menu.tenant import TenantFacts

__all__ = ["Checked", "Menu", "MenuError", "TenantFacts", "check", "load", "problems"]
