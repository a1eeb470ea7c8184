"""YAML with line numbers: what was written where, so that a mistake can be named with its line.

Scalars stay the text that was written (an unquoted `no` or `0` is a keyword like any other). Aliases are refused:
they could make a small file huge.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator

import yaml

SIZE_MAX = 262_144


class Scalar(str):
    """A text and the line (from 1) where it stands."""

    line: int

    @classmethod
    def at(cls, text: str, line: int) -> Scalar:
        made = cls(text)
        made.line = line
        return made


class Listing(list["Value"]):
    """A list; `line` is where it begins."""

    line: int = 1


class Mapping(dict[str, "Value"]):
    """A mapping; `lines` says where each key stands."""

    line: int = 1

    def __init__(self) -> None:
        super().__init__()
        self.lines: dict[str, int] = {}


Value = Scalar | Listing | Mapping


class Problems:
    """What was found wrong, each with its line."""

    def __init__(self) -> None:
        self._found: list[tuple[int, str]] = []

    def add(self, line: int, problem: str) -> None:
        self._found.append((line, problem))

    def __iter__(self) -> Iterator[str]:
        return (f"line {line}: {problem}" for line, problem in sorted(set(self._found)))

    def __bool__(self) -> bool:
        return bool(self._found)


def parse(text: str, problems: Problems) -> Mapping | None:
    """The file's mapping, or None and what is wrong."""
    if len(text) > SIZE_MAX:
        problems.add(1, f"a menu has at most {SIZE_MAX} characters")
        return None
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, yaml.SafeLoader)):
            problems.add(1, "aliases (*name) are not allowed; write the part again")
            return None
        root = yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        problems.add(_line(error), f"not YAML: {getattr(error, 'problem', None) or 'nested too deeply'}")
        return None
    value = _value(root, problems) if root is not None else None
    if not isinstance(value, Mapping):
        problems.add(1, "a menu is a mapping with `start` and `nodes`")
        return None
    return value


def _line(error: Exception) -> int:
    mark = getattr(error, "problem_mark", None)
    return mark.line + 1 if mark is not None else 1


def _value(node: yaml.Node, problems: Problems) -> Value:
    line = node.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode):
        listing = Listing(_value(item, problems) for item in node.value)
        listing.line = line
        return listing
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, line, problems)
    return Scalar.at("" if node.tag == "tag:yaml.org,2002:null" else str(node.value), line)


def _mapping(node: yaml.MappingNode, line: int, problems: Problems) -> Mapping:
    mapping = Mapping()
    mapping.line = line
    for key_node, value_node in node.value:
        key, key_line = str(key_node.value), key_node.start_mark.line + 1
        if key in mapping:
            problems.add(key_line, f"`{key}` stands twice in the same place; the first is in line {mapping.lines[key]}")
        mapping[key] = _value(value_node, problems)
        mapping.lines[key] = key_line
    return mapping


def closest(name: str, known: Collection[str]) -> str:
    """`; did you mean …?`, if something known is close."""
    found = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    return f"; did you mean `{found[0]}`?" if found else ""
