"""What a menu may name of its tenant: office hours, templates, languages. Only what is known is checked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from processors.conversations.terms import Terms
from schemas.tenant import Hours, TemplateSpec, Tenant


class TenantFacts(msgspec.Struct, frozen=True):
    """A tenant's facts. `unheard` are words (folded) that opt out, so that no menu hears them; None: the usual ones."""

    hours: Mapping[str, Hours] = {}
    templates: Sequence[TemplateSpec] = ()
    languages: Sequence[str] = ()
    unheard: Collection[str] | None = None

    @classmethod
    def of(cls, tenant: Tenant) -> TenantFacts:
        terms = Terms(tenant)
        unheard = frozenset() if terms.agent else frozenset(terms.out)
        return cls(tenant.hours, tuple(tenant.templates), tuple(tenant.languages), unheard)

    @staticmethod
    def usual(languages: Sequence[str]) -> Collection[str]:
        """What opts out where a tenant of these languages says nothing of it."""
        return Terms(Tenant(tenant="", languages=list(languages))).out
