"""Proxies with a control API over HTTP, for people and for tests in another process. JSON in, JSON out.

Promises: a bad request is answered 400 with `{"error": …}` and changes nothing; no such proxy is 404. It asks for no
credentials and listens on this machine alone.
"""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

import msgspec
from aiohttp import web

from sandbox.proxy.link import HOST, Address, Link
from sandbox.proxy.traps import Then, Trap

PREFIX = "/_proxy"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Cut(msgspec.Struct, forbid_unknown_fields=True):
    """How connections end."""

    how: Then = "reset"


def answer(value: Any, status: int = 200) -> web.Response:
    """A JSON answer."""
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What the caller did wrong becomes an answer that says it."""
    try:
        return await handler(request)
    except KeyError as unknown:
        return answer({"error": f"no proxy {unknown}"}, 404)
    except (msgspec.MsgspecError, ValueError, TypeError) as wrong:
        return answer({"error": f"{type(wrong).__name__}: {wrong}"}, 400)


def told(link: Link) -> dict[str, Any]:
    """A proxy as the API shows it."""
    listens, to = f"{HOST}:{link.port}", f"{link.to.host}:{link.to.port}"
    return {
        "name": link.name,
        "listens": listens,
        "to": to,
        "weather": link.weather,
        "counts": link.counts,
        "traps": link.traps,
    }


class Proxies:
    """`async with Proxies({"kafka": (to, 0)}) as proxies: proxies.url`. Ports of 0 are free ones."""

    def __init__(self, wanted: Mapping[str, tuple[Address, int]], port: int = 0) -> None:
        self.links = {name: Link(name, to, listens) for name, (to, listens) in wanted.items()}
        self.url = ""
        self._port = port
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for link in self.links.values():
                await stack.enter_async_context(link)
            runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.5)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, HOST, self._port).start()
            self.url = f"http://{HOST}:{runner.addresses[0][1]}{PREFIX}"
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[errors])
        app.router.add_get(PREFIX, self._all)
        app.router.add_patch(f"{PREFIX}/{{name}}", self._turn)
        app.router.add_post(f"{PREFIX}/{{name}}/cut", self._cut)
        app.router.add_post(f"{PREFIX}/{{name}}/traps", self._arm)
        app.router.add_delete(f"{PREFIX}/{{name}}/traps", self._disarm)
        return app

    def _of(self, request: web.Request) -> Link:
        return self.links[request.match_info["name"]]

    async def _all(self, _: web.Request) -> web.Response:
        return answer({"proxies": [told(link) for link in self.links.values()]})

    async def _turn(self, request: web.Request) -> web.Response:
        link = self._of(request)
        await link.turn(**msgspec.json.decode(await request.read(), type=dict[str, Any]))
        return answer(told(link))

    async def _cut(self, request: web.Request) -> web.Response:
        link, wanted = self._of(request), msgspec.json.decode(await request.read() or b"{}", type=Cut)
        return answer({"cut": link.cut(wanted.how)})

    async def _arm(self, request: web.Request) -> web.Response:
        link, found = self._of(request), msgspec.json.decode(await request.read(), type=Trap | list[Trap])
        for trap in found if isinstance(found, list) else [found]:
            link.arm(trap)
        return answer(told(link))

    async def _disarm(self, request: web.Request) -> web.Response:
        link = self._of(request)
        link.disarm()
        return answer(told(link))


async def serve(wanted: Mapping[str, tuple[Address, int]], port: int, say: Callable[[str], None]) -> None:
    """Run until SIGTERM or SIGINT; says where the control API is, then each proxy."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    async with Proxies(wanted, port) as proxies:
        say(proxies.url)
        for link in proxies.links.values():
            say(f"{link.name}: {HOST}:{link.port} leads to {link.to.host}:{link.to.port}")
        await stop.wait()
