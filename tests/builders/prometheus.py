"""A genuine Prometheus that scrapes services on this machine and evaluates the committed rules, faster than in earnest.

What takes minutes or hours in a rule takes a twentieth of it here (`scaled`): windows, offsets, holds, and how long ago
something was. Nothing else of a rule is changed.
`make check-deploy` brings the program; nothing here installs any.
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from sandbox.kafka.ports import free_ports
from sandbox.kafka.process import Child

# What a machine that has far too much to do brings along: it is about time alone.
SLOW = {f"Relevo{name}" for name in ("SendingLate", "AgentsLate", "WebhooksSlow", "TransactionsSlow", "EventLoopLate")}
FASTER = 20
SCRAPE_S = 1
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_AGO = re.compile(r"(expr: time\(\) - [^<\n]* < )(\d+)")
_DURATION = re.compile(r"(\[|offset |for: )(\d+)([smhdw])")


def excused() -> set[str]:
    """Of the alerts on time those that tell of the machine and not of Relevo."""
    return SLOW if os.getloadavg()[0] > 2 * (os.cpu_count() or 1) else set()


def scaled(rules: str, by: int = FASTER) -> str:
    """The rules with every window, offset, hold and time since shortened; no window below three scrapes, or it would
    see nothing."""

    def shorter(found: re.Match[str]) -> str:
        seconds = int(found[2]) * _UNITS[found[3]] // by
        least = 0 if found[1] == "for: " else 3 * SCRAPE_S
        return f"{found[1]}{max(least, seconds)}s"

    def sooner(found: re.Match[str]) -> str:
        return f"{found[1]}{int(found[2]) // by}"

    return _AGO.sub(sooner, _DURATION.sub(shorter, rules))


class Prometheus:
    """`async with Prometheus(…) as watching`: scrapes these admin ports, by the service's name."""

    def __init__(self, program: Path, folder: Path, ports: Mapping[str, int], rules: str) -> None:
        self._program, self._folder = program, folder
        self._ports, self._rules = ports, rules
        self._port = free_ports(1)[0]
        self._child: Child | None = None
        self._http: aiohttp.ClientSession | None = None
        self.began_s = 0.0

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True)
        (self._folder / "rules.yaml").write_text(self._rules)
        (self._folder / "prometheus.yaml").write_text(yaml.safe_dump(self._config()))
        command = [
            str(self._program),
            f"--config.file={self._folder / 'prometheus.yaml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self._port}",
        ]
        self._child = Child(command, self._folder / "log")
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        await self.until(self._ready, "Prometheus is ready", 30)
        self.began_s = time.time()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, 10.0)

    def _config(self) -> dict[str, Any]:
        targets = [{"targets": [f"127.0.0.1:{port}"]} for port in self._ports.values()]
        every = f"{SCRAPE_S}s"
        return {
            "global": {"scrape_interval": every, "evaluation_interval": every},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [{"job_name": "relevo", "static_configs": targets}],
        }

    async def _ready(self) -> bool:
        assert self._http is not None
        try:
            async with self._http.get(f"http://127.0.0.1:{self._port}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async def _ask(self, what: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
        assert self._http is not None
        async with self._http.post(f"http://127.0.0.1:{self._port}/api/v1/{what}", data=parameters) as answer:
            said = await answer.json()
        assert said["status"] == "success", f"{parameters}: {said}"
        found: list[dict[str, Any]] = said["data"]["result"]
        return found

    async def query(self, expr: str) -> list[dict[str, Any]]:
        """The series that a query gives now."""
        return await self._ask("query", {"query": expr})

    async def drawn(self, expr: str, points: int) -> list[dict[str, Any]]:
        """The series that a query gave since it began."""
        now = time.time()
        step = max(SCRAPE_S, (now - self.began_s) / points)
        return await self._ask("query_range", {"query": expr, "start": self.began_s, "end": now, "step": step})

    async def firing(self) -> set[str]:
        """The alerts that fire now."""
        return await self._alerts('ALERTS{alertstate="firing"}')

    async def fired(self) -> set[str]:
        """The alerts that fired since it began."""
        return await self.fired_since(self.began_s)

    async def fired_since(self, began_s: float) -> set[str]:
        """The alerts that fired since then."""
        seconds = int(time.time() - began_s) + 1
        return await self._alerts(f'count_over_time(ALERTS{{alertstate="firing"}}[{seconds}s])')

    async def firing_fast(self) -> set[str]:
        """The alerts that fire now, without those on objectives over days: 18 minutes of raised speed each."""
        slow = 'ALERTS{objective!="", severity="warning", alertname!="RelevoObjectiveMissing"}'
        return await self._alerts(f'ALERTS{{alertstate="firing"}} unless {slow}')

    async def _alerts(self, expr: str) -> set[str]:
        return {one["metric"]["alertname"] for one in await self.query(expr)}

    async def until(self, condition: Callable[[], Any], what: str, within_s: float) -> None:
        """Returns once the condition, which is awaited, holds."""
        deadline = time.monotonic() + within_s
        while not await condition():
            late = time.monotonic() > deadline
            assert not late, f"not within {within_s:g} s: {what}; {await self._told()}"
            await asyncio.sleep(0.5)

    async def _told(self) -> str:
        """What fires, or why it cannot be asked."""
        if not await self._ready():
            return (self._folder / "log").read_text()[-2000:]
        return f"what fires: {sorted(await self.firing())}"
