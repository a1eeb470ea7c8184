"""Has a simulated Chattigo play a script, over its control API, and hears how it went.

Promises: a script that the sandbox refuses, or a sandbox that does not answer, is a `DrivingFailed` that says why;
whoever is cancelled while people write has them stop.
"""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec

from sandbox.people.script import Script
from sandbox.people.tally import Summary

LOOK_S = 0.5


class DrivingFailed(Exception):
    """The sandbox is not there, or refuses; the message says what."""


class Driver:
    """`async with Driver(url) as driver: summary = await driver.run(script)`. `url`: the sandbox's address."""

    def __init__(self, url: str) -> None:
        self._url = f"{url.rstrip('/')}/_sandbox/people/run"
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._http is not None
        await self._http.close()

    async def start(self, script: Script) -> int:
        """People begin to write; the run's number."""
        return int((await self._call("POST", "", msgspec.json.encode(script)))["run"])

    async def summary(self, run: int) -> Summary:
        """How far a run is."""
        return msgspec.convert(await self._call("GET", f"/{run}"), Summary)

    async def stop(self, run: int) -> Summary:
        """They stop; how far they came."""
        return msgspec.convert(await self._call("DELETE", f"/{run}"), Summary)

    async def run(self, script: Script, look: Callable[[Summary], None] = lambda _: None) -> Summary:
        """From the first turn until the last has its answer, or has waited in vain; `look` hears of it now and then."""
        run = await self.start(script)
        try:
            while not (found := await self.summary(run)).done:
                look(found)
                await asyncio.sleep(LOOK_S)
        except asyncio.CancelledError:
            await self.stop(run)
            raise
        return found

    async def _call(self, method: str, path: str, body: bytes | None = None) -> Any:
        assert self._http is not None
        try:
            async with self._http.request(method, self._url + path, data=body) as answer:
                said = await answer.json()
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise DrivingFailed(f"no sandbox answers at {self._url} ({type(error).__name__})") from None
        if answer.status != 200:
            raise DrivingFailed(f"the sandbox refuses: {said.get('error', answer.status)}")
        return said
