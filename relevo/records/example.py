"""Examples: what a version writes, as it stands in Kafka, and what it meant by that, with all that it left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from relevo.records.shape import Shape, Structs, plain

Headers = list[tuple[str, bytes]]


class Wire(NamedTuple):
    """A record's value and headers."""

    value: bytes | None
    headers: Headers = []


class Example(msgspec.Struct, frozen=True, omit_defaults=True):
    """Text stands for itself, other bytes as base64. `of` says which of the kept things it is one of."""

    of: str
    name: str
    means: Any
    text: str | None = None
    base64: bytes | None = None
    headers: list[tuple[str, str]] = []
    headers_base64: list[tuple[str, bytes]] = []

    @classmethod
    def made(cls, of: str, name: str, record: object, wire: Wire) -> Example:
        """What was written as `wire` and meant as `record`."""
        value = wire.value
        text = _text(value) if value is not None else None
        return cls(
            of=of,
            name=name,
            means=plain(record),
            text=text,
            base64=value if text is None else None,
            headers=[(key, told) for key, one in wire.headers if (told := _text(one)) is not None],
            headers_base64=[(key, one) for key, one in wire.headers if _text(one) is None],
        )

    @property
    def wire(self) -> Wire:
        """The bytes."""
        value = self.text.encode() if self.text is not None else self.base64
        return Wire(value, [*((key, told.encode()) for key, told in self.headers), *self.headers_base64])


def _text(value: bytes) -> str | None:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None


def wanting(meant: Any, read: Any, place: str = "") -> list[str]:
    """Where a reader sees other than what the writer meant; what the reader knows besides is no matter."""
    if isinstance(meant, dict) and isinstance(read, dict):
        gone = [f"{place}.{name}" for name in meant if name not in read]
        both = (wanting(value, read[name], f"{place}.{name}") for name, value in meant.items() if name in read)
        return [*gone, *(one for each in both for one in each)]
    if isinstance(meant, list) and isinstance(read, list) and len(meant) == len(read):
        pairs = enumerate(zip(meant, read, strict=True))
        return [one for n, (value, other) in pairs for one in wanting(value, other, f"{place}[{n}]")]
    return (
        []
        if meant == read and isinstance(meant, bool) is isinstance(read, bool)
        else [f"{place}: {read!r} instead of {meant!r}"]
    )


class Filler:
    """Values of a shape, the same at each run. `least` has required fields alone; of the others number n takes the n-th
    of the values or types that a field may have."""

    def __init__(self, structs: Structs) -> None:
        self._structs = structs
        self._count = 0

    def all(self, shape: Shape, fixed: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """The least, then as many full ones as show each value and each type."""
        for number in (None, *range(self._choices(shape, frozenset()))):
            self._count = 1000
            name = "least" if number is None else f"full-{number + 1}"
            yield name, self._made(shape, number, "", fixed if number is not None else {})

    def _made(self, shape: Shape, number: int | None, name: str, fixed: dict[str, Any]) -> Any:
        if isinstance(shape, str):
            return self._plain(shape, name)
        what, *parts = shape
        match what:
            case "struct":
                return self._struct(self._structs[parts[0]], number, fixed)
            case "union":
                some = [one for one in parts if one != "none"]
                return self._made(some[(number or 0) % len(some)], number, name, {})
            case "one of":
                return parts[0][(number or 0) % len(parts[0])]
            case "list":
                return [self._made(parts[0], number, name, {})]
            case "tuple":
                return [self._made(one, number, name, {}) for one in parts]
        return {self._made(parts[0], number, name, {}): self._made(parts[1], number, name, {})}

    def _struct(self, told: dict[str, Any], number: int | None, fixed: dict[str, Any]) -> Any:
        tag = told.get("tag")
        fields = [one for one in told["fields"] if number is not None or "default" not in one]
        values = {
            one["name"]: fixed[one["name"]]
            if one["name"] in fixed
            else not one["default"]
            if one["shape"] == "bool" and "default" in one
            else self._made(one["shape"], number, one["name"], {})
            for one in fields
        }
        if told["array"]:
            return [*([tag[1]] if tag else []), *values.values()]
        return ({tag[0]: tag[1]} if tag else {}) | values

    def _plain(self, shape: str, name: str) -> Any:
        self._count += 1
        match shape:
            case "str":
                return f"{name} ñ {self._count}"
            case "int":
                return self._count
            case "float":
                return self._count + 0.5
            case "bytes":
                return "AAEC/w=="
            case "bool":
                return True
        return None if shape == "none" else {"any": [1, "dos", None, {"x": 0.5}]}

    def _choices(self, shape: Shape, within: frozenset[str]) -> int:
        """How many full ones it takes to show each choice once."""
        if isinstance(shape, str) or (shape[0] == "struct" and shape[1] in within):
            return 1
        what, *parts = shape
        if what == "one of":
            return len(parts[0])
        if what == "struct":
            fields = self._structs[parts[0]]["fields"]
            return max([self._choices(one["shape"], within | {parts[0]}) for one in fields], default=1)
        some = [one for one in parts if one != "none"]
        return max([len(some) if what == "union" else 1, *(self._choices(one, within) for one in some)])
