"""A picture of a board, drawn from what Prometheus said: plain panels with lines, for the pages."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import NamedTuple

from relevo.monitoring.dashboards.board import Board, Panel

WIDTH, ROW, TITLE = 1200, 150, 26
COLORS = ("#3274d9", "#e0752d", "#299c46", "#a352cc", "#c4162a", "#b5a300", "#0a8b8b", "#8f5f3b")
LINES_MAX = 8
_STYLE = (
    "text{font:11px sans-serif;fill:#333}.t{font-weight:bold}.r{font-size:14px;font-weight:bold}"
    ".n{font-size:26px;font-weight:bold}.p{fill:#fff;stroke:#ccc}.l{fill:none;stroke-width:1.5}"
    ".x{stroke:#c4162a;stroke-dasharray:4 3}.s{font-size:9px}"
)


class Drawn(NamedTuple):
    """One line of a panel: its name, and its points as (seconds, value)."""

    name: str
    points: Sequence[tuple[float, float]]


def picture(board: Board, data: dict[str, list[Drawn]], seconds: float) -> str:
    """The board as SVG; `data` by the panel's title, `seconds` is how long it was watched."""
    body, y = [], 8.0
    for row in board.rows:
        body.append(f'<text class="r" x="8" y="{y + 14:.0f}">{escape(row.title)}</text>')
        x, y = 0.0, y + TITLE - 6
        for panel in row.panels:
            width = panel.width / 24 * WIDTH
            if x + width > WIDTH + 1:
                x, y = 0.0, y + ROW
            body += _panel(panel, data.get(panel.title, []), x + 4, y, width - 8, seconds)
            x += width
        y += ROW + 6
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y:.0f}" role="img">'
    title = f"<title>{escape(board.title)}</title><style>{_STYLE}</style>"
    return "\n".join([head, title, f'<rect width="{WIDTH}" height="{y:.0f}" fill="#f4f5f5"/>', *body, "</svg>"]) + "\n"


def _panel(panel: Panel, lines: list[Drawn], x: float, y: float, width: float, seconds: float) -> Iterator[str]:
    height = ROW - 8.0
    yield f'<rect class="p" x="{x:.0f}" y="{y:.0f}" width="{width:.0f}" height="{height:.0f}"/>'
    yield f'<text class="t" x="{x + 6:.0f}" y="{y + 14:.0f}">{escape(panel.title)}</text>'
    values = [value for line in lines for _, value in line.points if math.isfinite(value)]
    if panel.kind == "stat":
        shown = f"{values[-1]:.0%}" if values else "nothing"
        yield f'<text class="n" x="{x + 12:.0f}" y="{y + height / 2 + 10:.0f}">{shown}</text>'
        return
    top = max([*values, 0.0]) or 1.0
    if panel.limit is not None and panel.limit < top * 1.5:
        top = max(top, panel.limit)
        at = _up(panel.limit, top, y, height)
        yield f'<line class="x" x1="{x + 4:.0f}" x2="{x + width - 4:.0f}" y1="{at:.0f}" y2="{at:.0f}"/>'
    yield f'<text class="s" x="{x + 6:.0f}" y="{y + 25:.0f}">{_number(top, panel.unit)}</text>'
    busiest = sorted(lines, key=lambda line: -sum(value for _, value in line.points if math.isfinite(value)))
    for place, line in enumerate(busiest[:LINES_MAX]):
        color = COLORS[place % len(COLORS)]
        points = " ".join(
            f"{x + 6 + at / max(seconds, 1) * (width - 12):.0f},{_up(value, top, y, height):.0f}"
            for at, value in line.points
            if math.isfinite(value)
        )
        yield f'<polyline class="l" stroke="{color}" points="{points}"/>'
    yield _legend([line.name for line in busiest[:LINES_MAX]], x, y + height - 6, width)


def _up(value: float, top: float, y: float, height: float) -> float:
    return y + height - 22 - value / top * (height - 54)


def _legend(names: Sequence[str], x: float, y: float, width: float) -> str:
    parts, room = [], int(width / 5.2)
    for place, name in enumerate(names):
        if len(name) + 3 > room:
            parts.append("…")
            break
        room -= len(name) + 3
        parts.append(f'<tspan fill="{COLORS[place % len(COLORS)]}">■</tspan> {escape(name or "value")} ')
    return f'<text class="s" x="{x + 6:.0f}" y="{y:.0f}">{"".join(parts)}</text>'


def _number(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.0%}"
    if unit == "bytes":
        return f"{value / 1_048_576:.0f} MiB" if value >= 1_048_576 else f"{value:.0f} B"
    return f"{value:.3g} s" if unit == "s" else f"{value:.3g}"
