"""A menu's types out of what was written: what does not fit a type is a problem with its place, and reading goes on.

The types of `model` say everything; nothing here knows a field. Of values that are wrong the default is taken, so that
one mistake is named once.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

from msgspec import NODEFAULT, inspect

from processors.agents.builtin.menu.problem import Path, Problems, named
from processors.agents.builtin.menu.source import Listing, Scalar, Tree, Value, closest

_TRUE, _FALSE = ("true", "yes", "sí", "si"), ("false", "no")
_INTEGER_MAX = 12
WRONG: Any = object()
"""Instead of a value that does not fit; it is reported already."""


@cache
def info_of(kind: Any) -> inspect.Type:
    """A type as msgspec sees it."""
    return inspect.type_info(kind)


def read(kind: Any, tree: Tree, problems: Problems) -> Any:
    """The mapping as `kind`, a struct."""
    return _Reader(problems).struct(info_of(kind), tree, ())


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def struct(self, info: Any, tree: Tree, path: Path) -> Any:
        """The struct; WRONG if a field that it needs is missing."""
        fields = {field.encode_name: field for field in info.fields if not _extra(field.type).get("hidden")}
        for name in tree:
            if name not in fields:
                fix = closest(name, fields) or f"there are {', '.join(fields)}"
                self._problems.at(tree.keys_at[name], f"{named(path)} has no `{name}`", fix)
        given: dict[str, Any] = {}
        for name, field in fields.items():
            value = self._field(field, tree.get(name), (*path, name))
            if value is not WRONG:
                given[field.name] = value
            elif field.required:
                given[field.name] = _stand_in(field.type)
        return info.cls(**given)

    def _field(self, field: Any, value: Value | None, path: Path) -> Any:
        if value is None or (isinstance(value, Scalar) and not value and not _takes_nothing(field.type)):
            if field.required:
                self._problems.wrong(path, f"`{path[-1]}` is missing")
            return WRONG
        return self.value(field.type, value, path)

    def value(self, info: Any, value: Value, path: Path) -> Any:
        """A value of any type."""
        if isinstance(info, inspect.Metadata):
            return self._bounded(info, value, path)
        if isinstance(info, inspect.UnionType):
            return self._one_of_types(info, value, path)
        match info, value:
            case inspect.StructType(), Tree():
                return self.struct(info, value, path)
            case inspect.StructType(), Scalar() if not value:
                empty = Tree()
                empty.place = value.place
                return self.struct(info, empty, path)
            case inspect.DictType(), Tree():
                return self._dict(info, value, path)
            case inspect.ListType(), Listing():
                return self._list(info, value, path)
            case inspect.ListType(), Scalar():
                return self._list(info, Listing([value]) if value else Listing(), path)
            case _, Scalar():
                return self._scalar(info, value, path)
            case _:
                return self._wrong(path, f"`{path[-1]}` must be {_wanted(info)}")

    def _bounded(self, info: inspect.Metadata, value: Value, path: Path) -> Any:
        most = (info.extra or {}).get("most", 0)
        for text, at in _texts(value, path):
            if most and len(text) > most:
                self._problems.wrong(at, f"`{path[-1]}` has {len(text)} characters, at most {most} are shown")
        return self.value(info.type, value, path)

    def _one_of_types(self, info: inspect.UnionType, value: Value, path: Path) -> Any:
        """The member that the value's shape means."""
        wanted: tuple[type, ...]
        match value:
            case Tree():
                wanted = (inspect.StructType, inspect.DictType)
            case Listing():
                wanted = (inspect.ListType,)
            case _:
                wanted = (inspect.BoolType, inspect.StrType)
        members = [member for member in info.types if not isinstance(member, inspect.NoneType)]
        for member in members:
            if isinstance(member, wanted):
                return self.value(member, value, path)
        if len(members) == 1:
            return self.value(members[0], value, path)
        return self._wrong(path, f"`{path[-1]}` must be {' or '.join(map(_wanted, members))}")

    def _dict(self, info: inspect.DictType, tree: Tree, path: Path) -> Any:
        found = {}
        for key, inner in tree.items():
            at = (*path, key)
            if isinstance(inner, Scalar) and not inner and isinstance(info.value_type, inspect.StructType):
                self._problems.at(tree.keys_at[key], f"{named(at)} has no fields", "it needs at least `text`")
                continue
            value = self.value(info.value_type, inner, at)
            if value is not WRONG:
                found[key] = value
        return found

    def _list(self, info: inspect.ListType, listing: Listing, path: Path) -> Any:
        found = []
        for index, inner in enumerate(listing):
            value = self.value(info.item_type, inner, (*path, index))
            found.append(_stand_in(info.item_type) if value is WRONG else value)
        return found

    def _scalar(self, info: Any, text: Scalar, path: Path) -> Any:
        name = path[-1]
        match info:
            case inspect.StrType():
                return str(text)
            case inspect.LiteralType(values=values):
                words = list(map(str, values))
                if text in words:
                    return str(text)
                return self._wrong(path, f"`{name}` must be one of {', '.join(words)}", closest(text, words))
            case inspect.BoolType():
                word = text.lower()
                return (
                    word in _TRUE if word in (*_TRUE, *_FALSE) else self._wrong(path, f"`{name}` must be true or false")
                )
            case inspect.IntType(ge=least, le=most):
                plain = text.isascii() and text.removeprefix("-").isdigit() and len(text) <= _INTEGER_MAX
                return self._number(int(text) if plain else None, least, most, path, "a whole number")
            case inspect.FloatType(ge=least, le=most):
                return self._number(_float(text), least, most, path, "a number")
            case _:
                return self._wrong(path, f"`{name}` must be {_wanted(info)}")

    def _number(self, number: Any, least: Any, most: Any, path: Path, what: str) -> Any:
        if number is None or (least is not None and number < least) or (most is not None and number > most):
            bounds = f" from {least} on" if most is None else f" from {least} to {most}"
            return self._wrong(path, f"`{path[-1]}` must be {what}{bounds if least is not None else ''}")
        return number

    def _wrong(self, path: Path, what: str, fix: str = "") -> Any:
        self._problems.wrong(path, what, fix)
        return WRONG


def _texts(value: Value, path: Path) -> list[tuple[str, Path]]:
    """The texts of a value: itself, or one of each language."""
    if isinstance(value, Scalar):
        return [(value, path)]
    if isinstance(value, Tree):
        return [(text, (*path, key)) for key, text in value.items() if isinstance(text, Scalar)]
    return []


def _extra(info: Any) -> dict[str, Any]:
    return (info.extra or {}) if isinstance(info, inspect.Metadata) else {}


def _bare(info: Any) -> Any:
    while isinstance(info, inspect.Metadata):
        info = info.type
    return info


def _takes_nothing(info: Any) -> bool:
    """Whether a field without a value is one whose part has no fields, such as `handoff:`."""
    bare = _bare(info)
    members = bare.types if isinstance(bare, inspect.UnionType) else (bare,)
    return any(isinstance(member, inspect.StructType) for member in members) and not any(
        isinstance(member, inspect.StrType) for member in members
    )


def _wanted(info: Any) -> str:
    match _bare(info):
        case inspect.StrType() | inspect.LiteralType():
            return "a text"
        case inspect.ListType(item_type=inspect.StrType() | inspect.LiteralType()):
            return "a list of texts"
        case inspect.ListType():
            return "a list whose items have fields"
        case inspect.DictType(value_type=inspect.StrType()):
            return "one text a name"
        case inspect.StructType() | inspect.DictType():
            return "fields of its own"
        case inspect.BoolType():
            return "true or false"
        case _:
            return "a number"


def _float(text: str) -> float | None:
    try:
        found = float(text) if len(text) <= 2 * _INTEGER_MAX else math.inf
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _stand_in(info: Any) -> Any:
    """A value of the type that harms nothing, for a field that is needed and was wrong."""
    match _bare(info):
        case inspect.StructType(cls=kind, fields=fields):
            return kind(**{field.name: _stand_in(field.type) for field in fields if field.required})
        case inspect.DictType():
            return {}
        case inspect.ListType():
            return []
        case inspect.IntType() | inspect.FloatType():
            return 0
        case inspect.LiteralType(values=values):
            return values[0]
        case inspect.UnionType(types=types):
            return _stand_in(types[-1] if isinstance(types[-1], inspect.StrType) else types[0])
        case _:
            return ""


def default_of(field: Any) -> Any:
    """A field's default, for those who describe the language."""
    if field.default_factory is not NODEFAULT:
        return field.default_factory()
    return None if field.default is NODEFAULT else field.default
