"""Intake: a file's rows become recipients one by one; those that are left out are counted and reported.

Promises: constant memory; each row is either yielded, or counted under a reason and written to the report.
"""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from egress.lines.gate.numbers import zones
from relevo.campaigns.numbers import calling_code
from relevo.campaigns.people import People
from relevo.campaigns.recipients import WELL_FORMED, BadRow, Reading
from relevo.campaigns.refused import SubmitError
from relevo.campaigns.rows import Row
from schemas import phone
from schemas.campaign import Recipient


class Taken(NamedTuple):
    """A recipient and its place in the file."""

    place: int
    recipient: Recipient


def private(file: Path) -> int:
    """The descriptor of a new or emptied file that nobody but its owner may read. Raises OSError."""
    number = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(number, 0o600)
    return number


class Report:
    """The rows that are left out, as CSV: place, reason, detail, and the row as it stood, with people's numbers."""

    def __init__(self, file: Path, titles: list[str]) -> None:
        """Raises SubmitError when the file cannot be written."""
        self.file = file
        try:
            number = private(file)
        except OSError as error:
            raise SubmitError(f"{file} cannot be written: {error.strerror}; say where with --rejected") from error
        self._stream = os.fdopen(number, "w", encoding="utf-8", errors="surrogateescape", newline="")
        self._writer = csv.writer(self._stream)
        self._writer.writerow(["row", "reason", "detail", *titles])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def write(self, bad: BadRow) -> None:
        self._writer.writerow([bad.row.place, bad.reason, bad.detail, *bad.row.fields])


class Intake:
    """Iterate it once; the counts are whole then.

    `taken` are recipients, `left_out` rows by reason, `countries` recipients by calling code; `zones` by the time zones
    of their numbers, of which there are a few hundred in the world, with an `example` each.
    """

    def __init__(self, rows: Iterable[Row], reading: Reading, people: People, report: Report) -> None:
        self._rows, self._reading, self._people, self._report = rows, reading, people, report
        self.taken = 0
        self.left_out: Counter[str] = Counter()
        self.countries: Counter[str] = Counter()
        self.zones: Counter[tuple[str, ...]] = Counter()
        self.example: dict[tuple[str, ...], str] = {}

    def __iter__(self) -> Iterator[Taken]:
        for row in self._rows:
            found = self._judged(row)
            if isinstance(found, BadRow):
                # A quote that is not closed swallows rows, and they all are missing.
                self.left_out[found.reason] += found.row.lines if found.row.problem else 1
                self._report.write(found)
                continue
            self.taken += 1
            self._count(found)
            yield Taken(row.place, found)

    def _count(self, found: Recipient) -> None:
        person = phone.canonical(found.to)
        there = zones(person)
        self.countries[calling_code(found.to)] += 1
        self.zones[there] += 1
        self.example.setdefault(there, person)

    def _judged(self, row: Row) -> Recipient | BadRow:
        found = self._reading.read(row)
        if isinstance(found, BadRow):
            return found
        match self._people.meet(found.to):
            case "duplicate":
                return BadRow(row, "duplicate", "the number stands in an earlier row")
            case "opted_out":
                return BadRow(row, "opted_out", "the person does not want such messages")
            case _:
                return found

    @property
    def bad(self) -> int:
        """Rows that speak against the file."""
        return sum(count for reason, count in self.left_out.items() if reason not in WELL_FORMED)

    @property
    def bad_share(self) -> float:
        """Of all rows."""
        rows = self.taken + self.left_out.total()
        return self.bad / rows if rows else 0.0
