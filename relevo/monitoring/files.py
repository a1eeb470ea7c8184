"""The files of the monitoring, in the chart: rules of Prometheus and dashboards of Grafana.

    python -m relevo.monitoring --write     writes them into the chart
    python -m relevo.monitoring --check     fails when one is not what the code says

Promises: they are plain files, which work without the chart as well. Leaves to the chart to wrap them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import yaml

from relevo.monitoring.alerts import GROUPS
from relevo.monitoring.dashboards import DASHBOARDS
from relevo.monitoring.rule import Group

CHART = Path(__file__).resolve().parents[2] / "deploy" / "helm" / "relevo"
_MADE = "# Made by `python -m relevo.monitoring --write`; edit what the code declares, not this file.\n"


def rules_file(groups: Iterable[Group] = GROUPS) -> str:
    """All groups, as Prometheus reads them."""
    rules = {"groups": [group.group() for group in groups]}
    return _MADE + yaml.safe_dump(rules, sort_keys=False, width=10_000, allow_unicode=True)


def made() -> Mapping[str, Callable[[], str]]:
    """File names in the chart, and what makes their text."""
    boards = {
        f"files/dashboards/{board.uid}.json": lambda board=board: json.dumps(board.model(), indent=1) + "\n"
        for board in DASHBOARDS
    }
    return {"files/rules/alerts.yaml": rules_file, **boards}


def stale(chart: Path = CHART) -> list[str]:
    """Names of the files that are missing or not what the code says."""
    return [name for name, text in made().items() if not _is(chart / name, text())]


def write(chart: Path = CHART) -> list[str]:
    """Write the files that changed; gives their names."""
    changed = stale(chart)
    for name in changed:
        (chart / name).parent.mkdir(parents=True, exist_ok=True)
        (chart / name).write_text(made()[name](), encoding="utf-8")
    return changed


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text
