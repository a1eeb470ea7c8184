"""What a tenant's file says of its desk: the address, the secrets that sign, further headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from msgspec import Meta
from yarl import URL

from processors.agents.checks import HOST_OPTIONS, Problem
from processors.agents.limits import AgentFailed
from processors.agents.reading import read, shown
from runtime.hooks import secret_problem
from runtime.secrets import Secret
from schemas.record import Frozen

_OUTSIDE = "a secret is given as {env: NAME} or {file: PATH}, never as text"


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
    known = {name: config[name] for name in config if name in Settings.__struct_fields__}
    if not known:
        return None
    settings, problem = read(known, Settings)
    if settings is None:
        told = f"{shown(problem.path)}: {problem.what}" if problem else ""
        raise AgentFailed("settings", f"agents.desk of the tenant's file: {told}")
    return settings


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with a tenant's settings, each with its place and what to write instead."""
    own = {name: value for name, value in settings.items() if name not in HOST_OPTIONS}
    found, problem = read(own, Settings)
    if found is None:
        yield problem or Problem((), "cannot be read")
        return
    if why := _of_url(found):
        yield Problem(("url",), why)
    given = settings.get("secret")
    for index, secret in enumerate(_listed(given)):
        place = ("secret", index) if isinstance(given, list) else ("secret",)
        why = secret_problem(secret) if isinstance(secret, Secret) else _OUTSIDE
        if why:
            yield Problem(place, why)
    if not _listed(given):
        yield Problem(("secret",), "calls are signed, so that the desk can tell who calls; " + _OUTSIDE)


def _of_url(settings: Settings) -> str:
    try:
        url = URL(settings.url)
    except ValueError:
        return "is no address; write https://desk.example/relevo"
    if url.scheme not in ("https", "http") or not url.host:
        return "is no address; write https://desk.example/relevo"
    if url.scheme == "http" and not settings.plain:
        return "needs https://; in a network of your own `plain: true` allows http://"
    return ""


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value else []
