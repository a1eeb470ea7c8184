"""The page "Write your first agent" does what it says: its own blocks are run, on ports that are free here."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox.kafka.ports import free_ports
from tests.system.test_readme import running, wait_for

pytestmark = pytest.mark.timeout(240)

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "agents.md").read_text("utf-8").split("## Write your first agent")[1].split("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def commands(kafka: int, chattigo: int, webhooks: int) -> list[str]:
    """The shell blocks, with this interpreter's program and free ports for the usual ones."""
    found = []
    for text in blocks("sh"):
        text = re.sub(r"^relevo|(?<=& )relevo", f"{sys.executable} -m relevo", text, flags=re.MULTILINE)
        text = text.replace("sandbox kafka", f"sandbox kafka --port {kafka}")
        text = text.replace("chattigo chattigo.yaml", f"chattigo chattigo.yaml --port {chattigo}")
        text = text.replace("relevo all", "relevo all --admin-port 0")
        text = re.sub(r"sandbox (webhook|say)", rf"sandbox \1 --url http://127.0.0.1:{chattigo}", text)
        text = text.replace("sandbox say", "sandbox say --wait 90")
        text = text.replace("127.0.0.1:8090", f"127.0.0.1:{chattigo}").replace(
            "127.0.0.1:8080", f"127.0.0.1:{webhooks}"
        )
        pip = f"{sys.executable} -m pip install --quiet --no-index --no-build-isolation --no-deps --target site"
        found.append(text.replace("pip install", pip))
    return found


def heard(customer: str, folder: Path, env: dict[str, str], webhooks: int) -> str:
    """The business' answer to the customer's block, once somebody listens for webhooks."""
    deadline = time.monotonic() + 90
    while not _listens(webhooks):
        assert time.monotonic() < deadline, "nobody listens for webhooks"
        time.sleep(0.1)
    done = subprocess.run(
        ["bash", "-ec", customer], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_first_agent_answers_a_customer_and_remembers_when_it_is_deployed_anew(tmp_path: Path) -> None:
    ports = free_ports(3)
    kafka, chattigo, webhooks = ports
    chat, outside, services, customer, install = commands(*ports)
    (tmp_path / "greeter.py").write_text(blocks("python")[0], "utf-8")
    (tmp_path / "pyproject.toml").write_text(blocks("toml")[0], "utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
    env |= {
        "RELEVO_KAFKA_BOOTSTRAP": f"127.0.0.1:{kafka}",
        "RELEVO_INGRESS_PORT": str(webhooks),
        "PYTHONPATH": str(ROOT),
    }
    typed = {"cwd": tmp_path, "env": env, "input": "buenas\n/wait 600\n"}
    said = subprocess.run(["bash", "-ec", chat], **typed, capture_output=True, text=True, check=True).stdout  # type: ignore[call-overload]
    assert said.splitlines() == ["« Hola Ana, es tu mensaje 1: buenas", "« ¿Sigues ahí?"]
    with running(outside, tmp_path, env, "outside") as output:
        wait_for(output, f"RELEVO_KAFKA_BOOTSTRAP=127.0.0.1:{kafka}")
        wait_for(output, f"http://127.0.0.1:{chattigo}")
        with running(services, tmp_path, env, "services") as output:
            printed = wait_for(output, "webhooks: pid")
            assert "agents-greeter: pid" in printed
            address = re.search(r"http://127\.0\.0\.1:\d+/v1/webhooks/\S+", printed)
            assert address, printed
            env["WEBHOOK"] = address[0]
            assert "es tu mensaje 1: buenas" in heard(customer, tmp_path, env, webhooks)
            with _installed(tmp_path, env, services, install):
                assert "es tu mensaje 2: buenas" in heard(customer, tmp_path, env, webhooks)


@contextmanager
def _installed(folder: Path, env: dict[str, str], services: str, install: str) -> Iterator[None]:
    """The same agent out of an installed package, in a folder without its source, as one more worker of its type."""
    exports = "".join(line + "\n" for line in services.splitlines() if line.startswith("export"))
    pip, serve = install.splitlines()
    subprocess.run(["bash", "-ec", pip], cwd=folder, env=env, check=True, timeout=60)
    (port,), away = free_ports(1), folder / "away"
    away.mkdir()
    shutil.copy(folder / "keys", away)  # secrets among agents' settings are opened with them
    env = env | {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder / 'site'}", "RELEVO_SERVICE_ADMIN_PORT": str(port)}
    with running(exports + serve, away, env | {"RELEVO_SERVICE_INSTANCE": "installed"}, "agents"):
        deadline = time.monotonic() + 90
        while not _is_ready(port):
            assert time.monotonic() < deadline, (away / "agents.out").read_text()[-2000:]
            time.sleep(0.1)
        yield


def _is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
