"""The simulated Chattigo as a server: in this process (`async with Chattigo(config) as chattigo`) or until a
signal (`serve`).

Promises: it listens before `__aenter__` returns; leaving drops what is still owed. The ledger stays on the disk.
"""

import asyncio
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from aiohttp import web

from sandbox.chattigo import bot, channel, control, hsm, isv, knobs, ledger, logins, media, people
from sandbox.chattigo.answers import Verdict
from sandbox.chattigo.calls import Call, Route, handler
from sandbox.chattigo.config import BASES, Config, Service, load
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.ledger import Ledger
from sandbox.chattigo.messages import Json
from sandbox.chattigo.page.routes import Page, own_origin
from sandbox.chattigo.world import World
from sandbox.people.script import Script
from sandbox.people.tally import Summary

MAX_BODY = 64 * 2**20
_POLL_S = 0.01


def routes() -> list[Route]:
    """All routes of the services."""
    return [logins.route(service) for service in BASES] + [
        *isv.ROUTES,
        *hsm.ROUTES,
        *bot.ROUTES,
        *channel.ROUTES,
        *media.ROUTES,
    ]


def _nothing(_: World, __: Call) -> Verdict:
    return Verdict(404, reason="no such route", auth="none")


class Chattigo:
    """A running simulator. `port` 0 takes a free one; `base_url` is known once it is entered."""

    def __init__(
        self,
        config: Config,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        ledger_path: str | Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        path = ledger_path or config.ledger or Path(tempfile.mkdtemp(prefix="chattigo-")) / "ledger.ndjson"
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        self.ledger = Ledger(path, clock)
        self.world = World(config, self.ledger, clock)
        self.control = control.Control(self.world)
        self.base_url = ""
        self._host, self._port = host, port
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=MAX_BODY, middlewares=[own_origin, control.errors])
        self.control.add(app)
        Page(self.world, [route.name for route in routes()]).add(app)
        for route in routes():
            app.router.add_route(route.method, route.path, handler(self.world, route))
        anything = Route("none", "", "*", "", None, _nothing)
        app.router.add_route("*", "/{anything:.*}", handler(self.world, anything))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self.base_url = f"http://{self._host}:{self._runner.addresses[0][1]}"
        self.world.base_url = self.base_url
        await self.world.post.start()
        self.ledger.write(ledger.Run(seed=self.world.config.seed, pid=os.getpid(), base_url=self.base_url))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.control.stop()
        await self.world.post.stop()
        if self._runner is not None:
            await self._runner.cleanup()
        self.ledger.close()

    def base(self, service: Service) -> str:
        """The base address of a service, as a tenant's configuration has it."""
        return self.base_url + BASES[service]

    def say(self, did: str, contact: str, message: str | Json = "", **more: Any) -> str:
        """A customer writes; returns the event's id. `more`: fields of `people.Saying`."""
        return self.say_together([people.Saying(did=did, contact=contact, message=message, **more)])[0]

    def say_together(self, sayings: Sequence[people.Saying]) -> list[str]:
        """Several messages of one line in one POST; returns their ids."""
        return people.say(self.world, sayings)

    def arm(self, *faults: Fault) -> list[int]:
        """Put faults into the script."""
        return control.arm(self.world, *faults)

    def turn(self, **changes: Any) -> None:
        """Change knobs (nested ones as dictionaries)."""
        knobs.patch(self.world.knobs, changes)
        self.ledger.write(ledger.KnobChange(changes=changes))

    def expire(self, service: Service, username: str) -> None:
        """Kill all tokens of an account."""
        control.expire(self.world, service, username)

    async def play(self, script: Script) -> Summary:
        """Have people write to the end of what they say; the summary until then."""
        play = self.control.crowd.play(self.control.crowd.start(script))
        await play.said()
        return play.summary()

    async def settled(self, timeout_s: float = 30.0) -> None:
        """Until nothing is owed any more; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.world.pending:  # noqa: ASYNC110 - what is pending also changes without a ledger line
                await asyncio.sleep(_POLL_S)


async def serve(config: Config | str | Path, host: str = "127.0.0.1", port: int = 0) -> None:
    """Run until SIGTERM or SIGINT; prints the address as its only line on stdout, and on stderr where the page is."""
    settings = config if isinstance(config, Config) else load(config)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Chattigo(settings, host, port) as chattigo:
        print(chattigo.base_url, flush=True)
        print(f"open {chattigo.base_url}{control.PREFIX}/ in a browser to play customers", file=sys.stderr, flush=True)
        await stop.wait()
