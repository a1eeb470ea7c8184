"""A YAML file as plain values that still know their lines, so that an error can name the place.

Leaves to callers: what the values mean.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import yaml

Path = tuple[str | int, ...]


class FileError(ValueError):
    """What is wrong in a file that a person wrote: one line a mistake, each with its place."""

    def __init__(self, mistakes: list[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = mistakes


class _Loader(yaml.SafeLoader):
    """A date stays the text that was written: our records have none, and `closed: [2026-12-25]` means what it says."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
        for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


class YamlSource:
    """`data` holds plain values; `at(path)` says where the value at a path stands, as `file:line: path`."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines: dict[Path, int] = {}
        try:
            root = yaml.compose(text, Loader=_Loader)
            self.data: Any = yaml.load(text, Loader=_Loader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f":{mark.line + 1}" if mark else ""
            raise FileError([f"{name}{line}: not YAML: {getattr(error, 'problem', None) or error}"]) from error
        if root is not None:
            self._walk(root, ())

    @classmethod
    def read(cls, path: FilePath) -> YamlSource:
        """The source of a file; FileError when it cannot be read."""
        try:
            return cls(str(path), path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise FileError([f"{path}: cannot be read: {error}"]) from error

    def _walk(self, node: yaml.Node, path: Path) -> None:
        self._lines[path] = node.start_mark.line + 1
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                self._walk(value, (*path, key.value))
                self._lines[(*path, key.value)] = key.start_mark.line + 1
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, index))

    def at(self, path: Path) -> str:
        """`file:line: a.b[0]`, by the nearest value that exists."""
        known = path
        while known and known not in self._lines:
            known = known[:-1]
        shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")
        return f"{self.name}:{self._lines.get(known, 1)}: {shown or 'file'}"
