"""A list of people who opted out, as a file has it: each row an order for one line or for several.

A column of numbers (or user ids), and where there are such: `categories`, `line`, `why`. Promises: constant memory; a
row that cannot be used is told as such and stops none; the same row of the same file is the same order, whoever reads
it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from egress.lines.gate.numbers import is_user_id
from relevo.campaigns.form import form_of
from relevo.campaigns.mapping import NUMBER_COLUMNS
from relevo.campaigns.numbers import NotANumber, Numbers
from relevo.campaigns.recipients import BadRow
from relevo.campaigns.refused import MappingError
from relevo.campaigns.rows import Row, Table
from schemas import ids, phone
from schemas.inbound import OptOut
from schemas.optout import CATEGORIES

ALL = "all"
COLUMNS = ("number", "line", "categories", "since", "why")
KNOWN = (*CATEGORIES, "otp")
WHY_MAX = 200
_BETWEEN = re.compile(r"[,;|+\s]+")


class Wanted(NamedTuple):
    """What holds for rows that say nothing: whose list it is, for which lines, what is not wanted (none: all), why."""

    tenant: str
    dids: Sequence[str]
    categories: Sequence[str]
    why: str
    by: str
    now_ms: int


class Listed:
    """Iterate it as often as you like: (row, orders), or what is wrong with a row."""

    def __init__(self, file: Path, wanted: Wanted, *, to: str = "", country: str = "", encoding: str = "") -> None:
        """Raises MappingError where the file cannot be read or has no column of people."""
        form = form_of(file, encoding=encoding)
        self.table, self.wanted = Table(file, form), wanted
        self._digest, self._numbers = form.digest, Numbers(country)
        columns = self.table.columns
        self._to = to or next((name for name in columns if name.strip().lower() in (*NUMBER_COLUMNS, "contact")), "")
        if self._to not in columns or not self._to:
            missing = f"no column {to!r}" if to else "no column of numbers"
            raise MappingError(
                f"{missing}; the file has {', '.join(columns)}. Its first row names the columns: write "
                f"{COLUMNS[0]!r} above the numbers, or say which with --to"
            )

    def __iter__(self) -> Iterator[tuple[Row, list[OptOut]] | BadRow]:
        for row in self.table:
            try:
                yield row, self._orders(row)
            except _Wrong as wrong:
                yield BadRow(row, wrong.reason, str(wrong))

    def _orders(self, row: Row) -> list[OptOut]:
        if row.problem:
            raise _Wrong("unreadable", row.problem)
        contact = self._contact(row.values.get(self._to, "").strip())
        categories = _categories(row.values.get("categories", ""), self.wanted.categories)
        why = row.values.get("why", "").strip()[:WHY_MAX] or self.wanted.why
        return [self._order(did, contact, categories, why) for did in _lines(row, self.wanted.dids)]

    def _contact(self, written: str) -> str:
        if is_user_id(written):
            return written
        try:
            return phone.canonical(self._numbers.read(written))
        except NotANumber as error:
            raise _Wrong("number", str(error)) from None

    def _order(self, did: str, contact: str, categories: list[str], why: str) -> OptOut:
        wanted = self.wanted
        name = ids.digest("optouts", self._digest, wanted.tenant, did, contact, *categories)
        return OptOut(
            id=name, tenant=wanted.tenant, did=did, contact=contact, at_ms=wanted.now_ms, by=wanted.by,
            categories=categories, why=why, spread=True, silent=True,
        )  # fmt: skip


class _Wrong(ValueError):
    def __init__(self, reason: str, what: str) -> None:
        super().__init__(what)
        self.reason = reason


def _categories(written: str, usual: Collection[str]) -> list[str]:
    named = [one for one in _BETWEEN.split(written.strip().lower()) if one]
    if not named:
        return sorted(usual)
    if unknown := [one for one in named if one not in (*KNOWN, ALL)]:
        raise _Wrong("category", f"no category is called {unknown[0]!r}; there are {', '.join(KNOWN)}, or {ALL}")
    return [] if ALL in named else sorted(set(named))


def _lines(row: Row, dids: Sequence[str]) -> Sequence[str]:
    written = row.values.get("line", "").strip()
    if not written:
        return dids
    did = phone.digits(written)
    if did not in dids:
        raise _Wrong("line", "its line is none of those that the list is for")
    return (did,)
