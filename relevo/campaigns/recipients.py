"""Reads a CSV of recipients, row by row, in constant memory but for a hash of each number.

Promises: the first row names the columns; a row that cannot be sent is reported with its line and why, and does
not stop the others; a number that stands twice is sent once. Leaves to callers: what is done with the rows.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from schemas import phone
from schemas.campaign import Recipient
from schemas.record import Frozen
from schemas.tenant import TemplateSpec

NUMBER_COLUMNS = ("to", "phone", "number", "msisdn", "destination", "telefono", "celular")
PARAMETER_MAX = 1024


class MappingError(ValueError):
    """The columns do not fit the template; nothing was read."""


class ColumnMapping(Frozen):
    """Which column holds the number, and which fill the template's body, buttons and header."""

    to: str
    body: list[str] = []
    buttons: list[str] = []
    header: str = ""


class BadRow(NamedTuple):
    """A row that is not sent: its line in the file (the header is 1) and why."""

    line: int
    reason: Literal["number", "missing", "too_long", "duplicate"]
    detail: str


def map_columns(
    columns: Sequence[str],
    template: TemplateSpec,
    *,
    to: str = "",
    body: Sequence[str] = (),
    buttons: Sequence[str] = (),
    header: str = "",
) -> ColumnMapping:
    """The mapping for a file with these columns; what is not named is taken in the order of the columns.

    MappingError says which column is missing, or how many parameters the template takes.
    """
    wanted = [name for name in (to, *body, *buttons, header) if name]
    if unknown := [name for name in wanted if name not in columns]:
        raise MappingError(f"no column {unknown[0]!r}; the file has {', '.join(columns)}")
    number = to or next((name for name in columns if name.strip().lower() in NUMBER_COLUMNS), "")
    if not number:
        raise MappingError(f"no column of numbers; name it {NUMBER_COLUMNS[0]!r}, or say which with --to")
    free = [name for name in columns if name != number and name not in wanted]
    chosen_body = list(body) or _take(free, template.body, "body")
    chosen_buttons = list(buttons) or _take(free, len(template.buttons), "button")
    chosen_header = header or (_take(free, 1, "header")[0] if template.header != "none" else "")
    if len(chosen_body) != template.body or len(chosen_buttons) != len(template.buttons):
        raise MappingError(
            f"{template.name} takes {template.body} body and {len(template.buttons)} button parameters, "
            f"not {len(chosen_body)} and {len(chosen_buttons)}"
        )
    return ColumnMapping(to=number, body=chosen_body, buttons=chosen_buttons, header=chosen_header)


def _take(free: list[str], count: int, what: str) -> list[str]:
    if len(free) < count:
        raise MappingError(f"the template takes {count} {what} parameters, the file has {len(free)} columns left")
    taken, free[:count] = free[:count], []
    return taken


def read_rows(rows: Iterable[Mapping[str, str | None]], mapping: ColumnMapping) -> Iterator[Recipient | BadRow]:
    """Each row as a recipient or as the reason why it is none, in the file's order."""
    seen: set[bytes] = set()
    for line, row in enumerate(rows, 2):
        number = phone.digits(row.get(mapping.to) or "")
        if not phone.is_number(number):
            yield BadRow(line, "number", "a number has 7 to 15 digits, with its country code")
            continue
        identity = hashlib.blake2b(phone.canonical(number).encode(), digest_size=8).digest()
        if identity in seen:
            yield BadRow(line, "duplicate", "the number stands in an earlier row")
            continue
        found = _recipient(line, number, row, mapping)
        if isinstance(found, Recipient):
            seen.add(identity)
        yield found


def _recipient(line: int, number: str, row: Mapping[str, str | None], mapping: ColumnMapping) -> Recipient | BadRow:
    columns = [*mapping.body, *mapping.buttons, *([mapping.header] if mapping.header else [])]
    values = {name: (row.get(name) or "").strip() for name in columns}
    if empty := [name for name, value in values.items() if not value]:
        return BadRow(line, "missing", f"column {empty[0]!r} is empty, and a template parameter must not be")
    if long := [name for name, value in values.items() if len(value) > PARAMETER_MAX]:
        return BadRow(line, "too_long", f"column {long[0]!r} has more than {PARAMETER_MAX} characters")
    return Recipient(
        number,
        [values[name] for name in mapping.body],
        [values[name] for name in mapping.buttons],
        [values[mapping.header]] if mapping.header else [],
    )


def open_csv(lines: Iterable[str]) -> csv.DictReader[str]:
    """A reader of comma-separated lines with a header row; MappingError when there is none."""
    reader = csv.DictReader(lines)
    if not reader.fieldnames:
        raise MappingError("the file is empty; its first row names the columns")
    return reader
