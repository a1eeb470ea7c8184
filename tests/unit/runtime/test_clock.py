"""A deadline holds on both clocks."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.clock import VARIABLE, Deadline, Wrong, boot_s, now_ms

ROOT = Path(__file__).parents[3]

MS = st.integers(0, 10**9)


@given(MS, MS, MS, MS)
def test_the_clock_that_leaves_less_decides(end: int, boot_end: int, wall: int, boot: int) -> None:
    left = Deadline(end, boot_end).left_s(wall, boot)
    assert left == min((end - wall) / 1000, boot_end - boot)


def test_a_wall_clock_that_was_set_back_does_not_prolong_it() -> None:
    deadline = Deadline(wall_ms=10_000, boot_s=10)
    assert deadline.left_s(wall_ms=0, boot=11) < 0
    assert deadline.left_s(wall_ms=11_000, boot=0) < 0


def test_a_deadline_passes() -> None:
    assert not Deadline.after(60).passed()
    assert Deadline.after(0).passed()
    assert Deadline.after(-1).passed()


def test_clocks_tell_milliseconds_and_seconds() -> None:
    assert abs(now_ms() / 1000 - time.time()) < 5
    before = boot_s()
    assert boot_s() >= before > 0


def test_a_wrong_clock_is_as_wrong_as_its_file_says_while_the_process_runs(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    wrong = Wrong(file)
    assert wrong.ms() == 0, "no file yet"
    for text, expected in (("3600\n", 3_600_000), ("-3600", -3_600_000), ("1.5", 1500), ("0", 0)):
        file.write_text(text)
        assert Wrong(file).ms() == expected
        deadline = time.monotonic() + 10
        while wrong.ms() != expected:
            assert time.monotonic() < deadline
    file.write_text("")
    assert Wrong(file).ms() == 0, "the file is being written"


def test_a_file_that_says_no_seconds_is_no_clock(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("an hour")
    with pytest.raises(ValueError, match="an hour"):
        Wrong(tmp_path / "clock").ms()


def test_a_process_that_is_told_to_has_a_wrong_wall_clock_and_its_other_clock_right(tmp_path: Path) -> None:
    (tmp_path / "clock").write_text("-3600")
    code = "import time; from runtime.clock import now_ms, boot_s; print(now_ms() - time.time_ns() // 10**6, boot_s())"
    env = {**os.environ, VARIABLE: str(tmp_path / "clock")}
    said = subprocess.run([sys.executable, "-c", code], env=env, cwd=ROOT, capture_output=True, check=True, timeout=60)
    off, boot = said.stdout.split()
    assert abs(int(off) + 3_600_000) < 1000
    assert 0 <= boot_s() - float(boot) < 60
