"""The ledger as it grows, for a page that watches: server-sent events of many entries each.

Promises: who comes back with the id of the last event misses nothing and hears nothing twice, unless more was written
meanwhile than a page keeps; who comes back to another ledger begins anew, and is told so.
"""

import asyncio
import hashlib
from typing import Any, NamedTuple

import msgspec
from aiohttp import web

from sandbox.chattigo.world import World

KEPT = 20_000  # entries that a page gets at most of what is there already
BATCH = 500
RETRY_MS = 500  # a page whose feed was cut comes back after so long
_PAUSE_S = 0.1  # what is written meanwhile goes into one event
_IDLE_S = 5.0  # between signs of life
HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Start(NamedTuple):
    """Where a page goes on: behind entry `since`; `missed` entries before it are not told."""

    since: int
    missed: int


def name(world: World) -> str:
    """Which ledger this is; another one has another name."""
    first = world.ledger.entries[0].at_ms if world.ledger.entries else 0
    return hashlib.blake2b(f"{world.ledger.path}|{first}".encode(), digest_size=8).hexdigest()


def start(last_id: str, ledger: str, written: int) -> Start:
    """From the id of the last event that the page has (`<ledger>:<seq>`, or empty)."""
    whose, _, seq = last_id.partition(":")
    since = int(seq) if whose == ledger and seq.isdigit() and int(seq) <= written else 0
    return Start(max(since, written - KEPT), max(0, written - KEPT - since))


class Feed:
    """The feed over one world; `idle_s` between two signs of life."""

    def __init__(self, world: World, idle_s: float = _IDLE_S) -> None:
        self._world, self._idle_s = world, idle_s
        self._watching: set[asyncio.Task[Any]] = set()

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """Until the page goes, or the sandbox."""
        response = web.StreamResponse(headers=HEADERS)
        task = asyncio.current_task()
        assert task is not None
        self._watching.add(task)
        try:
            await response.prepare(request)
            await self._tell(response, request.headers.get("Last-Event-ID", ""))
        except ConnectionError:
            pass  # the page went; it comes back by itself
        except asyncio.CancelledError:
            await response.write_eof()  # so that the page sees an end and no broken answer
        finally:
            self._watching.discard(task)
        return response

    async def stop(self, _: web.Application) -> None:
        """The sandbox goes: nobody watches any longer."""
        for task in self._watching:
            task.cancel()

    async def _tell(self, response: web.StreamResponse, last_id: str) -> None:
        entries, ledger = self._world.ledger.entries, name(self._world)
        since, missed = start(last_id, ledger, len(entries))
        await response.write(_event("hello", {"ledger": ledger, "missed": missed}, f"{ledger}:{since}"))
        while True:
            batch = entries[since : since + BATCH]
            since += len(batch)
            pulse = {"entries": batch, "written": len(entries), "pending": self._world.pending}
            await response.write(_event("entries", pulse, f"{ledger}:{since}"))
            if since == len(entries):
                await self._more(since)

    async def _more(self, since: int) -> None:
        """Until there is more, or it is time for a sign of life."""
        ledger = self._world.ledger
        await asyncio.sleep(_PAUSE_S)
        try:
            await ledger.until(lambda: len(ledger.entries) > since, self._idle_s)
        except TimeoutError:
            return


def _event(kind: str, value: Any, last_id: str) -> bytes:
    head = f"retry: {RETRY_MS}\n" if kind == "hello" else ""
    return b"%sevent: %s\nid: %s\ndata: %s\n\n" % (
        head.encode(), kind.encode(), last_id.encode(), msgspec.json.encode(value),
    )  # fmt: skip
