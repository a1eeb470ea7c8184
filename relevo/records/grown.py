"""Values and types that came after a version which is kept, and what its readers make of them.

A value that an older reader does not know makes the whole record unreadable to it. So each says who must be upgraded
first, or why nothing of the kind is written while the older version runs.
"""

from __future__ import annotations

from collections.abc import Mapping

GROWN: Mapping[tuple[str, str], str] = {}
"""By struct and field (or thing), and value (or tag)."""
