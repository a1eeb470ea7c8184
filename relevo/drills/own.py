"""A company's own tenants and agents in a drill: its files as they are, but for what leads to Chattigo.

Promises: nothing of theirs is written, no address of theirs is called as Chattigo's, no password of theirs is read:
accounts get the simulator's address, a user and a password of the run. What their agents call themselves is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from relevo.demo import scenario
from relevo.demo.scenario import DemoLine, DemoTenant
from relevo.drills.series import Troupe
from relevo.tenants.yaml_source import FileError, YamlSource
from sandbox.chattigo.config import BASES

_BASES: dict[str, str] = dict(BASES.items())


def troupe(files: Sequence[Path], agents: Sequence[str]) -> Troupe:
    """The tenants of the files, with the agents that they name; `agents` are where such are, `type=module:function`.

    Raises FileError for a file that is not a tenant's.
    """
    data = {str(one["tenant"]): one for one in map(_read, files)}
    tenants = tuple(_tenant(one) for one in data.values())
    where = {spec.partition("=")[0]: spec for spec in agents}
    kinds = dict.fromkeys(str(kind) for one in data.values() for kind in one.get("agents") or {})

    def written(tenant: DemoTenant, chattigo: str) -> str:
        return yaml.safe_dump(rewritten(data[tenant.tenant], chattigo), sort_keys=False, allow_unicode=True)

    specs = tuple(where.get(kind, kind) for kind in [*kinds, *(kind for kind in where if kind not in kinds)])
    return Troupe(tenants, specs, written, templates={}, handoff=False)


def _read(file: Path) -> dict[str, Any]:
    """What a file says, with the paths in it made absolute: what is written of it stands elsewhere."""
    source = YamlSource.read(file)
    data = source.data
    wanted = {"tenant": str, "accounts": dict, "lines": list, "agents": dict}
    if not isinstance(data, dict):
        raise FileError([f"{file}: a tenant file is a mapping that begins with `tenant: NAME`"])
    mistakes = [f"{source.at((name,))}: a drill needs it" for name, kind in wanted.items() if not _is(data, name, kind)]
    if mistakes:
        raise FileError(mistakes)
    found: dict[str, Any] = _absolute(data, file.resolve().parent)
    return found


def _is(data: dict[str, Any], name: str, kind: type) -> bool:
    return isinstance(data.get(name), kind) and bool(data[name])


def _absolute(value: Any, folder: Path) -> Any:
    if isinstance(value, list):
        return [_absolute(one, folder) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        name: str(folder / one) if name == "file" and isinstance(one, str) else _absolute(one, folder)
        for name, one in value.items()
    }


def _tenant(data: dict[str, Any]) -> DemoTenant:
    accounts = data["accounts"]
    lines = [
        DemoLine(str(one["did"]), flat=accounts.get(one.get("sends"), {}).get("service") == "bot")
        for one in data["lines"]
        if isinstance(one, dict) and "did" in one
    ]
    return DemoTenant(str(data["tenant"]), str(data.get("name", data["tenant"])), tuple(lines))


def rewritten(data: dict[str, Any], chattigo: str) -> dict[str, Any]:
    """The tenant's file with the simulator in Chattigo's place, and a webhook's address that is made for the run."""
    tenant = _tenant(data)
    accounts = {
        name: {
            **account,
            "base": chattigo + _BASES.get(account.get("service", ""), ""),
            "username": scenario.username(tenant),
            "password": {"env": scenario.PASSWORD_ENV},
        }
        for name, account in data["accounts"].items()
    }
    return {**data, "accounts": accounts, "secrets": {"webhook": ["auto"]}}
