"""How an answer leaves, or does not: the physical side of a scripted fault.

Promises: a reset is a TCP reset (the caller's read fails), not an orderly close. Leaves to `calls`: what was
accepted.
"""

import asyncio
import os
import socket
import struct

import orjson
from aiohttp import web

from sandbox.chattigo.answers import Verdict
from sandbox.chattigo.faults import Fault

_PIECES = 8


async def answer(request: web.Request, verdict: Verdict, fault: Fault) -> web.StreamResponse:
    """The answer of `verdict`, as `fault` disfigures it."""
    if fault.delay_after_s:
        await asyncio.sleep(fault.delay_after_s)
    if fault.reset:
        reset(request)
        return web.Response()
    status, body, headers = _content(verdict, fault)
    if fault.trickle_s or fault.truncate:
        return await _in_pieces(request, web.StreamResponse(status=status, headers=headers), body, fault)
    return web.Response(status=status, body=body, headers=headers)


def reset(request: web.Request) -> None:
    """Close the connection with RST, dropping what was not sent."""
    transport = request.transport
    if transport is None:
        return
    sock = transport.get_extra_info("socket")
    if sock is not None:
        # a twin of the descriptor, because an event loop may wrap the socket and forbid its options
        with socket.socket(fileno=os.dup(sock.fileno())) as twin:
            twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def _content(verdict: Verdict, fault: Fault) -> tuple[int, bytes, dict[str, str]]:
    if fault.status is None:
        headers = {"Content-Type": "application/json"} if verdict.body else {}
        return verdict.status, verdict.body, headers | verdict.headers | fault.headers
    body = fault.body.encode() if isinstance(fault.body, str) else orjson.dumps(fault.body)
    headers = {} if isinstance(fault.body, str) else {"Content-Type": "application/json"}
    return fault.status, body, headers | fault.headers


async def _in_pieces(
    request: web.Request, response: web.StreamResponse, body: bytes, fault: Fault
) -> web.StreamResponse:
    response.content_length = max(len(body), 1)  # a body that is announced and does not come, also when it is empty
    await response.prepare(request)
    sent = body[: len(body) // 2] if fault.truncate else body
    size = max(1, -(-len(sent) // _PIECES))
    for start in range(0, len(sent), size):
        await asyncio.sleep(fault.trickle_s / _PIECES)
        await response.write(sent[start : start + size])
    if fault.truncate or not body:
        reset(request)
    return response
