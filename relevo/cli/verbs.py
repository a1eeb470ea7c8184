"""The program's verbs, and the module of each, which is imported when its verb is used.

A command, or a service, then starts with what it needs itself; all modules together take longer to load than most
commands to run. `relevo --help` loads them all. Leaves to each module how its verbs are added: a group of its own
(`app`), or `add_to`.
"""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_group

# Verbs that are a module's own group, of the module's name.
_GROUPS = (
    "topics",
    "tenants",
    "routes",
    "campaign",
    "conversation",
    "optout",
    "crm",
    "doubt",
    "gate",
    "menu",
    "dlq",
    "token",
    "sandbox",
    "keys",
)
# The module of each verb, in the order of the help.
MODULES = {
    "serve": "run",
    "all": "run",
    "chat": "chat",
    "demo": "demo",
    "audit": "audit",
    "doctor": "doctor",
    "why": "why",
    "drill": "drill",
    "resume": "pause",
    "pause": "pause",
    **{name: name for name in _GROUPS},
}


def part(module: str) -> Mapping[str, Any]:
    """The verbs that a module adds, as typer's commands; imports it."""
    found = import_module(f"relevo.cli.{module}")
    app = typer.Typer()
    if hasattr(found, "add_to"):
        found.add_to(app)
    else:
        app.add_typer(found.app, name=module)
    return get_group(app).commands


class _Commands(UserDict[str, Any]):
    """The names are known at once; what stands behind one is made when it is asked for."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(dict.fromkeys(names))

    def __getitem__(self, name: str) -> Any:
        if super().__getitem__(name) is None:
            self.data[name] = part(MODULES[name])[name]
        return self.data[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)


class Verbs(TyperGroup):
    """The program's own group."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.commands = _Commands(tuple(MODULES))
