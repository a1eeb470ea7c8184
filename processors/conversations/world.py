"""What the core is told of the world: the rules, who owns a line, and which agents there are."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import NamedTuple

from runtime.settings import ProcessorSettings
from schemas.tenant import Tenant

DAY_MS = 86_400_000


class Rules(NamedTuple):
    """Limits, in milliseconds where a name ends in `_ms`. `window_ms` is WhatsApp's window less our margin; `sweep` how
    many conversations a chunk looks at for idle ones, `sweep_quiet` how many of a partition housekeeping does."""

    window_ms: int = 86_100_000
    late_ms: int = DAY_MS
    ring: int = 46
    idle_ms: int = 7 * DAY_MS
    sweep: int = 8
    sweep_quiet: int = 64

    @classmethod
    def of(cls, settings: ProcessorSettings) -> Rules:
        """The rules that the environment sets."""
        return cls(
            window_ms=(settings.window_s - settings.window_margin_s) * 1000,
            late_ms=settings.late_s * 1000,
            ring=settings.ring_size,
            idle_ms=int(settings.idle_days * DAY_MS),
        )


class World(NamedTuple):
    """`owner(did)` is the tenant that has the line now; `agents` the types whose topics exist; `partitions` the
    cluster's count, for topics that are partitioned by line."""

    owner: Callable[[str], Tenant | None]
    agents: Collection[str]
    partitions: int
    rules: Rules = Rules()
