"""Replies beside a full batch stream: a worker on a genuine Kafka against the simulated Chattigo at a line's own rate.

What is shown here is that each reply comes once and in order, that bulk's calls stay full, and that the rate is kept:
the simulated Chattigo refuses nothing. How long replies wait is a benchmark's, `python -m bench.replies`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
def test_replies_beside_full_calls_come_once_in_order_and_within_the_rate() -> None:
    command = [sys.executable, "-m", "bench.replies", "--json", "--lines", "2", "--seconds", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["doubled"], found["out_of_order"]) == (0, 0, 0), done.stderr[-3000:]
    assert found["replies"] == 42
    assert found["bulk_calls"] >= 2
    assert found["bulk_smallest"] == 1000
    assert found["refused_calls"] == 0
