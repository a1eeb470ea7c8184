"""How durations are spread, in memory that does not grow with their number.

Promises: a quantile is by nearest rank, and told at most one per cent above what it is; the longest duration is exact.
"""

import math
from collections import Counter

import msgspec

_STEP = math.log(1.01)
_LEAST_S = 1e-6  # below that a duration is none


class Quantiles(msgspec.Struct):
    """Of durations, in seconds; all 0 of none."""

    count: int = 0
    p50: float = 0.0
    p90: float = 0.0
    p99: float = 0.0
    most: float = 0.0


class Spread:
    """Durations, one by one."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self._count, self._most = 0, 0.0

    def add(self, seconds: float) -> None:
        """One more; what is negative counts as none."""
        self._count += 1
        self._most = max(self._most, seconds)
        self._steps[math.ceil(math.log(max(seconds, _LEAST_S) / _LEAST_S) / _STEP)] += 1

    def quantiles(self) -> Quantiles:
        """Of all so far."""
        return Quantiles(self._count, self._at(0.5), self._at(0.9), self._at(0.99), round(self._most, 4))

    def _at(self, share: float) -> float:
        left = math.ceil(share * self._count)
        for step in sorted(self._steps):
            left -= self._steps[step]
            if left <= 0:
                told = _LEAST_S * math.exp(step * _STEP) if step else 0.0
                return round(min(told, self._most), 4)
        return 0.0
