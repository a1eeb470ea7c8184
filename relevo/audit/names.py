"""Names of what is no fault: the first are kept, all are counted. Pure."""

from __future__ import annotations

NAMED_MAX = 10_000
"""So many are named of what is no fault: on its way, parked, in doubt."""


class Names:
    """Names of what is no fault, the first of them, and how many there are."""

    def __init__(self) -> None:
        self.count = 0
        self._names: list[str] = []

    def add(self, name: str) -> None:
        self.count += 1
        if len(self._names) < NAMED_MAX:
            self._names.append(name)

    @property
    def named(self) -> list[str]:
        return sorted(self._names)
