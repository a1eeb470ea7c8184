"""One connection through a proxy: two pipes, each with what is on its way.

Promises: bytes arrive in their order, each as late as the weather was when it came, and several at once are on their
way together; a side that ends is told to the other behind what was still under way. What is on its way is bounded, so a
slow network slows down who sends.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from typing import Protocol

from sandbox.proxy.pace import Pace
from sandbox.proxy.traps import Then, Watch
from sandbox.proxy.weather import Counts, Way, Weather

PIECE = 64 * 1024
ON_ITS_WAY = 64  # pieces
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
_Piece = tuple[float, bytes | None]


class Sky(Protocol):
    """What all connections of a proxy are under."""

    weather: Weather
    counts: Counts
    paces: dict[Way, Pace]


class Connection:
    """`near` is who called, `far` who is called."""

    def __init__(self, sky: Sky, near: Streams, far: Streams, watch: Watch, clock: Callable[[], float]) -> None:
        self._sky, self._watch, self._clock = sky, watch, clock
        self._near, self._far = near, far
        self._deaf = False
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        """Until both ways have ended, or it was cut."""
        up: asyncio.Queue[_Piece] = asyncio.Queue(ON_ITS_WAY)
        down: asyncio.Queue[_Piece] = asyncio.Queue(ON_ITS_WAY)
        self._tasks = [
            asyncio.create_task(self._take("up", self._near[0], up)),
            asyncio.create_task(self._give("up", up, self._far[1])),
            asyncio.create_task(self._take("down", self._far[0], down)),
            asyncio.create_task(self._give("down", down, self._near[1])),
        ]
        try:
            # One side that breaks breaks the other: who talks to a proxy must hear of it as from the peer itself.
            await asyncio.gather(*self._tasks)
        except (OSError, asyncio.CancelledError):
            self.cut("reset")
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for _, writer in (self._near, self._far):
                writer.close()

    def cut(self, how: Then) -> None:
        """End it now, with RST or in order; or let it stand and swallow what would still arrive."""
        if how == "swallow":
            self._deaf = True
            return
        for _, writer in (self._near, self._far):
            if how == "reset":
                reset(writer)
            else:
                writer.close()
        for task in self._tasks:
            task.cancel()

    async def _take(self, way: Way, reader: asyncio.StreamReader, on_its_way: asyncio.Queue[_Piece]) -> None:
        while data := await reader.read(PIECE):
            if self._sky.weather.swallows(way) or self._deaf:
                self._sky.counts.lost(way, len(data))
                continue
            then = self._watch.up(data) if way == "up" else self._watch.down(data)
            if then is not None:
                self._sky.counts.sprung += 1
                self._sky.counts.cut += then != "swallow"
                self._sky.counts.lost(way, len(data))
                self.cut(then)
                continue
            await on_its_way.put((self._due(way, len(data)), data))
        # That a side has ended is lost like all else that it would say.
        lost = self._sky.weather.swallows(way) or self._deaf
        await on_its_way.put((self._due(way, 0), None if lost else b""))

    def _due(self, way: Way, size: int) -> float:
        now = self._clock()
        due = self._sky.paces[way].due(self._sky.weather, size, now)
        self._sky.counts.late += due > now
        return due

    async def _give(self, way: Way, on_its_way: asyncio.Queue[_Piece], writer: asyncio.StreamWriter) -> None:
        while True:
            due, data = await on_its_way.get()
            if (wait := due - self._clock()) > 0:
                await asyncio.sleep(wait)
            if data is None:
                return
            if not data:
                with contextlib.suppress(OSError):  # the other side is gone already
                    writer.write_eof()
                return
            writer.write(data)
            await writer.drain()
            self._sky.counts.passed(way, len(data))


def reset(writer: asyncio.StreamWriter) -> None:
    """RST instead of FIN, dropping what was not sent."""
    sock: socket.socket | None = writer.get_extra_info("socket")
    if sock is not None:
        # What an event loop hands out may forbid some options, so the system is asked by a twin of the descriptor.
        with contextlib.suppress(OSError), sock.dup() as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
