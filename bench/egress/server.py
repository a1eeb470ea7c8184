"""A Chattigo of the least: takes every POST, keeps its body for the audit, answers 200. Run as a process of its own.

    python -m bench.egress.server FILE

Prints its port on the first line. Bodies stand in FILE one after the other, each behind its length in eight bytes. It
is not measured, and must not slow down what is: it parses nothing but a request's head.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_ANSWER = b'{"success":true}'
_LENGTH = 8


class Sink(asyncio.Protocol):
    """One connection."""

    def __init__(self, kept: BinaryIO) -> None:
        self._kept = kept
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._data[:end]).lower()
            size = int(head.partition(b"content-length:")[2].partition(b"\r\n")[0])
            if len(self._data) < end + 4 + size:
                return
            body = bytes(self._data[end + 4 : end + 4 + size])
            del self._data[: end + 4 + size]
            self._take(body, closing=b"connection: close" in head)

    def _take(self, body: bytes, *, closing: bool) -> None:
        self._kept.write(len(body).to_bytes(_LENGTH, "big") + body)
        connection = b"close" if closing else b"keep-alive"
        self._transport.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: %b\r\nContent-Length: %d\r\n\r\n%b"
            % (connection, len(_ANSWER), _ANSWER)
        )
        if closing:
            self._transport.close()


def bodies(file: Path, start: int = 0) -> Iterator[tuple[bytes, int]]:
    """All that was kept from a place in the file on, each with the place behind it."""
    with file.open("rb") as kept:
        kept.seek(start)
        while len(head := kept.read(_LENGTH)) == _LENGTH:
            body = kept.read(int.from_bytes(head, "big"))
            if len(body) < int.from_bytes(head, "big"):
                return  # it is being written just now
            start += _LENGTH + len(body)
            yield body, start


async def main(file: Path) -> None:
    """Serves until it is killed; what was answered was written before."""
    with file.open("ab", buffering=0) as kept:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(kept), "127.0.0.1", 0, backlog=512)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
