"""Names in Kafka that the lease works with; tests have their own."""

from __future__ import annotations

from typing import NamedTuple

from schemas import topics


class Names(NamedTuple):
    """Topics and the group; `partitions` is how many `tokens` and `tokens.requests` have."""

    partitions: int
    tokens: str = topics.TOKENS.name
    requests: str = topics.TOKENS_REQUESTS.name
    tenants: str = topics.TENANTS.name
    group: str = "relevo-lease"

    @classmethod
    def of(cls, profile: str) -> Names:
        """Those of the catalogue."""
        return cls(partitions=topics.TOKENS_REQUESTS.count(topics.PROFILES[profile]))

    @property
    def dead_letters(self) -> str:
        return self.requests + topics.DEAD_LETTERS
