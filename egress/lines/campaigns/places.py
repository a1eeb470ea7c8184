"""Places: a set of a campaign's recipients, one bit each, by chunk. Pure."""

from __future__ import annotations


class Places:
    """Adding one that is there, or taking out one that is not, changes nothing."""

    def __init__(self) -> None:
        self._bits: dict[int, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, chunk: int, place: int) -> bool:
        """Whether it is new."""
        bits = self._bits.get(chunk, 0)
        self._bits[chunk] = bits | 1 << place
        return self._counted(self._bits[chunk] != bits, 1)

    def discard(self, chunk: int, place: int) -> bool:
        """Whether it was there."""
        bits = self._bits.get(chunk, 0)
        left = bits & ~(1 << place)
        if left:
            self._bits[chunk] = left
        else:
            self._bits.pop(chunk, None)
        return self._counted(left != bits, -1)

    def _counted(self, changed: bool, more: int) -> bool:
        self._count += more if changed else 0
        return changed
