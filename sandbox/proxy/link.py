"""One proxy: a port of ours, an address behind it, its weather, its traps, and what it did.

Promises: `refuse` closes the port itself, so that who calls meets nobody; the port is the same when it opens again. A
trap or a cut hits connections as they are, the weather whatever comes from then on.
"""

import asyncio
from typing import NamedTuple

import msgspec

from sandbox.proxy.connection import Connection, Streams, reset
from sandbox.proxy.pace import Pace
from sandbox.proxy.traps import Armed, Then, Trap, Watch
from sandbox.proxy.weather import Counts, Way, Weather

HOST = "127.0.0.1"


class Address(NamedTuple):
    """Where what is called listens."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """`host:port`. Raises ValueError."""
        host, colon, port = text.rpartition(":")
        if not (host and colon and port.isdigit()):
            raise ValueError(f"needs host:port, not {text!r}")
        return cls(host, int(port))


class Link:
    """`async with Link("kafka", address) as link: link.port`."""

    def __init__(self, name: str, to: Address, port: int = 0) -> None:
        self.name, self.to, self.port = name, to, port
        self.weather, self.counts = Weather(), Counts()
        self.paces: dict[Way, Pace] = {"up": Pace(), "down": Pace()}
        self.traps: list[Armed] = []
        self._server: asyncio.Server | None = None
        self._open: dict[Connection, asyncio.Task[None]] = {}

    async def __aenter__(self) -> "Link":
        await self._listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._deafen()
        tasks = list(self._open.values())
        self.cut("reset")
        await asyncio.gather(*tasks, return_exceptions=True)

    async def turn(self, **changes: object) -> Weather:
        """Change the weather in what is given. Raises msgspec.ValidationError or TypeError and changes nothing."""
        unknown = changes.keys() - {field.name for field in msgspec.structs.fields(Weather)}
        if unknown:
            raise ValueError(f"no such weather: {', '.join(sorted(unknown))}")
        wanted = msgspec.convert(msgspec.structs.asdict(self.weather) | changes, Weather)
        if wanted.refuse and not self.weather.refuse:
            await self._deafen()
        elif self.weather.refuse and not wanted.refuse:
            await self._listen()
        self.weather = wanted
        return wanted

    def arm(self, trap: Trap) -> None:
        """From now on."""
        self.traps.append(Armed(trap))

    def disarm(self) -> None:
        """No trap springs any more."""
        self.traps.clear()

    def cut(self, how: Then) -> int:
        """All connections as they are; returns how many."""
        count = len(self._open)
        for connection in list(self._open):
            connection.cut(how)
        self.counts.cut += count if how != "swallow" else 0
        return count

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accepted, HOST, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.counts.accepted += 1
        try:
            far = await asyncio.open_connection(*self.to)
        except OSError:
            self.counts.unreached += 1
            reset(writer)
            return
        await self._carry((reader, writer), far)

    async def _carry(self, near: Streams, far: Streams) -> None:
        task = asyncio.current_task()
        assert task is not None, "a server's callback is a task"
        connection = Connection(self, near, far, Watch(self.traps), asyncio.get_running_loop().time)
        self._open[connection] = task
        self.counts.open = len(self._open)
        try:
            await connection.run()
        finally:
            del self._open[connection]
            self.counts.open = len(self._open)
