"""The table of faults and alerts as docs/operations.md shows it, and what of the alerts no fault here brings about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from relevo.monitoring.alerts import alerts
from tests.watched.table import LATE, ROWS

BEGIN, END = "<!-- faults -->", "<!-- /faults -->"
HEAD = ("| fault | fires | may fire as well |", "|---|---|---|")


def table() -> str:
    """Each fault, what must fire while it stands, and what may."""
    rows = [f"| {row.what} | {_listed(row.must)} | {_may(row.may)} |" for row in ROWS]
    return "\n".join((*HEAD, *rows))


def _may(names: Sequence[str]) -> str:
    late = ["what is late"] if set(LATE) <= set(names) else []
    rest = [name for name in names if not late or name not in LATE]
    return ", ".join([*late, *([_listed(rest)] if rest else [])])


def seen() -> set[str]:
    """The alerts that some fault must bring about."""
    return {name for row in ROWS for name in row.must}


def unseen() -> set[str]:
    """Those that fire in `promtool` alone."""
    return {alert.name for alert in alerts()} - seen()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name.removeprefix('Relevo')}`" for name in names)
