"""A rule of Prometheus: a series that is recorded, or an alert.

Promises: every alert says how bad it is, which dashboard shows it and which runbook says what to do. Leaves to
`files` how that becomes YAML.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["critical", "warning"]
Dashboard = Literal[
    "relevo-overview", "relevo-ingress", "relevo-processors-kafka", "relevo-egress-campaigns", "relevo-tenant"
]

# Where a runbook and a dashboard are: the chart puts the addresses of an installation before them.
RUNBOOKS = "docs/runbooks/"
DASHBOARDS = "/d/"


@dataclass(frozen=True)
class Alert:
    """Fires when `expr` had a result for `hold`. `summary` is one sentence; it may name labels as `{{ $labels.a }}`."""

    name: str
    expr: str
    hold: str
    severity: Severity
    dashboard: Dashboard
    summary: str
    labels: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"Relevo([A-Z][a-z0-9]*)+", self.name):
            raise ValueError(f"{self.name}: names are Relevo and words")
        if not self.summary.endswith("."):
            raise ValueError(f"{self.name}: its summary is no sentence")

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.hold,
            "labels": {"severity": self.severity, **self.labels},
            "annotations": {
                "summary": self.summary,
                "dashboard": f"{DASHBOARDS}{self.dashboard}",
                "runbook_url": f"{RUNBOOKS}{self.name}.md",
            },
        }


@dataclass(frozen=True)
class Recorded:
    """A series that is reckoned from others, `relevo:<what>:<how>`."""

    name: str
    expr: str

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {"record": self.name, "expr": self.expr}


@dataclass(frozen=True)
class Group:
    """Rules that are evaluated together, in order."""

    name: str
    rules: tuple[Alert | Recorded, ...]

    def group(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {"name": self.name, "rules": [rule.rule() for rule in self.rules]}


def grew(metric: str, by: str, window: str = "15m", more_than: int = 0) -> str:
    """That a counter grew in the window, also when its series is new: of a series that begins with 1 Prometheus' own
    `increase` knows nothing."""
    born = f"sum by ({by}) ({metric} unless {metric} offset {window})"
    known = f"sum by ({by}) (increase({metric}[{window}]))"
    return f"{known} > {more_than} or {born} > {more_than}"
