"""A menu from its YAML, or all that is wrong with it, each with its place and what to do."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from typing import NamedTuple

from msgspec.structs import replace

from processors.agents.builtin.menu import checks
from processors.agents.builtin.menu.model import Menu
from processors.agents.builtin.menu.problem import Problem, Problems
from processors.agents.builtin.menu.reader import read
from processors.agents.builtin.menu.source import NotYaml, parse
from processors.agents.builtin.menu.tenant import TenantFacts


class MenuError(ValueError):
    """A menu that cannot be used. `problems` has one line a mistake."""

    def __init__(self, found: list[str]) -> None:
        super().__init__("; ".join(found))
        self.problems = found


class Checked(NamedTuple):
    """A menu as far as it could be read, and what is wrong with it, in the order of the file."""

    menu: Menu | None
    problems: list[Problem]

    @property
    def usable(self) -> bool:
        """Whether there is no error, so that it can be taken."""
        return self.menu is not None and all(one.severity != "error" for one in self.problems)


@lru_cache(maxsize=512)
def load(text: str) -> Menu:
    """The menu, to be played. Raises MenuError."""
    done = check(text)
    fatal = [str(one) for one in done.problems if one.severity == "error" and not one.played]
    if done.menu is None or fatal:
        raise MenuError(fatal)
    return done.menu


def check(text: str, tenant: TenantFacts | None = None) -> Checked:
    """Everything that is wrong with a menu; with a tenant's facts also what it names of the tenant."""
    found = Problems()
    menu = _menu(text, found, tenant)
    return Checked(menu, found.all)


def problems(text: str) -> list[str]:
    """What keeps a menu from being taken, nothing if it can be."""
    return [str(one) for one in check(text).problems if one.severity == "error"]


def default_text() -> str:
    """The menu of tenants that gave none."""
    return files("processors.agents.builtin.menu").joinpath("default.yaml").read_text("utf-8")


def _menu(text: str, found: Problems, tenant: TenantFacts | None) -> Menu | None:
    try:
        found.root, twice = parse(text)
    except NotYaml as error:
        found.at(error.place, error.what, error.fix)
        return None
    for key, place, first in twice:
        fix = f"the first is in line {first.line}"
        found.at(place, f"`{key}` stands twice in the same place", fix)
    written: Menu = read(Menu, found.root, found)
    if not written.nodes:
        if "nodes" in found.root:
            found.wrong(("nodes",), "`nodes` is empty", "a menu has at least the node that `start` names")
        return None
    nodes = {name: replace(node, name=name) for name, node in written.nodes.items()}
    menu = replace(written, nodes=nodes, kinds=checks.kinds(written))
    checks.run(menu, found, tenant)
    return menu
