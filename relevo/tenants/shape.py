"""Fields that a type does not have, found before conversion: a typing mistake must not be silent.

Records ignore unknown fields, for they may come from a newer version. A file that a person wrote does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

Path = tuple[str | int, ...]

_ANY_KEY = "..."
_PART = re.compile(r"\[([^\]]+)\]|\.?([^.\[]+)")


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
        return None, (_named(value, kind, path_of(where.rstrip("`"))), what)


def _named(value: Any, kind: type[Any], path: Path) -> Path:
    """The path with a mapping's key where msgspec says only `[...]`: the key with which alone it still fails."""
    if _ANY_KEY not in path:
        return path
    place = path.index(_ANY_KEY)
    for key in _inside(value, path[:place]):
        if _fails(_only(value, path[:place], key), kind):
            return (*path[:place], key, *path[place + 1 :])
    return path[:place]


def _fails(value: Any, kind: type[Any]) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return True
    return False


def _inside(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _only(value: Any, path: Path, key: str | int) -> Any:
    """A copy of the value whose mapping at `path` holds `key` alone."""
    if not path:
        return {key: value[key]}
    copy = value.copy()
    copy[path[0]] = _only(value[path[0]], path[1:], key)
    return copy


def path_of(text: str) -> Path:
    """`.lines[0].rate` as a path; the first point may be missing."""
    parts = [(inside or name) for inside, name in _PART.findall(text)]
    return tuple(int(part) if part.isdigit() else part for part in parts)
