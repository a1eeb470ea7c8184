"""The shapes of queries that boards have in common: rates, quantiles, what is largest."""

from __future__ import annotations

from relevo.monitoring.dashboards.board import Kind, Panel, Query

_WINDOW = "$__rate_interval"


def rate(metric: str, by: str = "", where: str = "", every: str = "") -> Query:
    """How often something happens, a second; 0 where it never did. `every` names a line that has no label."""
    inside = f"{{{where}}}" if where else ""
    grouped = f"sum by ({by}) " if by else "sum"
    gap = "" if by else " "
    expr = f"{grouped}{gap}(rate({metric}{inside}[{_WINDOW}])) or on() vector(0)"
    return Query(expr, _legend(by) or every or metric)


def quantiles(metric: str, by: str = "", where: str = "", shares: tuple[float, ...] = (0.5, 0.99)) -> tuple[Query, ...]:
    """Of a histogram."""
    inside = f"{{{where}}}" if where else ""
    labels = f"le, {by}" if by else "le"
    buckets = f"sum by ({labels}) (rate({metric}_bucket{inside}[{_WINDOW}]))"
    return tuple(
        Query(
            f"histogram_quantile({share}, {buckets}) or on() vector(0)",
            f"{_legend(by)} {share:.0%}".strip(),
        )
        for share in shares
    )


def mean(metric: str, by: str = "") -> Query:
    """Of a histogram's values."""
    group = f"sum by ({by})" if by else "sum"
    parts = (f"{group} (rate({metric}_{end}[{_WINDOW}]))" for end in ("sum", "count"))
    return Query(f"({' / '.join(parts)}) or on() vector(0)", _legend(by) or "mean")


def total(metric: str, by: str = "", where: str = "", every: str = "") -> Query:
    """Of all processes together."""
    return _over("sum", metric, by, where, every)


def most(metric: str, by: str = "", where: str = "", every: str = "") -> Query:
    """Of the process where it is most."""
    return _over("max", metric, by, where, every)


def least(metric: str, by: str = "", where: str = "", every: str = "") -> Query:
    """Of the process where it is least."""
    return _over("min", metric, by, where, every)


def _over(how: str, metric: str, by: str, where: str, every: str) -> Query:
    inside = f"{{{where}}}" if where else ""
    grouped = f"{how} by ({by}) ({metric}{inside})" if by else f"{how}({metric}{inside})"
    return Query(f"{grouped} or on() vector(0)", _legend(by) or every or how)


def _legend(by: str) -> str:
    return " ".join(f"{{{{{label.strip()}}}}}" for label in by.split(",")) if by else ""


def panel(
    title: str,
    unit: str,
    *queries: Query,
    why: str,
    kind: Kind = "timeseries",
    width: int = 8,
    limit: float | None = None,
) -> Panel:
    """A panel; `why` is its description."""
    return Panel(title, why, unit, queries, kind, width, limit)
