"""Fields of a mapping, read by kind; what does not fit is a problem with its line."""

from __future__ import annotations

from collections.abc import Collection

from processors.agents.builtin.menu.source import Listing, Mapping, Problems, Scalar, Value, closest

_TRUE, _FALSE = ("true", "yes", "sí", "si"), ("false", "no")


class Reader:
    """Reads one mapping; `what` names it in problems."""

    def __init__(self, mapping: Mapping, what: str, known: Collection[str], problems: Problems) -> None:
        self.mapping = mapping
        self.what = what
        self.problems = problems
        for name, line in mapping.lines.items():
            if name not in known:
                problems.add(line, f"{what} has no `{name}`{closest(name, known)}")

    def line(self, name: str) -> int:
        """Where a field stands; the mapping's own line when it is not there."""
        return self.mapping.lines.get(name, self.mapping.line)

    def wrong(self, name: str, problem: str) -> None:
        self.problems.add(self.line(name), f"{self.what}: {problem}")

    def text(self, name: str, default: str = "", *, most: int = 0, needed: bool = False) -> str:
        """A text; `most` characters, 0 for any number."""
        value = self.mapping.get(name)
        if value is None or value == "":
            if needed:
                self.wrong(name, f"`{name}` is missing")
            return default
        if not isinstance(value, Scalar):
            self.wrong(name, f"`{name}` must be a text")
            return default
        if most and len(value) > most:
            self.wrong(name, f"`{name}` has {len(value)} characters, at most {most} are shown")
        return str(value)

    def texts(self, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts; one alone may stand without the list."""
        value = self.mapping.get(name)
        if value is None:
            return default
        items: list[Value] = list(value) if isinstance(value, Listing) else [value]
        if not all(isinstance(item, Scalar) for item in items):
            self.wrong(name, f"`{name}` must be a list of texts")
            return default
        return tuple(str(item) for item in items if item)

    def one_of(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of a few words."""
        value = self.text(name, default)
        if value in allowed:
            return value
        self.wrong(name, f"`{name}` must be one of {', '.join(allowed)}{closest(value, allowed)}")
        return default

    def flag(self, name: str) -> bool:
        value = self.text(name).lower()
        if value and value not in (*_TRUE, *_FALSE):
            self.wrong(name, f"`{name}` must be true or false")
        return value in _TRUE

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if value.isascii() and value.isdigit() and int(value) > 0:
            return int(value)
        self.wrong(name, f"`{name}` must be a number above 0")
        return default

    def mappings(self, name: str) -> list[Mapping]:
        """A list of mappings."""
        value = self.mapping.get(name)
        if value is None:
            return []
        if isinstance(value, Listing) and all(isinstance(item, Mapping) for item in value):
            return [item for item in value if isinstance(item, Mapping)]
        self.wrong(name, f"`{name}` must be a list whose items have fields")
        return []

    def inner(self, name: str) -> Mapping | None:
        """A mapping; a field without a value is an empty one."""
        value = self.mapping.get(name)
        if value is None:
            return None
        if isinstance(value, Mapping):
            return value
        if value != "":
            self.wrong(name, f"`{name}` must have fields of its own")
        empty = Mapping()
        empty.line = self.line(name)
        return empty
