"""The `Retry-After` header: seconds, or a date (RFC 9110, 10.2.3). Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

LONGEST_S = 86_400.0


def retry_after_s(value: str, now_ms: int) -> float | None:
    """Seconds to wait, 0 to `LONGEST_S`; None when the header is missing or says nothing readable."""
    text = value.strip()
    if text.isascii() and text.isdigit():
        # an absurd number of digits is a long wait, not an error
        return min(float(text[:9]), LONGEST_S) if len(text) <= 9 else LONGEST_S
    try:
        when = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    try:
        left = when.timestamp() - now_ms / 1000
    except (OverflowError, ValueError):
        return None
    return min(max(left, 0.0), LONGEST_S)
