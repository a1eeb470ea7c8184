"""An agent's settings as the agent gets them: the tenant's part of its file, with secrets decrypted.

Promises: a secret opens only where it was written (tenant, agent, place); it is a `Secret`, which hides itself. An
event of a tenant whose secrets do not open becomes a dead letter with the cause `secrets`, which can be put back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from processors.agents.limits import AgentFailed
from runtime.secrets import DecryptionError, KeyRing, Secret
from schemas.tenant import SEALED, Tenant, agent_secret_context

Path = tuple[str | int, ...]


class Configs:
    """The settings of one agent type by tenant; worked out once for each record of a tenant."""

    def __init__(self, kind: str, tenant: Callable[[str], Tenant | None], ring: KeyRing | None) -> None:
        self._kind = kind
        self._tenant = tenant
        self._ring = ring
        self._known: dict[str, tuple[Tenant, Mapping[str, Any]]] = {}

    def __call__(self, name: str) -> Mapping[str, Any]:
        """Raises AgentFailed."""
        tenant = self._tenant(name)
        if tenant is None:
            self._known.pop(name, None)
            return {}
        known, config = self._known.get(name, (None, {}))
        if known is not tenant:
            config = self._opened(tenant)
            self._known[name] = tenant, config
        return config

    def _opened(self, tenant: Tenant) -> Mapping[str, Any]:
        def decrypted(text: str, path: Path) -> Secret:
            where = ".".join(map(str, ("agents", self._kind, *path)))
            if self._ring is None:
                raise AgentFailed("secrets", f"{where}: RELEVO_KEYS_FILE is not set, so it cannot be decrypted")
            try:
                return Secret(self._ring.decrypt(text, agent_secret_context(tenant.tenant, self._kind, path)))
            except DecryptionError as error:
                raise AgentFailed("secrets", f"{where}: {error}") from None

        found: Mapping[str, Any] = unsealed(tenant.agents.get(self._kind, {}), decrypted)
        return found


def sealed(value: object) -> str:
    """The encrypted text that a value is; empty if it is none."""
    text = value.get(SEALED) if isinstance(value, Mapping) and len(value) == 1 else None
    return text if isinstance(text, str) else ""


def has_sealed(value: Any) -> bool:
    """Whether anything in the value is sealed."""
    if sealed(value):
        return True
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return any(map(has_sealed, inner))


def unsealed(value: Any, decrypted: Callable[[str, Path], Secret], path: Path = ()) -> Any:
    """The value with what is sealed in it opened."""
    if text := sealed(value):
        return decrypted(text, path)
    if isinstance(value, Mapping):
        return {name: unsealed(inner, decrypted, (*path, name)) for name, inner in value.items()}
    if isinstance(value, list):
        return [unsealed(inner, decrypted, (*path, index)) for index, inner in enumerate(value)]
    return value
