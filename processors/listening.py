"""Whose transcripts are told what others say: a tap that listens, and the agents that a tenant's rules lead to.

A tap hears the person's messages as events. What bots and humans say reaches it only if it listens: `desk` does, and
each tap whose settings in the tenant's file say `transcript: whole`. It costs a record for each thing said. Pure.
"""

from __future__ import annotations

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


def _asks(tenant: Tenant, tap: str) -> bool:
    return tenant.agents.get(tap, {}).get("transcript") == WHOLE
