"""The example service of docs/http-agent.md, as its page has it, in a process of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sandbox.kafka.ports import free_ports

PAGE = (Path(__file__).parents[2] / "docs" / "http-agent.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@contextmanager
def shop(folder: Path, secret: str) -> Iterator[str]:
    """Its address, once it listens."""
    (text,) = blocks("python")
    (folder / "shop.py").write_text(text, "utf-8")
    (port,) = free_ports(1)
    env = os.environ | {"SHOP_SECRET": secret, "PORT": str(port)}
    with (folder / "shop.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "shop.py"], cwd=folder, env=env, stdout=log, stderr=log)
    try:
        _listens(port, process, folder / "shop.log")
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait(10)


def _listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 20
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, "the service does not listen"
        time.sleep(0.05)
