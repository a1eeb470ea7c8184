"""A server on a raw socket that answers, drips, cuts and resets as a script says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from typing import NamedTuple

Script = Callable[["Exchange"], Awaitable[None]]


class Exchange(NamedTuple):
    """One request as it came, and the way back; `connection` counts from 1."""

    connection: int
    head: str
    body: bytes
    writer: asyncio.StreamWriter

    @property
    def authorization(self) -> str:
        for line in self.head.split("\r\n"):
            name, _, value = line.partition(": ")
            if name.lower() == "authorization":
                return value
        return ""

    @property
    def path(self) -> str:
        return self.head.split(" ")[1]

    async def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """A whole answer on a connection that stays open."""
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        await self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def close(self) -> None:
        self.writer.close()

    def reset(self) -> None:
        """RST instead of FIN."""
        sock: socket.socket = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()


class WireServer:
    """`async with WireServer(script) as server`: `server.base`, and what came in `server.requests`."""

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self.requests: list[Exchange] = []
        self.connections = 0
        self._writers: list[asyncio.StreamWriter] = []

    async def __aenter__(self) -> WireServer:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        self.base = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = self.connections
        self._writers.append(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next(
                    int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length")
                )
                exchange = Exchange(connection, head, await reader.readexactly(length), writer)
                self.requests.append(exchange)
                await self._script(exchange)


def closed_port() -> int:
    """A port that refuses connections."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
