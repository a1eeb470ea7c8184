"""A dashboard of Grafana: rows of panels, each of which says what it shows, in which unit, and why one looks at it.

Promises: Prometheus is a variable, so that a board fits any Grafana. `problems` says what is wrong with one. Leaves to
Grafana to draw it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["timeseries", "stat"]
UNITS = frozenset(("short", "reqps", "s", "bytes", "percentunit", "ops", "none", "bool_yes_no", "dtdurations"))
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}
_COLUMNS, _HEIGHT = 24, 8


@dataclass(frozen=True)
class Query:
    """What Prometheus is asked, and the name of each line."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """`limit` draws a line where an alert fires or an objective ends."""

    title: str
    description: str
    unit: str
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    width: int = 8
    limit: float | None = None

    def model(self, number: int, x: int, y: int, height: int = _HEIGHT) -> dict[str, Any]:
        """As Grafana has it."""
        steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
        if self.limit is not None:
            steps.append({"color": "red", "value": self.limit})
        defaults: dict[str, Any] = {"unit": self.unit, "thresholds": {"mode": "absolute", "steps": steps}}
        if self.kind == "timeseries":
            style = "dashed" if self.limit is not None else "off"
            defaults |= {"min": 0, "custom": {"thresholdsStyle": {"mode": style}, "fillOpacity": 10}}
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.description,
            "datasource": _SOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": height},
            "fieldConfig": {"defaults": defaults, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom"}} if self.kind == "timeseries" else {},
            "targets": [
                {"refId": chr(65 + place), "datasource": _SOURCE, "expr": query.expr, "legendFormat": query.legend}
                for place, query in enumerate(self.queries)
            ],
        }


@dataclass(frozen=True)
class Row:
    """Panels under one title."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """`variables` are further ones beside Prometheus: a name, and the query for what it may be."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: dict[str, str] = field(default_factory=dict)

    def panels(self) -> Iterator[Panel]:
        """All of them."""
        for row in self.rows:
            yield from row.panels

    def model(self) -> dict[str, Any]:
        """As Grafana has it."""
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": ["relevo"],
            "schemaVersion": 39,
            "version": 1,
            "editable": True,
            "refresh": "30s",
            "time": {"from": "now-6h", "to": "now"},
            "links": [
                {"type": "dashboards", "tags": ["relevo"], "title": "Relevo", "asDropdown": True, "includeVars": True}
            ],
            "templating": {"list": [_datasource(), *(_variable(*one) for one in self.variables.items())]},
            "panels": list(self._placed()),
        }

    def _placed(self) -> Iterator[dict[str, Any]]:
        number, y = 0, 0
        for row in self.rows:
            number += 1
            grid = {"x": 0, "y": y, "w": _COLUMNS, "h": 1}
            yield {"id": number, "type": "row", "title": row.title, "gridPos": grid, "collapsed": False, "panels": []}
            x, y = 0, y + 1
            for panel in row.panels:
                if x + panel.width > _COLUMNS:
                    x, y = 0, y + _HEIGHT
                number += 1
                yield panel.model(number, x, y)
                x += panel.width
            y += _HEIGHT


def _datasource() -> dict[str, Any]:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}


def _variable(name: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": name,
        "type": "query",
        "datasource": _SOURCE,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
    }


def problems(model: dict[str, Any]) -> list[str]:
    """What is wrong with a board as Grafana has it: each panel needs Prometheus as a variable, a unit, a description,
    a name for each line, its own place, and no variable that the board has not."""
    panels = [panel for panel in model["panels"] if panel["type"] != "row"]
    known = {one["name"] for one in model["templating"]["list"]}
    found = [f"{panel['title']}: {why}" for panel in panels for why in _of_panel(panel, known)]
    titles = [panel["title"] for panel in panels]
    found += [f"{title}: twice" for title in set(titles) if titles.count(title) > 1]
    return found + _overlaps([panel["gridPos"] for panel in model["panels"]])


def _of_panel(panel: dict[str, Any], known: set[str]) -> Iterator[str]:
    if panel["datasource"]["uid"] != "${datasource}":
        yield "asks a Prometheus of its own"
    if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
        yield "has no unit that is known"
    if not panel["description"].endswith("."):
        yield "has no description"
    if not panel["targets"]:
        yield "asks nothing"
    for target in panel["targets"]:
        used = set(re.findall(r"\$\{?([a-z]\w*)", target["expr"]))
        if unknown := used - known:
            yield f"uses ${', $'.join(sorted(unknown))}, which is no variable"
        if panel["type"] == "timeseries" and not target["legendFormat"]:
            yield "has a line without a name"
        if target["datasource"] != panel["datasource"]:
            yield "asks two sources"


def _overlaps(places: Sequence[dict[str, int]]) -> list[str]:
    taken: set[tuple[int, int]] = set()
    for place in places:
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        if cells & taken or place["x"] + place["w"] > _COLUMNS:
            return [f"panels lie on one another at {place}"]
        taken |= cells
    return []
