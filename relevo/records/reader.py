"""A version's reader, made again from the shapes that it left: what it would have taken from bytes of today."""

from __future__ import annotations

from typing import Any, Literal, Union

import msgspec

from relevo.records.shape import Shape, Structs

_PLAIN: dict[str, Any] = {
    "any": Any,
    "bool": bool,
    "bytes": bytes,
    "float": float,
    "int": int,
    "none": None,
    "str": str,
}


class Reader:
    """Types by their shapes; a struct is made once."""

    def __init__(self, structs: Structs) -> None:
        self._structs = structs
        self._made: dict[str, Any] = {}

    def type_of(self, shape: Shape) -> Any:
        """The type that has this shape."""
        if isinstance(shape, str):
            return _PLAIN[shape]
        what, *parts = shape
        match what:
            case "struct":
                return self._struct(parts[0])
            case "union":
                return Union[tuple(self.type_of(one) for one in parts)]  # noqa: UP007
            case "one of":
                return Literal[tuple(parts[0])]
            case "list":
                return list[self.type_of(parts[0])]  # type: ignore[misc]
            case "tuple":
                return tuple[tuple(self.type_of(one) for one in parts)]  # type: ignore[misc]
            case "dict":
                return dict[self.type_of(parts[0]), self.type_of(parts[1])]  # type: ignore[misc]
        raise ValueError(f"no shape: {shape!r}")

    def _struct(self, name: str) -> Any:
        if name not in self._made:
            told = self._structs[name]
            tag_field, tag = told.get("tag", (None, None))
            fields = list(enumerate(told["fields"]))
            self._made[name] = msgspec.defstruct(
                name.rpartition(".")[2],
                [self._field(f"f{place}", field) for place, field in fields],
                rename={f"f{place}": field["name"] for place, field in fields},
                tag_field=tag_field,
                tag=tag,
                array_like=told["array"],
                forbid_unknown_fields=told.get("strict", False),
                kw_only=True,
            )
        return self._made[name]

    def _field(self, name: str, field: dict[str, Any]) -> Any:
        kind = self.type_of(field["shape"])
        if "default" not in field:
            return (name, kind)
        default = field["default"]
        return (name, kind, msgspec.field(default_factory=lambda: msgspec.convert(default, kind)))
