"""Rate: a bucket of tokens for each key, over explicit time. Pure."""

from __future__ import annotations

from collections.abc import Container


class RateLimit:
    """At most `burst` at once and `rate_per_s` a second for one key; a rate of 0 is no limit."""

    def __init__(self, rate_per_s: float, burst: int) -> None:
        self._rate = rate_per_s
        self._burst = float(burst)
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, key: str, now_s: float) -> float:
        """Takes a token and gives 0, or takes none and gives the seconds until there is one."""
        if not self._rate:
            return 0.0
        tokens, at = self._buckets.get(key, (self._burst, now_s))
        tokens = min(self._burst, tokens + max(0.0, now_s - at) * self._rate)
        if tokens < 1:
            self._buckets[key] = tokens, now_s
            return (1 - tokens) / self._rate
        self._buckets[key] = tokens - 1, now_s
        return 0.0

    def keep_only(self, keys: Container[str]) -> None:
        """Forgets the buckets of keys that are gone."""
        self._buckets = {key: bucket for key, bucket in self._buckets.items() if key in keys}
