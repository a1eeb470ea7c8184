"""Records of `pauses`: sending stands still for everybody or for a tenant, as long as the record is there."""

from __future__ import annotations

from typing import Literal

from schemas import keys
from schemas.record import Record

ALL = "all"


class Pause(Record):
    """Who paused what, and why. A tombstone under the same key ends it."""

    scope: Literal["all", "tenant"]
    since_ms: int
    by: str
    tenant: str = ""
    why: str = ""

    @property
    def key(self) -> str:
        """The record's key: `all`, or `tenant|<name>`."""
        return ALL if self.scope == "all" else keys.join("tenant", self.tenant)
