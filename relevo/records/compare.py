"""Whether two versions understand each other's records, by their shapes alone: a list of what stands against it.

Both directions count, for in a rolling upgrade both versions read what both write. A type's name and module may change;
nothing that is on the wire may.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from relevo.records.shape import Shape, Structs

_ABSENT = object()
_WIRE = {"list": "array", "tuple": "array", "dict": "object", "struct": "object", "none": "null"}


class Difference(NamedTuple):
    """`place` is a thing, or a struct and its field; `what` is wrong there. With `grew` it is a value, or a type by its
    tag, that came new: readers of the older version alone are hurt, for they do not know it."""

    place: str
    what: str
    grew: bool = False

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


class Comparison:
    """Of an older version's structs with a newer one's."""

    def __init__(self, old: Structs, new: Structs) -> None:
        self._old, self._new = old, new
        self._seen: set[tuple[str, str]] = set()

    def shapes(self, old: Shape, new: Shape, place: str) -> Iterator[Difference]:
        """All that differs where it must not."""
        kinds = [_kind(one) for one in (old, new)]
        if "union" in kinds:
            yield from self._unions(_members(old), _members(new), place)
        elif kinds[0] != kinds[1]:
            yield Difference(place, f"was {_told(old)}, is {_told(new)}")
        elif kinds[0] == "struct":
            yield from self._structs(old[1], new[1])
        elif kinds[0] == "one of":
            yield from _values(old[1], new[1], place)
        elif not isinstance(old, str):
            if len(old) != len(new):
                yield Difference(place, f"was {_told(old)}, is {_told(new)}")
            for one, other in zip(old[1:], new[1:], strict=False):
                yield from self.shapes(one, other, place)

    def _unions(self, old: list[Shape], new: list[Shape], place: str) -> Iterator[Difference]:
        before = {_name(one, self._old): one for one in old}
        after = {_name(one, self._new): one for one in new}
        for name, shape in before.items():
            if name in after:
                yield from self.shapes(shape, after[name], place)
            else:
                yield Difference(place, f"{name} is gone")
        for name in after.keys() - before.keys():
            yield Difference(place, name, grew=True)

    def _structs(self, old: str, new: str) -> Iterator[Difference]:
        if (old, new) in self._seen:
            return
        self._seen.add((old, new))
        before, after = self._old[old], self._new[new]
        place = new.rpartition(".")[2]
        for what in ("array", "tag"):
            if before.get(what) != after.get(what):
                yield Difference(place, f"{what} was {before.get(what)}, is {after.get(what)}")
        yield from self._fields(before, after, place)

    def _fields(self, before: dict[str, Any], after: dict[str, Any], place: str) -> Iterator[Difference]:
        names = [[field["name"] for field in told["fields"]] for told in (before, after)]
        if before["array"] and names[1][: len(names[0])] != names[0]:
            yield Difference(place, "an array's fields changed places; new ones go to its end")
        later = {field["name"]: field for field in after["fields"]}
        for field in before["fields"]:
            there = f"{place}.{field['name']}"
            if field["name"] not in later:
                yield Difference(there, "is gone")
                continue
            yield from self._field(field, later.pop(field["name"]), there)
        for name, field in later.items():
            if "default" not in field:
                yield Difference(f"{place}.{name}", "is new and has no default")
            if before.get("strict"):
                yield Difference(f"{place}.{name}", "is new, and readers of before refuse what they do not know")
        if after.get("strict"):
            yield Difference(place, "refuses fields that it does not know")

    def _field(self, old: dict[str, Any], new: dict[str, Any], place: str) -> Iterator[Difference]:
        before, after = old.get("default", _ABSENT), new.get("default", _ABSENT)
        if before is not _ABSENT and after is _ABSENT:
            yield Difference(place, "has no default any more")
        elif before is _ABSENT and after is not _ABSENT:
            yield Difference(place, "may be left out now, and readers of before refuse that")
        elif not _says(before, after):
            yield Difference(place, f"is {after!r} where it is left out, and was {before!r}")
        yield from self.shapes(old["shape"], new["shape"], place)


def _says(before: Any, after: Any) -> bool:
    """Whether a default of before is meant by the one of now; a struct's may have got fields, judged apart."""
    if isinstance(before, dict) and isinstance(after, dict) and before:
        return all(name in after and _says(value, after[name]) for name, value in before.items())
    return bool(before == after)


def _values(old: list[Any], new: list[Any], place: str) -> Iterator[Difference]:
    for value in old:
        if value not in new:
            yield Difference(place, f"{value!r} is gone")
    for value in new:
        if value not in old:
            yield Difference(place, str(value), grew=True)


def _is_tagged(shape: Shape, structs: Structs) -> bool:
    return not isinstance(shape, str) and shape[0] == "struct" and "tag" in structs[shape[1]]


def _name(shape: Shape, structs: Structs) -> str:
    """What a member of a union is known by among the others: a struct's tag, else its kind."""
    if _is_tagged(shape, structs):
        return str(structs[shape[1]]["tag"][1])
    return _WIRE.get(_kind(shape), _kind(shape))


def _members(shape: Shape) -> list[Shape]:
    return list(shape[1:]) if _kind(shape) == "union" else [shape]


def _kind(shape: Shape) -> str:
    return shape if isinstance(shape, str) else str(shape[0])


def _told(shape: Shape) -> str:
    return shape if isinstance(shape, str) else f"{shape[0]} of {', '.join(map(str, shape[1:]))}"
