"""A tenant file read for its routing alone: no secret, no key and no Kafka are needed to try rules out.

Leaves to `relevo tenants apply`: everything else in the file, which is not looked at.
"""

from __future__ import annotations

from collections.abc import Collection

from relevo.tenants import shape
from relevo.tenants.file import routing_mistakes
from relevo.tenants.yaml_source import FileError, YamlSource
from schemas.tenant import Tenant

_PARTS = ("tenant", "name", "lines", "hours", "routing")


def routing_of(source: YamlSource, agents: Collection[str] = ()) -> Tenant:
    """The tenant with what routing needs of it. `agents` are the types that run (empty: not checked).

    Raises FileError that lists every mistake with its line.
    """
    whole = source.data if isinstance(source.data, dict) else {}
    data = {part: whole[part] for part in _PARTS if part in whole}
    mistakes = [f"{source.at(path)}: {advice}" for path, advice in shape.unknown_fields(data, Tenant)]
    tenant, error = shape.convert(data, Tenant)
    if error:
        path, what = error
        mistakes.append(f"{source.at(path)}: {what}")
    else:
        mistakes += routing_mistakes(source, tenant, agents)
    if mistakes:
        raise FileError(mistakes)
    found: Tenant = tenant
    return found
