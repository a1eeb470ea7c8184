"""Recipients: what a row of a file says about one of them, or why it cannot be sent to. Pure.

Here it is decided what can be read as a recipient; whether the gate would refuse it in any case, the gate says.
Promises: no parameter is empty; no row raises. Leaves to `people` whether somebody stands twice in the file or has
opted out.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from egress.lines.gate.gate import Refusal
from egress.lines.gate.numbers import is_user_id
from relevo.campaigns.mapping import Mapping, Value
from relevo.campaigns.numbers import NotANumber, Numbers
from relevo.campaigns.rows import Row
from schemas.campaign import Recipient

# Why a row is left out; further reasons are the gate's codes.
READING = ("unreadable", "number", "missing", "too_many", "characters", "duplicate", "opted_out")
WELL_FORMED = frozenset({"duplicate", "opted_out"})
"""Reasons that say nothing against the file."""

# A lone surrogate or U+FFFD is a byte that the file's encoding does not have; of control characters the gate knows line
# breaks and tabs, and no file of texts has others.
_FOREIGN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffd]")


class BadRow(NamedTuple):
    """A row that is not sent, as it stood, and why."""

    row: Row
    reason: str
    detail: str


class Reading:
    """Reads the rows of one file by one mapping; `refused` says why the gate would never let a recipient go."""

    def __init__(self, mapping: Mapping, numbers: Numbers, refused: Callable[[Recipient], Refusal | None]) -> None:
        self._mapping, self._numbers, self._refused = mapping, numbers, refused
        nested = (("body", mapping.body), ("buttons", mapping.buttons))
        self._one_more = [f"{what}.{len(values)}" for what, values in nested if _nested(what, values)]

    def read(self, row: Row) -> Recipient | BadRow:
        """The recipient, or what is wrong with the row."""
        if row.problem:
            return BadRow(row, "unreadable", row.problem)
        try:
            number = self._address(row.values.get(self._mapping.to, ""))
        except NotANumber as error:
            return BadRow(row, "number", str(error))
        if more := [name for name in self._one_more if name in row.values]:
            return BadRow(row, "too_many", f"the template takes no {more[0]}")
        mapping, values = self._mapping, row.values
        body = [_value(one, values) for one in mapping.body]
        buttons = [_value(one, values) for one in mapping.buttons]
        header = [_value(one, values) for one in mapping.header]
        for value, source in zip((*body, *buttons, *header), mapping.values, strict=True):
            if not value or _FOREIGN.search(value):
                return _wrong(row, value, source)
        found = Recipient(number, body, buttons, header)
        refusal = self._refused(found)
        return found if refusal is None else BadRow(row, refusal.code, refusal.reason)

    def _address(self, text: str) -> str:
        """A user id is read as what it is, so that the gate says what of it."""
        return text.strip() if is_user_id(text.strip()) else self._numbers.read(text)


def _nested(what: str, values: list[Value]) -> bool:
    return bool(values) and all(one.column == f"{what}.{n}" for n, one in enumerate(values))


def _value(source: Value, values: dict[str, str]) -> str:
    return source.constant or values.get(source.column, "").strip() or source.default


def _wrong(row: Row, value: str, source: Value) -> BadRow:
    name = f"column {source.column!r}" if source.column else "a constant"
    if not value:
        return BadRow(row, "missing", f"{name} is empty, and a template parameter must not be")
    return BadRow(row, "characters", f"{name} has control characters, or bytes that the file's encoding does not have")
