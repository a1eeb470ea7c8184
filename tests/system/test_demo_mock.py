"""Machines that can have no genuine Kafka: they are told so, and the demo runs on librdkafka's mock all the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.kafka.mock import require_mock
from runtime.settings import KafkaSettings

pytestmark = pytest.mark.timeout(150)

RELEVO = (sys.executable, "-m", "relevo")
NOWHERE = "127.0.0.1"
PORT = 1  # nobody listens there


@pytest.fixture
def without_jars(tmp_path: Path) -> dict[str, str]:
    """An empty cache, and registries that cannot be reached, as jgo and Maven understand it."""
    proxy = f"http://{NOWHERE}:{PORT}"
    maven = [f"-Duser.home={tmp_path}"]
    maven += [f"-D{scheme}.proxy{name}" for scheme in ("http", "https") for name in (f"Host={NOWHERE}", f"Port={PORT}")]
    return {
        **{name: value for name, value in os.environ.items() if name.lower() != "no_proxy"},
        "HOME": str(tmp_path),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), proxy),
        "MAVEN_OPTS": " ".join(maven),
    }


def test_the_demo_runs_to_its_end_where_no_jars_can_be_had(without_jars: dict[str, str], tmp_path: Path) -> None:
    command = [*RELEVO, "demo", "--mock", "--json", "--folder", str(tmp_path / "demo")]
    done = subprocess.run(command, env=without_jars, capture_output=True, text=True, timeout=140, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["sent_twice"], found["pending"], found["violations"]) == (0, 0, 0, [])
    calls = sorted((one["template"], one["recipients"]) for one in found["batches"])
    assert calls == [*(("order_update", count) for count in (100, 500, 900, 1000)), ("payment_reminder", 700)]
    assert found["replies_sent"] > 1000
    assert "nothing is exactly once" in done.stderr
    logs = {file.name for file in (tmp_path / "demo" / "logs").iterdir() if "exactly once" in file.read_text()}
    assert logs == {"agents-echo.log", "agents-menu.log", "conversations.log", "egress.log", "lease.log"}


@pytest.mark.parametrize("command", [("demo",), ("sandbox", "kafka")])
def test_without_jars_a_paragraph_says_what_was_tried_and_what_to_do(
    command: tuple[str, ...], without_jars: dict[str, str], tmp_path: Path
) -> None:
    arguments = [*RELEVO, *command, "--folder", str(tmp_path / "run")]
    done = subprocess.run(arguments, env=without_jars, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1
    (paragraph,) = [line for line in done.stderr.splitlines() if line.startswith("No genuine Kafka")]
    assert done.stderr.splitlines()[-1] == paragraph
    for part in ("jars in ", "jgo for ", "mvn for ", "Maven Central", "--mock", str(tmp_path / "cache")):
        assert part in paragraph
    assert "Traceback" not in done.stderr


def test_the_mock_cluster_runs_until_it_is_stopped(without_jars: dict[str, str]) -> None:
    command = [*RELEVO, "sandbox", "kafka", "--mock"]
    with subprocess.Popen(command, env=without_jars, stdout=subprocess.PIPE, text=True) as sandbox:
        assert sandbox.stdout is not None
        said = dict(sandbox.stdout.readline().strip().split("=") for _ in range(2))
        assert said["RELEVO_KAFKA_PROFILE"] == "mock"
        require_mock(KafkaSettings(bootstrap=said["RELEVO_KAFKA_BOOTSTRAP"], profile="mock"))
        sandbox.send_signal(signal.SIGTERM)
        assert sandbox.wait(20) == 0
