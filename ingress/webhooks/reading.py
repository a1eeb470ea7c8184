"""Reading an HTTP request: the secret that it shows, who sends it, and its body within the limits."""

from __future__ import annotations

import asyncio
import re

from aiohttp import ClientPayloadError, HttpVersion11
from aiohttp.web import BaseRequest, PayloadAccessError, RequestPayloadError

from ingress.webhooks import encoding, outcomes
from ingress.webhooks.gate import Caller
from ingress.webhooks.outcomes import Refused
from runtime.settings import IngressSettings

PATH = "/v1/webhooks"
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


def caller(http: BaseRequest, settings: IngressSettings) -> Caller:
    """Who asks. Raises Refused for another path or method."""
    path, _, shown = http.path.removeprefix(PATH).partition("/") if http.path.startswith(PATH) else ("?", "", "")
    if not shown and settings.secret_header:
        shown = http.headers.get(settings.secret_header, "")
    if path or not shown or "/" in shown:
        raise Refused(outcomes.NOT_FOUND)
    if http.method != "POST":
        raise Refused(outcomes.BAD_METHOD)
    return Caller(shown, http.remote or "", tuple(http.headers.getall("X-Forwarded-For", ())))


def traceparent(http: BaseRequest) -> str:
    """The caller's trace (W3C), or empty when there is none or it is malformed."""
    value = http.headers.get("traceparent", "")
    return value if _TRACEPARENT.fullmatch(value) else ""


async def body(http: BaseRequest, settings: IngressSettings) -> tuple[bytes, str]:
    """The body as sent, and how it is compressed. Raises Refused; what is refused by its headers is not read."""
    coding = encoding.check(http.headers.get("Content-Encoding", ""))
    if (http.content_length or 0) > settings.max_body_bytes:
        raise Refused(outcomes.TOO_LARGE)
    await _expect(http)
    try:
        async with asyncio.timeout(settings.read_s):
            return await _read(http, settings.max_body_bytes), coding
    except TimeoutError:
        raise Refused(outcomes.TOO_SLOW) from None
    except (ConnectionError, RequestPayloadError, ClientPayloadError, PayloadAccessError):
        raise Refused(outcomes.CUT_OFF) from None


async def _read(http: BaseRequest, limit: int) -> bytes:
    content = http.content
    first = await content.readany()
    if content.at_eof():
        return _within(first, limit)
    chunks, size = [first], len(first)
    while not content.at_eof():
        chunks.append(await content.readany())
        size += len(chunks[-1])
        if size > limit:
            raise Refused(outcomes.TOO_LARGE)
    return b"".join(chunks)


def _within(read: bytes, limit: int) -> bytes:
    if len(read) > limit:
        raise Refused(outcomes.TOO_LARGE)
    return read


async def _expect(http: BaseRequest) -> None:
    """Tells a sender that waits for it (curl, from 1 MB on) to go on."""
    expected = http.headers.get("Expect", "").lower()
    if not expected or http.version != HttpVersion11:
        return
    if expected != "100-continue":
        raise Refused(outcomes.BAD_EXPECTATION)
    await http.writer.write(_CONTINUE)
    http.writer.output_size = 0
