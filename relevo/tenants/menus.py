"""A tenant's menu, checked line by line against what the same tenant file says: hours, templates, languages.

It is the check of `relevo menu check`; only what keeps a menu from being used keeps a tenant from being stored.
"""

from __future__ import annotations

from processors.agents.builtin.menu import TenantFacts, check
from schemas.tenant import Tenant

AGENT = "menu"


def mistakes(tenant: Tenant, file: str) -> list[str]:
    """One line for each, with its line in the menu. `file` is where its text came from; empty: from the tenant file."""
    text = tenant.agents.get(AGENT, {}).get(AGENT)
    if not isinstance(text, str) or not text.strip():
        return []
    found = check(text, TenantFacts.of(tenant)).problems
    return [f"{file or 'agents.menu.menu'}: {one}" for one in found if one.severity == "error"]
