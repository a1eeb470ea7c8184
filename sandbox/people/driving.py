"""Has a simulated Chattigo play a script, over its control API, and hears how it went.

Promises: a script that the sandbox refuses, or a sandbox that does not answer, is a `SandboxError` that says why;
whoever is cancelled while people write has them stop.
"""

import asyncio
from collections.abc import Callable

import msgspec

from sandbox.control import Control
from sandbox.people.script import Script
from sandbox.people.tally import Summary

LOOK_S = 0.5
RUN = "people/run"


class Driver(Control):
    """`async with Driver(url) as driver: summary = await driver.run(script)`. `url`: the sandbox's address."""

    async def start(self, script: Script) -> int:
        """People begin to write; the run's number."""
        return int((await self._call("POST", RUN, msgspec.to_builtins(script)))["run"])

    async def summary(self, run: int) -> Summary:
        """How far a run is."""
        return msgspec.convert(await self._call("GET", f"{RUN}/{run}"), Summary)

    async def stop(self, run: int) -> Summary:
        """They stop; how far they came."""
        return msgspec.convert(await self._call("DELETE", f"{RUN}/{run}"), Summary)

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
