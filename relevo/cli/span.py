"""How long something takes or is ago, as people say it."""

from __future__ import annotations

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def span(milliseconds: int) -> str:
    """`3 d`, `2 h`, `5 min`, `12 s`: whole units, rounded down; what is negative counts as 0 s."""
    seconds = max(milliseconds, 0) // 1000
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
