"""The benchmark of egress runs to its end on a genuine Kafka of its own, and finds nothing wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_it_measures_both_and_each_recipient_is_sent_to_once() -> None:
    command = [sys.executable, "-m", "bench.egress", "--json", "--quick"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=380, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["lost"], figures["doubled"], figures["wrong"]) == (0, 0, 0)
    assert (figures["recipients"], figures["calls_least"]) == (200_000, 200)
    assert figures["calls"] >= figures["calls_least"]
    assert all(figures[f"{name}_per_cpu_second"] > 0 for name in ("reference", "templates", "campaigns")), figures
