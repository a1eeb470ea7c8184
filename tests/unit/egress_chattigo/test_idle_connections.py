"""A connection that the server closed while it was idle: never met by a paid batch, a doubt for who meets it.

The server is a thread of its own and closes while this process looks away, as it is in life: the FIN is in the
socket, and nobody has read it yet.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator
from ipaddress import ip_network

from egress.chattigo.client import Client
from egress.chattigo.paths import batch_path, session_path
from egress.chattigo.result import CallResult
from egress.chattigo.tokens import Tokens
from egress.chattigo.wire import Wire
from runtime.clock import now_ms
from runtime.http import Guard
from schemas.tenant import Account
from schemas.token import TokenRequest
from tests.builders.tokens import RING, account, message, token

DID = "56911111111"
WAIT_S = 10


class IdleServer:
    """Answers one request a connection with a promise to keep it, and closes it when told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[int, str]] = []
        self._close = threading.Event()
        self._closed = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close_idle(self) -> None:
        """Returns when the first connection is closed. Blocks the loop on purpose: it must not see the end come."""
        self._close.set()
        assert self._closed.wait(WAIT_S)

    def stop(self) -> None:
        self._close.set()
        self._socket.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._socket.close()
        self._thread.join(WAIT_S)

    def _serve(self) -> None:
        for number in range(1, 10):
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._keep, args=(number, connection), daemon=True).start()

    def _keep(self, number: int, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(WAIT_S)
            request = b""
            while b"\r\n\r\n{}" not in request:
                part = connection.recv(65_536)
                if not part:
                    return
                request += part
            self.taken.append((number, request.split(b" ")[1].decode()))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\n{}")
            if number == 1:
                self._close.wait(WAIT_S)
        if number == 1:
            self._closed.set()


class Sender:
    """A client with a token that lives."""

    def __init__(self, base: str) -> None:
        self.account: Account = account(base=base)
        tokens = Tokens(RING, self._nobody)
        tokens.apply([message(token(self.account, 1, obtained_ms=now_ms()))])
        self.client = Client(tokens, Wire(connect_s=2, guard=Guard([ip_network("127.0.0.0/8")])), young_token_s=60)

    async def _nobody(self, request: TokenRequest) -> None:
        raise AssertionError("no token is to be asked for")

    async def reply(self) -> CallResult:
        path = session_path(self.account, DID)
        return await self.client.post(self.account, path, b"{}", timeout_s=5, fresh_connection=False, did=DID)

    async def batch(self) -> CallResult:
        path = batch_path(self.account)
        return await self.client.post(self.account, path, b"{}", timeout_s=5, fresh_connection=True, did=DID)


@contextlib.asynccontextmanager
async def sending() -> AsyncIterator[tuple[Sender, IdleServer]]:
    """A client that has made a call, and a server that has closed its idle connection since."""
    server = IdleServer()
    try:
        sender = Sender(server.base)
        await sender.client.start()
        try:
            assert (await sender.reply()).kind == "accepted"
            server.close_idle()
            yield sender, server
        finally:
            await sender.client.stop()
    finally:
        server.stop()


async def test_a_batch_after_the_server_closed_an_idle_connection_is_accepted_and_not_in_doubt() -> None:
    async with sending() as (sender, server):
        assert (await sender.batch()).kind == "accepted"
        assert server.taken == [(1, f"/v15.0/{DID}/messages"), (2, "/inbound")]


async def test_the_same_on_the_kept_connection_is_a_doubt_and_is_not_repeated() -> None:
    """That is why a batch has a connection of its own: nobody can tell this from a reset after the server acted."""
    async with sending() as (sender, server):
        second = await sender.reply()
        assert (second.kind, second.code) == ("in_doubt", "connection_lost")
        assert len(server.taken) == 1
        assert (await sender.reply()).kind == "accepted", "the next one finds a new connection"
        assert [number for number, _ in server.taken] == [1, 2]


async def test_an_idle_connection_whose_end_was_seen_is_not_used_again() -> None:
    """Before a byte is written the end is no failure at all: the call goes out on a new connection."""
    async with sending() as (sender, server):
        for _ in range(10):  # a turn of the loop is a look at its sockets
            await asyncio.sleep(0)
        assert (await sender.reply()).kind == "accepted"
        assert [number for number, _ in server.taken] == [1, 2]
