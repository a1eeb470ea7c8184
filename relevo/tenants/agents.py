"""What a tenant file says of its agents: files' texts, secrets from outside the file, and what is wrong with it.

A secret may stand anywhere among an agent's settings, as `{env: NAME}` or `{file: PATH}`. The record has it encrypted,
bound to its place (`schemas.tenant.agent_secret_context`); agents get it decrypted (`processors.agents.config`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path as FilePath
from typing import Any

from processors.agents.checks import problems
from relevo.tenants.outside import NotOutside, Outside, names_one
from relevo.tenants.shape import Path
from runtime.secrets import KeyRing, Secret
from schemas.tenant import SEALED, agent_secret_context

Seal = Callable[[Secret, Path], Any]


class AgentsPart:
    """The part `agents` of one file. `mistakes` have a path among its values; `files` are the files that were read."""

    def __init__(self, tenant: str, folder: FilePath, outside: Outside, ring: KeyRing) -> None:
        self._tenant = tenant
        self._folder = folder
        self._outside = outside
        self._ring = ring
        self.mistakes: list[tuple[Path, str]] = []
        self.files: dict[str, str] = {}

    def settings(self, data: Any) -> Any:
        """The settings as the record has them."""
        if not isinstance(data, dict):
            return data if data is not None else {}
        return {name: self._agent(str(name), {} if own is None else own) for name, own in data.items()}

    def _agent(self, name: str, own: Any) -> Any:
        """One agent's settings. A `file` is replaced by its text, under the agent's own name: services need no file."""
        if not isinstance(own, dict):
            return own
        if isinstance(own.get("file"), str):
            text = self._text(name, own["file"])
            own = {key: value for key, value in own.items() if key != "file"} | {name: text}
        before = len(self.mistakes)
        opened = {key: self._opened(value, ("agents", name, key)) for key, value in own.items()}
        if len(self.mistakes) == before:
            self.mistakes += [(("agents", name, *path), what) for path, what in problems(name, opened)]
        return {key: _sealed(value, self._seal(name), (key,)) for key, value in opened.items()}

    def _text(self, agent: str, name: str) -> str:
        """The text of an agent's file."""
        try:
            text = (self._folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            self.mistakes.append((("agents", agent, "file"), f"{name} cannot be read: {error}"))
            return ""
        self.files[agent] = name
        return text

    def _opened(self, value: Any, path: Path) -> Any:
        """The value with the secrets that it names."""
        if names_one(value):
            try:
                return self._outside.secret(value)
            except NotOutside as error:
                self.mistakes.append((path, str(error)))
                return ""
        if isinstance(value, dict) and SEALED in value:
            self.mistakes.append(((*path, SEALED), "a secret is named here and encrypted when the file is applied"))
        return _mapped(value, self._opened, path)

    def _seal(self, agent: str) -> Seal:
        def seal(secret: Secret, path: Path) -> Any:
            return {SEALED: self._ring.encrypt(str(secret), agent_secret_context(self._tenant, agent, path))}

        return seal


def with_secrets(settings: Mapping[str, Any], outside: Outside) -> dict[str, Any]:
    """An agent's settings with the secrets that they name, as the agent gets them. Raises NotOutside."""

    def opened(value: Any, path: Path) -> Any:
        return outside.secret(value) if names_one(value) else _mapped(value, opened, path)

    return {key: opened(value, (key,)) for key, value in settings.items()}


def _sealed(value: Any, seal: Seal, path: Path) -> Any:
    if isinstance(value, Secret):
        return seal(value, path)
    return _mapped(value, lambda inner, place: _sealed(inner, seal, place), path)


def _mapped(value: Any, change: Callable[[Any, Path], Any], path: Path) -> Any:
    """The same mapping or list with each value changed; anything else as it is."""
    if isinstance(value, dict):
        return {key: change(inner, (*path, str(key))) for key, inner in value.items()}
    if isinstance(value, list):
        return [change(inner, (*path, index)) for index, inner in enumerate(value)]
    return value
