"""Which column of a file fills what of a template: named by flags or a YAML file, else taken in order.

Promises: as many parameters as the template takes, from columns that the file has; constants and defaults where they
are given. Leaves the values of a row to `recipients`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from egress.lines.gate import catalogue
from relevo.campaigns.refused import MappingError
from relevo.tenants import shape
from relevo.tenants.yaml_source import FileError, YamlSource
from schemas.record import Frozen
from schemas.tenant import TemplateSpec

NUMBER_COLUMNS = ("to", "phone", "number", "msisdn", "destination", "telefono", "teléfono", "celular")
DEFAULT = ":="


class Value(Frozen):
    """A parameter: what stands in `column`, or `default` where that is empty; or a `constant`."""

    column: str = ""
    default: str = ""
    constant: str = ""

    @classmethod
    def of(cls, text: str) -> Value:
        """`NAME`, `NAME:=default`, `=constant`."""
        if text.startswith("="):
            return cls(constant=text[1:])
        name, _, default = text.partition(DEFAULT)
        return cls(column=name, default=default)


class Wanted(Frozen):
    """What was said of the mapping; empty parts are found out."""

    to: str = ""
    body: list[str | Value] = []
    buttons: list[str | Value] = []
    header: str | Value | list[str | Value] = ""
    country: str = ""

    @classmethod
    def read(cls, file: Path) -> Wanted:
        """The mapping of a YAML file. Raises FileError with a line for each mistake."""
        source = YamlSource.read(file)
        data = source.data if source.data is not None else {}
        if not isinstance(data, dict):
            raise FileError([f"{file}: a mapping file is a mapping: to, body, buttons, header, country"])
        mistakes = [f"{source.at(path)}: {advice}" for path, advice in shape.unknown_fields(data, cls)]
        found, error = shape.convert(data, cls)
        if error:
            mistakes.append(f"{source.at(error[0])}: {error[1]}")
        if mistakes:
            raise FileError(mistakes)
        wanted: Wanted = found
        return wanted


class Mapping(Frozen):
    """Where the number stands, and what fills the template's body, buttons and header."""

    to: str
    body: list[Value] = []
    buttons: list[Value] = []
    header: list[Value] = []

    @property
    def values(self) -> list[Value]:
        return [*self.body, *self.buttons, *self.header]


class Parameters(NamedTuple):
    """How many values a template takes from each recipient."""

    body: int
    buttons: int
    header: int


def parameters(template: TemplateSpec) -> Parameters:
    """A place in the header is latitude, longitude, name and address."""
    return Parameters(template.body, len(template.taking), catalogue.header_takes(template)[1])


def map_columns(columns: Sequence[str], template: TemplateSpec, wanted: Wanted | None = None) -> Mapping:
    """The mapping for a file with these columns. MappingError says which column is missing, or how many parameters
    the template takes."""
    wanted = wanted or Wanted()
    body, buttons = _values(wanted.body), _values(wanted.buttons)
    header = _values(wanted.header if isinstance(wanted.header, list) else [wanted.header] if wanted.header else [])
    number = wanted.to or next((name for name in columns if name.strip().lower() in NUMBER_COLUMNS), "")
    if not number:
        raise MappingError(f"no column of numbers; name it {NUMBER_COLUMNS[0]!r}, or say which with --to")
    named = [number, *(one.column for one in (*body, *buttons, *header) if not one.constant)]
    if unknown := [name for name in named if name not in columns]:
        raise MappingError(f"no column {unknown[0]!r}; the file has {', '.join(columns)}")
    free = [name for name in columns if name and name not in named]
    takes = parameters(template)
    mapping = Mapping(
        to=number,
        body=body or _take(free, takes.body, "body", columns),
        buttons=buttons or _take(free, takes.buttons, "buttons", columns),
        header=header or _take(free, takes.header, "header", columns),
    )
    given = Parameters(len(mapping.body), len(mapping.buttons), len(mapping.header))
    if catalogue.header_takes(template)[0] <= given.header <= takes.header:
        given = given._replace(header=takes.header)  # name and address of a place may be left out
    if given != takes:
        raise MappingError(
            f"{template.name} takes {takes.body} body, {takes.buttons} button and {takes.header} header parameters, "
            f"not {given.body}, {given.buttons} and {given.header}"
        )
    return mapping


def _values(given: Iterable[str | Value]) -> list[Value]:
    values = [Value.of(one) if isinstance(one, str) else one for one in given]
    for one in values:
        if bool(one.column) == bool(one.constant):
            raise MappingError("a parameter is either a column or a constant that is not empty")
    return values


def _take(free: list[str], count: int, what: str, columns: Sequence[str]) -> list[Value]:
    """Columns `body.0`, `body.1` are the body, wherever they stand; else the next ones that are left."""
    nested = [what] if what == "header" and count == 1 and what in free else [f"{what}.{n}" for n in range(count)]
    if count and all(name in free for name in nested):
        taken = nested
    else:
        if len(free) < count:
            raise MappingError(
                f"the template takes {count} {what} parameters, the file has {len(free)} columns left of "
                f"{', '.join(columns)}"
            )
        taken = free[:count]
    free[:] = [name for name in free if name not in taken]
    return [Value(column=name) for name in taken]
