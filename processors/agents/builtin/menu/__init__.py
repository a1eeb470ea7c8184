"""`menu`: what a tenant writes as YAML: texts, choices, questions, media, hand-offs. See docs/agents.md."""

from processors.agents.builtin.menu.load import MenuError, load, problems
from processors.agents.builtin.menu.model import Menu

__all__ = ["Menu", "MenuError", "load", "problems"]
