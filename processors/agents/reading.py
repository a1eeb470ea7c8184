"""What people wrote (settings, answers of their services) as one of our types, or where it is wrong and how to mend it.

Unlike a record, it may hold no field that the type does not have: a typing mistake must not be silent. No value is
quoted: it may be a secret, or a person's words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar, get_args

import msgspec
from msgspec import inspect

from processors.agents.checks import Problem
from processors.agents.limits import AgentFailed

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
Path = tuple[str | int, ...]

_NAME_MAX = 64
_ANY_KEY = "..."
_PART = re.compile(r"\[([^\]]+)\]|\.?([^.\[]+)")
_QUOTED = re.compile(r"'[^']*'")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)


def read(value: Any, kind: type[T]) -> tuple[T | None, Problem | None]:
    """The value as this type, or what is wrong with it. `kind` has `forbid_unknown_fields`."""
    try:
        return msgspec.convert(value, kind), None
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$")
        return None, _problem(what, _named(value, _path(where.rstrip("`")), kind), kind)


def settled(agent: str, config: Mapping[str, Any], kind: type[S]) -> S:
    """The settings of an event's tenant, of which a newer version may know more. Raises AgentFailed for what
    `relevo tenants apply` would not have written."""
    known = {name: config[name] for name in config if name in kind.__struct_fields__}
    settings, problem = read(known, kind)
    if settings is None:
        told = f"{shown(problem.path)}: {problem.what}" if problem else ""
        raise AgentFailed("settings", f"agents.{agent} of the tenant's file: {told}")
    return settings


def _problem(what: str, path: Path, kind: Any) -> Problem:
    there = list(_types(inspect.type_info(kind), path))
    if unknown := _UNKNOWN.fullmatch(what):
        name = unknown[1][:_NAME_MAX]
        return Problem((*path, name), _advice(name, [field for one in there for field in _fields(one)]))
    if what.startswith("Invalid"):
        words = [str(word) for one in there for word in _words(one)]
        return Problem(path, f"must be one of {', '.join(words)}" if words else _QUOTED.sub("'…'", what))
    return Problem(path, what)


def shown(path: Path) -> str:
    """`a.b[0]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def _path(text: str) -> Path:
    parts = [(inside or name) for inside, name in _PART.findall(text)]
    return tuple(int(part) if part.isdigit() else part for part in parts)


def _named(value: Any, path: Path, kind: Any) -> Path:
    """The path with a mapping's key where msgspec says only `[...]`: the key with which alone it still fails."""
    if _ANY_KEY not in path:
        return path
    place = path.index(_ANY_KEY)
    holder = value
    for part in path[:place]:
        holder = holder[part]
    for key in holder:
        if _fails(_only(value, path[:place], key), kind):
            return (*path[:place], str(key), *path[place + 1 :])
    return path[:place]


def _fails(value: Any, kind: Any) -> bool:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError:
        return True
    return False


def _only(value: Any, path: Path, key: Any) -> Any:
    """A copy of the value whose mapping at `path` holds `key` alone."""
    if not path:
        return {key: value[key]}
    copy = value.copy()
    copy[path[0]] = _only(value[path[0]], path[1:], key)
    return copy


def _advice(name: str, known: list[str]) -> str:
    near = get_close_matches(name, known, n=1)
    if near:
        return f"no such field; did you mean `{near[0]}`?"
    return f"no such field; there are {', '.join(f'`{one}`' for one in known)}" if known else "no such field"


def _types(info: inspect.Type, path: Path) -> Iterator[inspect.Type]:
    """The types that may stand at a path."""
    match info:
        case inspect.UnionType(types=types):
            for one in types:
                yield from _types(one, path)
        case _ if not path:
            yield info
        case inspect.StructType(fields=fields):
            for field in fields:
                if field.encode_name == path[0]:
                    yield from _types(field.type, path[1:])
        case inspect.ListType(item_type=inner) | inspect.VarTupleType(item_type=inner):
            yield from _types(inner, path[1:])
        case inspect.DictType(value_type=inner):
            yield from _types(inner, path[1:])


def _fields(info: inspect.Type) -> list[str]:
    return [field.encode_name for field in info.fields] if isinstance(info, inspect.StructType) else []


def _words(info: inspect.Type) -> Sequence[Any]:
    return info.values if isinstance(info, inspect.LiteralType) else ()


def tag_of(kind: Any) -> str:
    """The word in `type` by which one of several types is meant."""
    return str(kind.__struct_config__.tag)


def members(union: Any) -> dict[str, Any]:
    """The types of a tagged union by their tags."""
    return {tag_of(one): one for one in get_args(union)}
