"""The README's walk-through does what it says: its own commands are run, on ports that are free here."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.kafka.ports import free_ports

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
SECTION = "## Send a first message by hand"


def commands(ports: dict[str, int]) -> list[str]:
    """The section's shell blocks, with free ports for the usual ones."""
    section = (ROOT / "README.md").read_text().split(SECTION)[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    found = []
    for block in blocks:
        text = "\n".join(line.removeprefix("   ") for line in block.splitlines())
        text = text.replace(".venv/bin/relevo", f"{sys.executable} -m relevo")
        text = text.replace("sandbox kafka", f"sandbox kafka --port {ports['9092']}")
        text = text.replace("chattigo chattigo.yaml", f"chattigo chattigo.yaml --port {ports['8090']}")
        for usual, free in ports.items():
            text = text.replace(f"127.0.0.1:{usual}", f"127.0.0.1:{free}")
        found.append(text)
    return found


@contextmanager
def running(script: str, folder: Path, env: dict[str, str], name: str) -> Iterator[Path]:
    """A block that goes on until it is stopped; yields the file of what it prints."""
    output = folder / f"{name}.out"
    with output.open("wb") as stream:
        process = subprocess.Popen(
            ["bash", "-ec", script], cwd=folder, env=env, stdout=stream, stderr=stream, start_new_session=True
        )
    try:
        yield output
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


def wait_for(output: Path, text: str, within_s: float = 90) -> str:
    """What was printed once it holds the text."""
    deadline = time.monotonic() + within_s
    while text not in output.read_text():
        assert time.monotonic() < deadline, f"{text!r} did not come: {output.read_text()[-2000:]}"
        time.sleep(0.1)
    return output.read_text()


def until(script: str, folder: Path, env: dict[str, str], text: str, within_s: float = 60) -> str:
    """The block's output once it holds the text; the block is run again until then."""
    deadline = time.monotonic() + within_s
    while True:
        done = subprocess.run(
            ["bash", "-c", script], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
        )
        if text in done.stdout:
            return done.stdout
        assert time.monotonic() < deadline, (done.stdout[-2000:], done.stderr[-2000:])
        time.sleep(0.5)


def test_a_first_message_by_hand(tmp_path: Path) -> None:
    kafka, chattigo, webhooks = free_ports(3)
    ports = {"9092": kafka, "8090": chattigo, "8080": webhooks}
    run_kafka, run_chattigo, run_services, send, look = commands(ports)
    env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    env |= {
        "RELEVO_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "RELEVO_INGRESS_PORT": str(webhooks),
        "PYTHONPATH": str(ROOT),
    }
    run_services = run_services.replace("relevo all", "relevo all --admin-port 0")
    with running(run_kafka, tmp_path, env, "kafka") as said:
        wait_for(said, f"RELEVO_KAFKA_BOOTSTRAP=127.0.0.1:{kafka}")
        with running(run_chattigo, tmp_path, env, "chattigo") as said:
            wait_for(said, f"http://127.0.0.1:{chattigo}")
            with running(run_services, tmp_path, env, "services") as said:
                printed = wait_for(said, "webhooks: pid")
                assert "FAIL" not in printed, printed
                address = re.search(r"http://127\.0\.0\.1:\d+/v1/webhooks/\S+", printed)
                assert address, printed
                here = env | {"WEBHOOK": address[0]}
                until(send, tmp_path, here, "200 OK")
                until(send, tmp_path, here, "200 OK")
                export = "export RELEVO_KEYS_FILE=keys\n"
                seen = until(export + look, tmp_path, here, '"type":"message"')
                assert seen.count('"type":"message"') == 1, "the second, equal webhook was answered too"
                assert "duplicates dropped" in seen
