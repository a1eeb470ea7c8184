"""What a tenant's file says of its desk: the address, the secrets that sign, further headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta

from processors.agents.checks import Problem, own
from processors.agents.outgoing import address_problem, header_problems, secret_problems
from processors.agents.reading import read, settled
from schemas.record import Frozen


class Settings(Frozen, forbid_unknown_fields=True):
    """Where the desk listens, and what signs: several secrets while one replaces another. `plain` allows http."""

    url: Annotated[str, Meta(min_length=1, max_length=2048)]
    secret: str | list[str]
    plain: bool = False
    headers: dict[str, str] = {}

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(str(one) for one in _listed(self.secret))


def settings_of(config: Mapping[str, Any]) -> Settings | None:
    """The settings of an event's tenant, of which a newer version may know more; None where it named no desk.

    Raises AgentFailed for what `relevo tenants apply` would not have written.
    """
    named = any(name in config for name in Settings.__struct_fields__)
    return settled("desk", config, Settings) if named else None


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a tenant's settings, each with its place and what to write instead."""
    found, problem = read(own(settings), Settings)
    if found is None:
        yield problem or Problem((), "cannot be read")
        return
    if why := address_problem(found.url, plain=found.plain):
        yield Problem(("url",), why)
    if not _listed(found.secret):
        yield Problem(("secret",), "calls are signed, so that the desk can tell who calls: {env: NAME} or {file: PATH}")
    else:
        yield from secret_problems(settings.get("secret"))
    yield from header_problems(found.headers)


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value else []
