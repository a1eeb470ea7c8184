"""The benchmark of a big line's neighbours runs to its end on a genuine Kafka: each waits for at most three calls."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RECIPIENTS = 50_000


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("work", ["campaign", "singles"])
def test_neighbours_of_a_line_with_much_to_send_wait_for_at_most_three_of_its_calls(work: str) -> None:
    command = [sys.executable, "-m", "bench.neighbours", "--json", "--work", work, "--recipients", str(RECIPIENTS)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-1000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lines"], found["recipients"], found["neighbours_messages"]) == (51, RECIPIENTS, 220)
    assert found["calls"] >= 40, "the big line sends all the time"
    assert {"before", "last", "reply"} <= set(found["waited_calls"])
    assert {kind: most for kind, (_, _, most) in found["waited_calls"].items() if most > 3} == {}
    assert (found["waited_too_long"], found["doubled"]) == (0, 0)
