"""The shape of a type as data, so that a version's can be kept and compared long after its code is gone.

A shape is a name (`str`, `int`, `any`, ...) or a list whose first entry says what it is: `["list", of]`,
`["dict", key, value]`, `["tuple", ...]`, `["one of", values]`, `["union", ...]`, `["struct", name]`. Structs stand
apart, by name: their tag, whether they are arrays, whether they refuse unknown fields, and their fields as they are on
the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import inspect

Shape = Any
Structs = dict[str, dict[str, Any]]

_PLAIN: Mapping[type, str] = {
    inspect.AnyType: "any",
    inspect.BoolType: "bool",
    inspect.BytesType: "bytes",
    inspect.FloatType: "float",
    inspect.IntType: "int",
    inspect.NoneType: "none",
    inspect.RawType: "any",
    inspect.StrType: "str",
}


def shape_of(kind: Any, structs: Structs) -> Shape:
    """The shape of a type; `structs` grows by all that it is made of."""
    return _shape(inspect.type_info(kind), structs)


def _shape(info: inspect.Type, structs: Structs) -> Shape:
    if type(info) in _PLAIN:
        return _PLAIN[type(info)]
    match info:
        case inspect.StructType() | inspect.NamedTupleType():
            return ["struct", _struct(info, structs)]
        case inspect.UnionType(types=types):
            return ["union", *(_shape(one, structs) for one in types)]
        case inspect.LiteralType(values=values):
            return ["one of", list(values)]
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return ["list", _shape(item, structs)]
        case inspect.TupleType(item_types=items):
            return ["tuple", *(_shape(one, structs) for one in items)]
        case inspect.DictType(key_type=key, value_type=value):
            return ["dict", _shape(key, structs), _shape(value, structs)]
    raise TypeError(f"records have no {info}")


def _struct(info: inspect.StructType | inspect.NamedTupleType, structs: Structs) -> str:
    name = f"{info.cls.__module__}.{info.cls.__qualname__}"
    if name in structs:
        return name
    found = structs[name] = {}
    found["array"] = not isinstance(info, inspect.StructType) or info.array_like
    if isinstance(info, inspect.StructType) and info.tag_field is not None:
        found["tag"] = [info.tag_field, info.tag]
    if isinstance(info, inspect.StructType) and info.forbid_unknown_fields:
        found["strict"] = True
    found["fields"] = [_field(one, structs) for one in info.fields]
    return name


def _field(field: inspect.Field, structs: Structs) -> dict[str, Any]:
    found = {"name": field.encode_name, "shape": _shape(field.type, structs)}
    if not field.required:
        found["default"] = _default(field)
    return found


def _default(field: inspect.Field) -> Any:
    value = field.default
    if value is msgspec.NODEFAULT:
        value = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else None
    return plain(value)


def plain(value: Any) -> Any:
    """A value in what JSON can say, with everything that has a default, so that no default is taken for granted."""
    match value:
        case msgspec.Raw():
            return msgspec.json.decode(value)
        case bytes():
            return msgspec.to_builtins(value)
        case msgspec.Struct():
            names = zip(value.__struct_fields__, value.__struct_encode_fields__, strict=True)
            tag = value.__struct_config__.tag_field
            own = {tag: value.__struct_config__.tag} if tag else {}
            return own | {wire: plain(getattr(value, name)) for name, wire in names}
        case tuple() if hasattr(value, "_fields"):
            return {name: plain(one) for name, one in zip(value._fields, value, strict=True)}
        case list() | tuple():
            return [plain(one) for one in value]
        case dict():
            return {name: plain(one) for name, one in value.items()}
    return value
