"""What is wrong with menu files, for a person or for a program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from processors.agents.builtin.menu import TenantFacts, check
from processors.agents.builtin.menu.problem import Problem

_TOLD = ("line", "column", "severity", "what", "fix")


class Report(NamedTuple):
    """A file, and what is wrong with it in the order of its lines."""

    file: str
    problems: list[Problem]

    @property
    def errors(self) -> int:
        return sum(one.severity == "error" for one in self.problems)

    @property
    def warnings(self) -> int:
        return len(self.problems) - self.errors

    def lines(self) -> Iterator[str]:
        """`file:line:column: error: what; what to do`, as editors and compilers have it."""
        for one in self.problems:
            yield f"{self.file}:{one.line}:{one.column}: {one.severity}: {one.text}"

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {"file": self.file, "problems": [{name: getattr(one, name) for name in _TOLD} for one in self.problems]}


def report(path: Path, tenant: TenantFacts | None = None) -> Report:
    """What is wrong with a file; one that cannot be read has that as its one error."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return Report(str(path), [Problem(1, 1, "error", f"cannot be read: {what}", "give a YAML file in UTF-8")])
    return Report(str(path), check(text, tenant).problems)


def summary(reports: list[Report]) -> str:
    """One line about all."""
    errors, warnings = sum(one.errors for one in reports), sum(one.warnings for one in reports)
    files = f"{len(reports)} file{'s' if len(reports) != 1 else ''}"
    return f"{files}: {errors} error{'s' if errors != 1 else ''}, {warnings} warning{'s' if warnings != 1 else ''}"
