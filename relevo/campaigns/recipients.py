"""Recipients: what a row of a file says about one of them, or why it cannot be sent to. Pure.

Promises: every parameter is one that WhatsApp takes, none is empty; no row raises. Leaves to `people` whether somebody
stands twice in the file or has opted out.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from relevo.campaigns.mapping import Mapping, Value
from relevo.campaigns.numbers import NotANumber, Numbers
from relevo.campaigns.rows import Row
from schemas.campaign import Recipient

PARAMETER_MAX = 1024
Reason = Literal[
    "unreadable",
    "number",
    "missing",
    "too_many",
    "too_long",
    "characters",
    "duplicate",
    "opted_out",
    "category",
    "line",
]
WELL_FORMED: frozenset[Reason] = frozenset({"duplicate", "opted_out"})
"""Reasons that say nothing against the file."""

# WhatsApp refuses parameters with line breaks, tabs or more than four spaces in a row; a lone surrogate or U+FFFD
# is a byte that the file's encoding does not have.
_LOST = re.compile("[\ud800-\udfff\ufffd]")
_REFUSED = re.compile("[\x00-\x1f\x7f\ud800-\udfff\ufffd]| {5}")


class BadRow(NamedTuple):
    """A row that is not sent, as it stood, and why."""

    row: Row
    reason: Reason
    detail: str


class Reading:
    """Reads the rows of one file by one mapping."""

    def __init__(self, mapping: Mapping, numbers: Numbers) -> None:
        self._mapping, self._numbers = mapping, numbers
        nested = (("body", mapping.body), ("buttons", mapping.buttons))
        self._one_more = [f"{what}.{len(values)}" for what, values in nested if _nested(what, values)]

    def read(self, row: Row) -> Recipient | BadRow:
        """The recipient, or what is wrong with the row."""
        if row.problem:
            return BadRow(row, "unreadable", row.problem)
        try:
            number = self._numbers.read(row.values.get(self._mapping.to, ""))
        except NotANumber as error:
            return BadRow(row, "number", str(error))
        if more := [name for name in self._one_more if name in row.values]:
            return BadRow(row, "too_many", f"the template takes no {more[0]}")
        mapping, values = self._mapping, row.values
        body = [_value(one, values) for one in mapping.body]
        buttons = [_value(one, values) for one in mapping.buttons]
        header = [_value(one, values) for one in mapping.header]
        for value, source in zip((*body, *buttons, *header), mapping.values, strict=True):
            if not value or len(value) > PARAMETER_MAX or _REFUSED.search(value):
                return _wrong(row, value, source)
        return Recipient(number, body, buttons, header)


def _nested(what: str, values: list[Value]) -> bool:
    return bool(values) and all(one.column == f"{what}.{n}" for n, one in enumerate(values))


def _value(source: Value, values: dict[str, str]) -> str:
    return source.constant or values.get(source.column, "").strip() or source.default


def _wrong(row: Row, value: str, source: Value) -> BadRow:
    name = f"column {source.column!r}" if source.column else "a constant"
    if not value:
        return BadRow(row, "missing", f"{name} is empty, and a template parameter must not be")
    if len(value) > PARAMETER_MAX:
        return BadRow(row, "too_long", f"{name} has more than {PARAMETER_MAX} characters")
    if _LOST.search(value):
        return BadRow(row, "characters", f"{name} has characters that the file's encoding does not have")
    return BadRow(row, "characters", f"{name} has a line break, a tab or five spaces in a row, which WhatsApp refuses")
