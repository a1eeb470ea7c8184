"""The page of promises names drills and tests that exist, each promise at least one, and every drill is of some use."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from relevo.drills.catalogue import drills
from relevo.drills.catalogue.crashes import DRILLS as CRASHES

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "guarantees.md").read_text(encoding="utf-8")
EVERY = "all of them"


class Promise(NamedTuple):
    """A row of the page."""

    text: str
    drills: tuple[str, ...]
    everywhere: bool
    tests: tuple[str, ...]


def promises(page: str) -> list[Promise]:
    found = []
    for line in page.partition("\n## Not promised")[0].splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and len(cells) == 3 and cells[0] != "promise":
            names = tuple(re.findall(r"`([^`]+)`", cells[1]))
            found.append(Promise(cells[0], names, cells[1] == EVERY, tuple(re.findall(r"`([^`]+)`", cells[2]))))
    return found


PROMISES = promises(PAGE)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.text[:50])
def test_what_checks_a_promise_exists(promise: Promise) -> None:
    assert promise.everywhere or promise.drills or promise.tests, "nothing checks it"
    assert [name for name in promise.drills if name not in drills()] == []
    for named in promise.tests:
        file, _, test = named.partition("::")
        path = ROOT / "tests" / file
        assert path.is_file(), file
        if test:
            assert re.search(rf"^(async )?def {test}\(", path.read_text(encoding="utf-8"), re.MULTILINE), named


def test_the_page_has_every_invariant_of_the_architecture() -> None:
    known = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    names = re.findall(r"^\d\. \*\*(.+?)\.?\*\*", known, re.MULTILINE)
    shown = [title.lower() for title in re.findall(r"^### (.+)$", PAGE, re.MULTILINE)]
    assert len(names) == 8
    assert [name for name in names if not any(name.lower().startswith(title) for title in shown)] == []


def test_every_drill_but_those_of_the_table_of_crashes_stands_for_a_promise() -> None:
    named = {name for promise in PROMISES for name in promise.drills}
    assert set(drills()) - {one.name for one in CRASHES} - named == set()


@pytest.mark.parametrize("cell", ["| x | `no-such-drill` | |", "| x | | `unit/none.py::test_x` |", "| x | | |"])
def test_a_row_that_names_nothing_that_exists_is_found(cell: str) -> None:
    (row,) = promises(f"| promise | drills | tests |\n|---|---|---|\n{cell}\n")
    with pytest.raises(AssertionError):
        test_what_checks_a_promise_exists(row)
