"""The benchmark of conversations runs to its end on a genuine Kafka of its own, and finds nothing wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RATES = [f"{name}_per_cpu_second" for name in ("noop", "plain", "reference", "ours", "conversations")]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_it_measures_all_five_and_loses_nothing() -> None:
    command = [sys.executable, "-m", "bench.processors", "--json", "--quick", "--events", "400"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["lost"], figures["wrong_states"]) == (0, 0)
    assert (figures["ours_records"], figures["conversations_records"]) == (400, 400)
    assert all(figures[name] > 0 for name in RATES), figures
