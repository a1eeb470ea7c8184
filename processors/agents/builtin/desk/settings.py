"""What a tenant's file says of its desk: the address, the secrets that sign, further headers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from yarl import URL

from processors.agents.checks import HOST_OPTIONS, Problem
from runtime.hooks import secret_problem
from runtime.secrets import Secret
from schemas.record import Frozen

_OUTSIDE = "a secret is given as {env: NAME} or {file: PATH}, never as text"
_NAMES = ("url", "secret", "headers")


class Settings(Frozen):
    """`secrets` sign, each of them; without one nothing is signed."""

    url: str
    secrets: tuple[str, ...] = ()
    headers: dict[str, str] = {}


def read(config: Mapping[str, Any]) -> Settings | None:
    """The settings as they are used; None where there is no address."""
    url = config.get("url")
    if not isinstance(url, str) or not url:
        return None
    headers = {str(name): str(value) for name, value in dict(config.get("headers") or {}).items()}
    return Settings(url=url, secrets=tuple(map(str, _listed(config.get("secret")))), headers=headers)


def problems(settings: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with the settings, each with its place and what to write instead."""
    for name in settings:
        if name not in _NAMES and name not in HOST_OPTIONS:
            yield Problem((name,), f"no such field; known are {', '.join(_NAMES)}")
    if why := _of_url(settings.get("url")):
        yield Problem(("url",), why)
    given = settings.get("secret")
    for index, secret in enumerate(_listed(given)):
        place = ("secret", index) if isinstance(given, list) else ("secret",)
        why = secret_problem(secret) if isinstance(secret, Secret) else _OUTSIDE
        if why:
            yield Problem(place, why)
    if not _listed(given):
        yield Problem(
            ("secret",), "calls are signed, so that the desk can tell who calls: {env: NAME} of a whsec_… secret"
        )
    try:
        msgspec.convert(settings.get("headers", {}), dict[str, str])
    except msgspec.ValidationError:
        yield Problem(("headers",), "names with a text each")


def _of_url(url: object) -> str:
    if not isinstance(url, str) or not url:
        return "where the desk listens: https://…"
    try:
        parsed = URL(url)
    except ValueError:
        return "is no address"
    return "" if parsed.scheme in ("https", "http") and parsed.host else "is no address; write https://…"


def _listed(value: object) -> list[Any]:
    return list(value) if isinstance(value, list) else [value] if value else []
