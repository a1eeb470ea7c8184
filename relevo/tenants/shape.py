"""Fields that a type does not have, found before conversion: a typing mistake must not be silent.

Records ignore unknown fields, for they may come from a newer version. A file that a person wrote does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

Path = tuple[str | int, ...]


def unknown_fields(value: Any, kind: Any, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """(path, advice) for each field of `value` that `kind` has not."""
    yield from _walk(value, inspect.type_info(kind), path)


def _walk(value: Any, info: inspect.Type, path: Path) -> Iterator[tuple[Path, str]]:
    match info:
        case inspect.StructType() if isinstance(value, dict):
            fields = {field.encode_name: field.type for field in info.fields}
            for name, inner in value.items():
                if name in fields:
                    yield from _walk(inner, fields[name], (*path, name))
                else:
                    yield (*path, name), _advice(str(name), list(fields))
        case inspect.ListType() if isinstance(value, list):
            for index, inner in enumerate(value):
                yield from _walk(inner, info.item_type, (*path, index))
        case inspect.DictType() if isinstance(value, dict):
            for name, inner in value.items():
                yield from _walk(inner, info.value_type, (*path, name))
        case inspect.UnionType():
            for one in info.types:
                if isinstance(one, inspect.StructType):
                    yield from _walk(value, one, path)


def _advice(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"no such field; did you mean {near[0]!r}?" if near else f"no such field; known are {', '.join(known)}"


def convert(value: Any, kind: type[Any]) -> tuple[Any, tuple[Path, str] | None]:
    """(converted, None), or (None, (path, what is wrong))."""
    try:
        return msgspec.convert(value, kind), None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        return None, (_path(where.rstrip("`")), what)


def _path(text: str) -> Path:
    """msgspec's `.lines[0].rate` as a path."""
    parts: list[str | int] = []
    for part in text.replace("[", ".[").split("."):
        if part.startswith("["):
            inner = part.strip("[]")
            parts.append(int(inner) if inner.isdigit() else inner)
        elif part:
            parts.append(part)
    return tuple(parts)
