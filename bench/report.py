"""Figures for a program (one JSON object, on the last line) or for a person (a table)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from typing import Any


def show(figures: Mapping[str, Any], *, as_json: bool, lines: Iterable[str] = ()) -> None:
    """Print the figures; `lines` say more, on stderr."""
    for line in lines:
        print(line, file=sys.stderr)
    if as_json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    for name, value in figures.items():
        shown = f"{value:,}" if isinstance(value, int | float) else str(value)
        print(f"{name:<{width}}  {shown}")
