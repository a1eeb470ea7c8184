"""People of a submission: who stood in the file before, and who has opted out; in a temporary table on disk.

Promises: memory does not grow with either; numbers are compared by their canonical form, exactly; the table is gone
when the process is, however that ends.
"""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

from schemas import phone
from schemas.optout import Optout

_CACHE_KIB = 16_384


class People:
    """`with People() as people`: first tell of opt-outs, then `meet` each number."""

    def __init__(self) -> None:
        # Without a name SQLite makes a file that has none either, and that goes with the connection.
        self._base = sqlite3.connect("", isolation_level=None)
        for statement in (
            f"PRAGMA cache_size = -{_CACHE_KIB}",
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "CREATE TABLE met (number INTEGER PRIMARY KEY)",
            "CREATE TABLE out (number INTEGER, did INTEGER, PRIMARY KEY (number, did)) WITHOUT ROWID",
            "BEGIN",
        ):
            self._base.execute(statement)
        self._any_out = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._base.close()

    def opt_out(self, did: str, contact: str, out: bool) -> None:
        """What a record of `optouts` means for the campaign, in the topic's order; false ends an earlier one."""
        if not phone.is_number(contact):
            return  # a user id, which no file names
        person = int(phone.canonical(contact)), int(did)
        if out:
            self._base.execute("INSERT OR IGNORE INTO out VALUES (?, ?)", person)
            self._any_out = True
        else:
            self._base.execute("DELETE FROM out WHERE number = ? AND did = ?", person)

    def meet(self, number: str) -> str:
        """`duplicate`, `opted_out` (on any of the campaign's lines), or empty: the person is met for the first time."""
        person = (int(phone.canonical(number)),)
        if not self._base.execute("INSERT OR IGNORE INTO met VALUES (?)", person).rowcount:
            return "duplicate"
        if self._any_out and self._base.execute("SELECT 1 FROM out WHERE number = ?", person).fetchone():
            return "opted_out"
        return ""


def covers(optout: Optout, category: str, *, otp: bool = False) -> bool:
    """Whether the opt-out is of this category; one without categories is of all, but of OTP only where that is said."""
    return category in optout.categories if optout.categories else category != "otp" or otp
