"""Whose transcripts are told what others say: a tap that listens, and the agents that a tenant's rules lead to.

A tap hears the person's messages as events. What bots and humans say reaches it only if it listens: `desk` does, and
each tap whose settings in the tenant's file say `transcript: whole`. It costs a record for each thing said. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator

from processors.routing.router import DEFAULT_AGENT
from schemas.tenant import Tenant

WHOLE = "whole"
_ALWAYS = frozenset(("desk",))


def listeners(tenant: Tenant) -> list[str]:
    """The tenant's taps that are told all that is said."""
    return [tap for tap in tenant.routing.also if tap in _ALWAYS or _asks(tenant, tap)]


def speakers(tenant: Tenant) -> list[str]:
    """The agents that may get the person's events, each once."""
    return list(dict.fromkeys((*(rule.to for rule in tenant.routing.route), DEFAULT_AGENT)))


def problems(tenant: Tenant) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with what the tenant's file says of it: where, and what to write instead."""
    for name, settings in tenant.agents.items():
        given = settings.get("transcript")
        if given is not None and given != WHOLE:
            yield ("agents", name, "transcript"), f"`{WHOLE}`, for a tap that is told all that is said; or leave it out"
        elif given == WHOLE and name not in tenant.routing.also:
            yield ("agents", name, "transcript"), "taps alone listen; name it in `routing.also`, or leave this out"


def _asks(tenant: Tenant, tap: str) -> bool:
    return tenant.agents.get(tap, {}).get("transcript") == WHOLE
