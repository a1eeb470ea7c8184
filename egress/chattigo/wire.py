"""One POST on the wire: the whole answer, or what is known about its absence.

Promises: never raises for the network's or the server's faults; never repeats a request (aiohttp repeats only
idempotent methods), never follows a redirect; `WireFailure.sent` is false only if no byte of the request can have
left: it turns true when a connection was got and the request is about to be written. Paid calls take a connection
of their own, since an idle one that the server has closed looks like a reset after bytes. Leaves to the callers:
what it means.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace

import aiohttp

from egress.chattigo.answers import HttpAnswer
from egress.chattigo.failures import WireFailure, describe
from runtime.http import AddressRefused, AnswerTooLarge, Guard, client_session, read_limited

# Below the shortest idle time-out that servers commonly have (5 s), so that a reply seldom meets a closing connection.
KEEPALIVE_S = 4
CONNECTIONS = 256
CONNECTIONS_PER_HOST = 128


class _Progress:
    """How far a request is."""

    def __init__(self) -> None:
        self.sent = False
        self.status = 0


class Wire:
    """Connections to Chattigo's services. Use it on the loop on which it was started."""

    def __init__(self, *, connect_s: float, guard: Guard) -> None:
        self._connect_s = connect_s
        self._guard = guard
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def start(self) -> None:
        self._sessions = {fresh: self._session(fresh) for fresh in (False, True)}

    async def stop(self) -> None:
        """Closes all connections; calls under way fail."""
        for session in self._sessions.values():
            await session.close()

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], *, timeout_s: float, fresh: bool
    ) -> HttpAnswer | WireFailure:
        """The answer to this JSON body, within the time-out for all of it: connecting, sending, reading."""
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            return WireFailure(sent=False, code="unsendable", reason="a header cannot carry this token")
        progress = _Progress()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(self._sessions[fresh], url, body, headers, progress)
        except (aiohttp.ClientError, OSError, AddressRefused, AnswerTooLarge, ValueError) as error:
            return describe(error, sent=progress.sent, status=progress.status)

    async def _exchange(
        self,
        session: aiohttp.ClientSession,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        progress: _Progress,
    ) -> HttpAnswer:
        common = {"Content-Type": "application/json", "Accept": "application/json"}
        async with session.post(
            url,
            data=body,
            headers={**common, **headers},
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=None, connect=self._connect_s, sock_connect=self._connect_s),
            trace_request_ctx=progress,
        ) as response:
            progress.status = response.status
            return HttpAnswer(
                status=response.status,
                body=await read_limited(response),
                retry_after=response.headers.get("Retry-After", ""),
            )

    def _session(self, fresh: bool) -> aiohttp.ClientSession:
        session = client_session(
            total_s=300,  # each call has its own
            connect_s=self._connect_s,
            limit=CONNECTIONS,
            limit_per_host=CONNECTIONS_PER_HOST,
            fresh_connections=fresh,
            keepalive_s=KEEPALIVE_S,
            guard=self._guard,
        )
        session.trace_configs.append(_watching())
        return session


def _watching() -> aiohttp.TraceConfig:
    """Marks the request whose first bytes are about to be written."""

    async def about_to_send(
        session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestHeadersSentParams
    ) -> None:
        progress = context.trace_request_ctx
        if isinstance(progress, _Progress):
            progress.sent = True

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(about_to_send)
    trace.freeze()
    return trace
