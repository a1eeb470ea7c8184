"""Secrets that a file does not hold: `{env: NAME}` is in the environment, `{file: PATH}` in a file beside it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.secrets import Secret

FORMS = "{env: NAME} or {file: PATH}"


class NotOutside(ValueError):
    """A secret that cannot be had; says why and never quotes it."""


class Outside:
    """`folder` is where the paths begin."""

    def __init__(self, folder: Path, environ: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environ = os.environ if environ is None else environ

    def secret(self, value: Any) -> Secret:
        """The text that the value names. Raises NotOutside."""
        match value:
            case {"env": str(name)}:
                if not self._environ.get(name):
                    raise NotOutside(f"the environment has no {name}")
                return Secret(self._environ[name])
            case {"file": str(name)}:
                return self._read(name)
            case _:
                raise NotOutside(f"a secret is given as {FORMS}, never as text")

    def _read(self, name: str) -> Secret:
        try:
            text = (self._folder / name).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise NotOutside(f"{name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise NotOutside(f"{name} cannot be read: not UTF-8 text") from None
        if not text:
            raise NotOutside(f"{name} is empty")
        return Secret(text)


def names_one(value: Any) -> bool:
    """Whether a value is one of the forms of a secret."""
    return isinstance(value, Mapping) and len(value) == 1 and isinstance(value.get("env", value.get("file")), str)
