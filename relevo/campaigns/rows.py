"""Rows of a file of recipients, one by one, in constant memory.

Promises: a row that cannot be read is told as such and does not stop the others; whatever text stands in a field comes
out as it is. Leaves to `recipients` what a row means.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from relevo.campaigns.form import LINE_MAX, Form, text_lines
from relevo.campaigns.refused import MappingError

CSV_HEADER = 1


class Row(NamedTuple):
    """A row: its place in the file (of a CSV the row, the header is 1; else the line), as it stood there, and its
    values by column. `problem` says why it has none; it then stands for `lines` lines of the file."""

    place: int
    fields: list[str]
    values: dict[str, str]
    problem: str = ""
    lines: int = 1


class Table:
    """The rows of a file, as often as they are asked for; `columns` are the header's, or those of the first object."""

    def __init__(self, file: Path, form: Form) -> None:
        """Raises MappingError when no columns can be found."""
        self.file, self.form = file, form
        self.columns = self._header() if form.kind == "csv" else self._first_object()

    def __iter__(self) -> Iterator[Row]:
        return self._csv() if self.form.kind == "csv" else _objects(self.file)

    @property
    def titles(self) -> list[str]:
        """What the fields of a row are called, for a report."""
        return self.columns if self.form.kind == "csv" else ["line"]

    def _header(self) -> list[str]:
        first = next(self._read(), None)
        if first is None:
            raise MappingError("the file is empty; its first row names the columns")
        names, _, problem, _ = first
        if problem:
            raise MappingError(f"the first row cannot be read: {problem}")
        names = [name.strip() for name in names]
        while names and not names[-1]:
            names.pop()
        if twice := sorted({name for name in names if name and names.count(name) > 1}):
            raise MappingError(f"two columns are called {twice[0]!r}")
        if not any(names):
            raise MappingError("the first row is empty; it names the columns")
        return names

    def _first_object(self) -> list[str]:
        found = next((row.values for row in _objects(self.file) if not row.problem), None)
        if found is None:
            raise MappingError("the file has no line with a JSON object")
        return list(found)

    def _csv(self) -> Iterator[Row]:
        columns = self.columns
        for place, (fields, cut, problem, lines) in enumerate(self._read(), CSV_HEADER):
            if place == CSV_HEADER or not (fields or problem):
                continue
            if not problem and cut:
                problem = f"a line has more than {LINE_MAX} characters"
            elif not problem and len(fields) > len(columns) and any(fields[len(columns) :]):
                problem = f"it has {len(fields)} fields, the header {len(columns)}; is a quote missing?"
            yield Row(place, fields, {} if problem else dict(zip(columns, fields, strict=False)), problem, lines)

    def _read(self) -> Iterator[tuple[list[str], bool, str, int]]:
        """(fields, cut, problem, lines) of each row."""
        cut = False

        def lines() -> Iterator[str]:
            nonlocal cut
            for line, was_cut in text_lines(self.file, self.form.encoding):
                cut = cut or was_cut
                yield line

        reader, passed = csv.reader(lines(), delimiter=self.form.delimiter), 0
        while True:
            try:
                fields, problem = next(reader), ""
            except StopIteration:
                return
            except csv.Error as error:
                fields, problem = [], f"{error}; is a quote not closed?"
            yield fields, cut, problem, reader.line_num - passed
            passed, cut = reader.line_num, False


def _objects(file: Path) -> Iterator[Row]:
    with file.open("rb") as stream:
        place = 0
        while line := stream.readline(LINE_MAX):
            place += 1
            cut = False
            while len(line) >= LINE_MAX and not line.endswith(b"\n") and (more := stream.readline(LINE_MAX)):
                cut = True
                if more.endswith(b"\n"):
                    break
            if place == 1:
                line = line.removeprefix(b"\xef\xbb\xbf")
            if text := line.strip():
                yield _object(place, text, cut)


def _object(place: int, line: bytes, cut: bool) -> Row:
    shown = [line.decode("utf-8", "surrogateescape")]
    if cut:
        return Row(place, shown, {}, f"the line has more than {LINE_MAX} bytes")
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        return Row(place, shown, {}, f"not JSON: {error}")
    if not isinstance(value, dict):
        return Row(place, shown, {}, "not a JSON object")
    return Row(place, shown, dict(_flat(value)))


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """`{"a": {"b": 1}, "c": ["x"]}` as `a.b` and `c.0`."""
    match value:
        case dict() | list():
            pairs = value.items() if isinstance(value, dict) else enumerate(value)
            for name, inner in pairs:
                yield from _flat(inner, f"{path}.{name}" if path else str(name))
        case str():
            yield path, value
        case None:
            yield path, ""
        case bool():
            yield path, "true" if value else "false"
        case _:
            yield path, str(value)
