"""What is wrong with a menu: where it stands, what it is, and what to do about it.

An error keeps the menu from being used. A warning is something that works and is probably not meant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from processors.agents.builtin.menu.source import Place, Tree, spot_of

Path = tuple[str | int, ...]
Severity = Literal["error", "warning"]
_ITEMS = {"options": "an option", "branch": "a branch", "values": "a value", "anywhere": "an entry of `anywhere`"}


class Problem(NamedTuple):
    """Line and column count from 1. `played`: a menu that was taken before this was checked is played all the same."""

    line: int
    column: int
    severity: Severity
    what: str
    fix: str
    played: bool = False

    @property
    def text(self) -> str:
        """What is wrong and what to do, without the place."""
        return f"{self.what}; {self.fix}" if self.fix else self.what

    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


class Problems:
    """Collects them; a path says what part of the file is meant."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}
        self.root: Tree | None = None

    def at(self, place: Place, what: str, fix: str = "") -> None:
        """An error at a place of the text."""
        self._found[Problem(place.line, place.column, "error", what, fix)] = None

    def wrong(self, path: Path, what: str, fix: str = "", *, played: bool = False) -> None:
        """An error of the field at `path`, told with the part that it belongs to."""
        self._add("error", path, what, fix, played)

    def warn(self, path: Path, what: str, fix: str = "") -> None:
        """The same as a warning."""
        self._add("warning", path, what, fix)

    def _add(self, severity: Severity, path: Path, what: str, fix: str, played: bool = False) -> None:
        place = spot_of(self.root, path)
        whole = path if len(path) == 2 and path[0] == "nodes" else path[:-1]
        self._found[Problem(place.line, place.column, severity, f"{named(whole)}: {what}", fix, played)] = None

    @property
    def all(self) -> list[Problem]:
        """In the order of the file."""
        return sorted(self._found, key=lambda one: one[:2])


def named(path: Sequence[str | int]) -> str:
    """How a part is called: ``an option of node `inicio` ``."""
    whole, rest = "the menu", list(path)
    if len(path) >= 2 and path[0] == "nodes":
        whole, rest = f"node `{path[1]}`", list(path[2:])
    parts: list[str] = []
    for index, part in enumerate(rest):
        if isinstance(part, int):
            parts[-1] = _ITEMS.get(str(rest[index - 1]), f"an item of `{rest[index - 1]}`")
        else:
            parts.append(f"`{part}`")
    parts = [*reversed(parts)]
    return " of ".join(parts if parts and whole == "the menu" else [*parts, whole])


def listed(names: Sequence[str] | Mapping[str, object]) -> str:
    """A few names for a person."""
    shown = [f"`{name}`" for name in list(names)[:12]]
    return ", ".join(shown) + (", …" if len(names) > 12 else "")
