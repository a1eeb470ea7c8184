"""A tenant file read for its routing, or for what menus name: no secret, no key and no Kafka are needed for that.

Leaves to `relevo tenants apply`: everything else in the file, which is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection

from processors.agents.builtin.menu import TenantFacts
from relevo.tenants import shape
from relevo.tenants.file import routing_mistakes
from relevo.tenants.yaml_source import FileError, YamlSource
from schemas.tenant import Tenant

_PARTS = ("tenant", "name", "lines", "hours", "routing")
_OF_MENUS = ("tenant", "name", "hours", "templates", "languages", "optout")


def routing_of(source: YamlSource, agents: Collection[str] = ()) -> Tenant:
    """The tenant with what routing needs of it. `agents` are the types that run (empty: not checked).

    Raises FileError that lists every mistake with its line.
    """
    found = _read(source, _PARTS)
    mistakes = routing_mistakes(source, found, agents)
    if mistakes:
        raise FileError(mistakes)
    return found


def facts_of(source: YamlSource) -> TenantFacts:
    """What a menu may name of the tenant. Raises FileError that lists every mistake with its line."""
    return TenantFacts.of(_read(source, _OF_MENUS))


def _read(source: YamlSource, parts: Collection[str]) -> Tenant:
    """The tenant with these parts alone."""
    whole = source.data if isinstance(source.data, dict) else {}
    data = {part: whole[part] for part in parts if part in whole}
    mistakes = [f"{source.at(path)}: {advice}" for path, advice in shape.unknown_fields(data, Tenant)]
    tenant, error = shape.convert(data, Tenant)
    if error:
        path, what = error
        mistakes.append(f"{source.at(path)}: {what}")
    if mistakes:
        raise FileError(mistakes)
    found: Tenant = tenant
    return found
