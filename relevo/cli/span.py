"""Times as people say them: how long something takes or is ago, and when it was."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))
_WRITTEN = re.compile(r"(\d{1,6}) ?(d|h|min|s)")


def span(milliseconds: int) -> str:
    """`3 d`, `2 h`, `5 min`, `12 s`: whole units, rounded down; what is negative counts as 0 s."""
    seconds = max(milliseconds, 0) // 1000
    for length, unit in _UNITS:
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def parsed(text: str) -> int:
    """Milliseconds of `7d`, `24h`, `30min`, `90s`. Raises ValueError."""
    match = _WRITTEN.fullmatch(text.strip())
    if match is None or not int(match[1]):
        raise ValueError(f"{text!r} is no time span; write 24h, 7d, 30min or 90s")
    lengths = {unit: length for length, unit in (*_UNITS, (1, "s"))}
    return int(match[1]) * lengths[match[2]] * 1000


def moment(at_ms: int) -> str:
    """A time of a record, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
