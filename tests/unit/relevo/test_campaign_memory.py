"""Memory does not grow with a campaign's file, and what became of many recipients is kept small."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.submitter import write_file

ROOT = Path(__file__).parents[3]
MIB = 1024

PASS = """
import sys
from pathlib import Path
from relevo.campaigns.intake import Report
from relevo.campaigns.order import order
from relevo.campaigns.passage import Passage
from relevo.campaigns.people import People
from bench.submitter import tenant
wanted = order(Path(sys.argv[1]), tenant(), template="order", language="es", all_lines=True)
with People() as people, Report(wanted.rejected, wanted.table.titles) as report:
    passage = Passage(wanted, people, report, 1_800_000_000_000)
    assert sum(len(chunk.recipients) for chunk in passage.chunks()) == int(sys.argv[2])
"""

FOLD = """
import sys
from relevo.campaigns.fold import Fold
assert len(Fold("569", "c", int(sys.argv[2]))) == int(sys.argv[2])
"""


def memory_kib(code: str, file: Path, rows: int) -> int:
    """The most that a process of its own had."""
    child = subprocess.Popen([sys.executable, "-c", code, str(file), str(rows)], cwd=ROOT)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0
    return usage.ru_maxrss


def test_reading_a_hundred_thousand_rows_takes_no_more_memory_than_a_few(tmp_path: Path) -> None:
    few, many = tmp_path / "few.csv", tmp_path / "many.csv"
    write_file(few, 5000)
    write_file(many, 100_000)
    grown = memory_kib(PASS, many, 100_000) - memory_kib(PASS, few, 5000)
    # The table of who was met has a cache of 16 MiB; the rows alone would take 60.
    assert grown < 20 * MIB


def test_what_became_of_a_recipient_takes_a_hundred_bytes(tmp_path: Path) -> None:
    grown = memory_kib(FOLD, tmp_path, 200_000) - memory_kib(FOLD, tmp_path, 1000)
    assert grown * 1024 < 200_000 * 130, "with what building it takes for a moment"
