"""The benchmark that pauses and cancels a big campaign runs to its end on a genuine Kafka, and both sides agree."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPIENTS = 60_000


@pytest.mark.long
@pytest.mark.timeout(600)
def test_a_campaign_is_paused_killed_resumed_and_cancelled_and_its_counts_add_up() -> None:
    command = [sys.executable, "-m", "bench.pause", "--json", "--recipients", str(RECIPIENTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["calls_while_paused"], found["twice"], found["sides_agree"]) == (0, 0, True)
    assert (found["state_paused"], found["counts"]["total"]) == ("paused", RECIPIENTS)
    assert found["counts"]["not_started"] > 0
    assert found["looks_that_add_up"] >= 3
