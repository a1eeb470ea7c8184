"""What a menu may name of its tenant: office hours, templates, languages. Only what is known is checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from schemas.tenant import Hours, TemplateSpec, Tenant


class TenantFacts(msgspec.Struct, frozen=True):
    """A tenant's facts."""

    hours: Mapping[str, Hours] = {}
    templates: Sequence[TemplateSpec] = ()
    languages: Sequence[str] = ()

    @classmethod
    def of(cls, tenant: Tenant) -> TenantFacts:
        return cls(tenant.hours, tuple(tenant.templates), tuple(tenant.languages))
