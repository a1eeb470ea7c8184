"""The two servers as processes, and who posts to them: so many connections, each with one request after the other."""

from __future__ import annotations

import asyncio
import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import aiohttp

from bench import cpu
from bench.cluster import Cluster
from bench.processes import READY_S, Measured, ProcessFailed, environment
from sandbox.kafka.process import Child

CONNECTIONS = 64
_POLL_S, _TAIL = 0.05, 2000


class Server:
    """A server as a process; it is entered ready, and ends killed."""

    def __init__(self, name: str, command: Sequence[str], folder: Path, env: dict[str, str]) -> None:
        self._command, self._env = command, env
        self._log = folder / f"{name}.server.log"

    @classmethod
    def webhooks(cls, cluster: Cluster, folder: Path) -> Self:
        """The product's service."""
        env = {
            "RELEVO_KAFKA_BOOTSTRAP": cluster.kafka.bootstrap,
            "RELEVO_INGRESS_PORT": "0",
            "RELEVO_SERVICE_LOG_FORMAT": "json",
        }
        return cls("webhooks", (sys.executable, "-m", "relevo", "serve", "webhooks"), folder, env)

    @classmethod
    def bare(cls, cluster: Cluster, folder: Path) -> Self:
        """The bare one."""
        command = (sys.executable, "-m", "bench.services.reference", "serve", cluster.kafka.bootstrap)
        return cls("bare", command, folder, {})

    def __enter__(self) -> Self:
        self._child = Child(self._command, self._log, env=environment(self._env.items()))
        deadline = time.monotonic() + READY_S
        while not self._ready():
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise ProcessFailed(self._log.read_text(errors="replace")[-_TAIL:])
            time.sleep(_POLL_S)
        return self

    def __exit__(self, *_: object) -> None:
        self._child.kill()

    def pin(self, cores: cpu.Cores) -> None:
        """Give it its core."""
        cpu.pin(self._child.pid, cores)

    @property
    def used_s(self) -> float:
        """CPU time so far."""
        return cpu.seconds(self._child.pid)

    def _ready(self) -> bool:
        self.port, admin = self._ports()
        if not self.port or not admin:
            return bool(self.port)
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{admin}/ready", timeout=5) as answer:
                return int(answer.status) == 200
        except (urllib.error.URLError, ConnectionError):
            return False

    def _ports(self) -> tuple[int, int]:
        """Where it is served, and its admin port, if it has one."""
        lines = self._log.read_text(errors="replace").splitlines()
        if not self._env:
            return (int(lines[0]) if lines else 0), 0
        told = [json.loads(line) for line in lines if line.startswith("{")]
        ports = {one.get("event"): one for one in told}
        if not {"started", "webhooks are served"} <= ports.keys():
            return 0, 0
        return int(ports["webhooks are served"]["port"]), int(ports["started"]["admin_port"])


def posted(server: Server, calls: Sequence[tuple[str, bytes]]) -> Measured:
    """What the calls cost the server. Raises `ProcessFailed` when one is not answered with 200."""
    before, started = server.used_s, time.monotonic()
    asyncio.run(_post(f"http://127.0.0.1:{server.port}", calls))
    return Measured(len(calls), server.used_s - before, time.monotonic() - started)


async def _post(url: str, calls: Sequence[tuple[str, bytes]]) -> None:
    left = iter(calls)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONNECTIONS)) as session:

        async def one_after_the_other() -> None:
            for path, body in left:
                async with session.post(url + path, data=body) as answer:
                    if answer.status != 200:
                        raise ProcessFailed(f"{answer.status}: {await answer.text()}")

        await asyncio.gather(*(one_after_the_other() for _ in range(CONNECTIONS)))
