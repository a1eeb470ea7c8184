"""YAML with its places: what was written where, so that a mistake can be named with line and column.

Scalars stay the text that was written (an unquoted `no` or `0` is a keyword like any other). Aliases are refused:
they could make a small file huge.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import yaml

SIZE_MAX = 262_144
_NULL = "tag:yaml.org,2002:null"


class Place(NamedTuple):
    """Line and column, from 1."""

    line: int = 1
    column: int = 1


class Scalar(str):
    """A text and where it stands; `null` when nothing was written."""

    place: Place
    null: bool

    @classmethod
    def at(cls, text: str, place: Place, null: bool = False) -> Scalar:
        made = cls(text)
        made.place, made.null = place, null
        return made


class Listing(list["Value"]):
    """A list; `place` is where it begins."""

    place = Place()


class Tree(dict[str, "Value"]):
    """A mapping; `keys_at` says where each key stands."""

    place = Place()

    def __init__(self) -> None:
        super().__init__()
        self.keys_at: dict[str, Place] = {}


Value = Scalar | Listing | Tree


class NotYaml(ValueError):
    """A text that is no mapping in YAML; `place` is where it goes wrong."""

    def __init__(self, place: Place, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.place, self.what, self.fix = place, what, fix


class Twice(NamedTuple):
    """A key that stands twice in one mapping."""

    key: str
    place: Place
    first: Place


def parse(text: str) -> tuple[Tree, list[Twice]]:
    """The file's mapping, and keys that stand twice in one. Raises NotYaml."""
    if len(text) > SIZE_MAX:
        raise NotYaml(Place(), f"a menu has at most {SIZE_MAX} characters")
    try:
        for event in yaml.parse(text, yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise NotYaml(_mark(event.start_mark), "aliases (*name) are not allowed", "write the part again")
        root = yaml.compose(text, yaml.SafeLoader)
        twice: list[Twice] = []
        value = _value(root, twice) if root is not None else None
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        what = f"not YAML: {getattr(error, 'problem', None) or 'nested too deeply'}"
        raise NotYaml(_mark(mark), what, "put texts with : ? # { } [ ] or quotes in quotes") from None
    if not isinstance(value, Tree):
        raise NotYaml(Place(), "a menu is a mapping with `start` and `nodes`")
    return value, twice


def _mark(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1) if mark is not None else Place()


def _value(node: yaml.Node, twice: list[Twice]) -> Value:
    place = _mark(node.start_mark)
    if isinstance(node, yaml.SequenceNode):
        listing = Listing(_value(item, twice) for item in node.value)
        listing.place = place
        return listing
    if isinstance(node, yaml.MappingNode):
        return _tree(node, place, twice)
    return Scalar.at("" if node.tag == _NULL else str(node.value), place, node.tag == _NULL)


def _tree(node: yaml.MappingNode, place: Place, twice: list[Twice]) -> Tree:
    tree = Tree()
    tree.place = place
    for key_node, value_node in node.value:
        key, key_place = str(key_node.value), _mark(key_node.start_mark)
        if key in tree:
            twice.append(Twice(key, key_place, tree.keys_at[key]))
        tree[key] = _value(value_node, twice)
        tree.keys_at[key] = key_place
    return tree


def spot_of(root: Value | None, path: Sequence[str | int]) -> Place:
    """Where the value at a path stands, by its key; of one that is not there, the nearest part that is."""
    place, value = (root.place if root is not None else Place()), root
    for part in path:
        if isinstance(value, Tree) and part in value:
            place, value = value.keys_at[str(part)], value[str(part)]
        elif isinstance(value, Listing) and isinstance(part, int) and part < len(value):
            value = value[part]
            place = value.place
        else:
            break
    return place


def closest(name: str, known: Collection[str]) -> str:
    """`did you mean …?`, if something known is close."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"did you mean `{found[0]}`?" if found else ""
