"""For how long the oldest record of a partition that is not done has waited. Pure.

Promises: never less than it has waited since this worker took the partition up; 0 when nothing waits. A record that is
not fetched yet tells nobody when it was written: then it counts from when the partition was last done, or from the
record that was the oldest before.
"""

from __future__ import annotations


class Waiting:
    """By partition."""

    def __init__(self) -> None:
        self._since_ms: dict[int, int] = {}

    def seconds(self, partition: int, lag: int, oldest_ms: int, now_ms: int) -> float:
        """`lag` records wait, of which the oldest that was fetched was written at `oldest_ms` (0: none was)."""
        if lag <= 0:
            self._since_ms[partition] = now_ms
            return 0.0
        since_ms = oldest_ms or self._since_ms.get(partition, now_ms)
        self._since_ms[partition] = since_ms
        return max(0, now_ms - since_ms) / 1000

    def forget(self, partition: int) -> None:
        """It went to another worker."""
        self._since_ms.pop(partition, None)
