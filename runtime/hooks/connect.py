"""A caller with everything that it needs, for as long as a service runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from runtime.circuit import Pace
from runtime.clock import now_ms
from runtime.hooks.breaker import Breaker
from runtime.hooks.caller import Caller
from runtime.http import Guard, client_session
from runtime.settings import HooksSettings, TenantsSettings

# Below the shortest idle time-out that servers commonly have (5 s), so that a call seldom meets a closing connection.
_KEEPALIVE_S = 4
_NAMES_S = 10  # an address that was checked is used again for so long; a name that hangs takes one look-up, not many


@asynccontextmanager
async def connected(
    hooks: HooksSettings, tenants: TenantsSettings, *, use: str, clock: Callable[[], int] = now_ms
) -> AsyncIterator[Caller]:
    """A caller. `use` names its calls in metrics."""
    guard = Guard(tenants.private_networks)
    pace = Pace(hooks.failures, hooks.pause_s, hooks.pause_max_s)
    async with client_session(
        total_s=300,  # each call has its own
        connect_s=hooks.connect_timeout_s,
        limit=0,  # the calls under way are bounded by who makes them
        limit_per_host=hooks.per_host,
        keepalive_s=_KEEPALIVE_S,
        guard=guard,
        names_s=_NAMES_S,
    ) as session:
        yield Caller(session, guard, Breaker(pace), use=use, answer_max=hooks.answer_max, clock=clock)
