"""Client sessions: bounded in every respect, and blind to the environment.

Promises: no proxies and no .netrc from the environment, cookies are not kept, time-outs always hold, a redirect is
never followed (a request made without `allow_redirects=False` fails with `RedirectRefused`), and a session with a guard
connects only to addresses that the guard lets pass. Leaves to the callers: time-outs of single calls, reading answers
by `read_limited`.
"""

import ssl
from types import SimpleNamespace

import aiohttp
from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, ClientSession, ClientTimeout, TCPConnector

from runtime.http.guard import Guard, GuardedResolver, check_url

ANSWER_MAX = 1024 * 1024  # bytes of an answer that are worth reading
USER_AGENT = "relevo"
_NAMES_S = 10  # without a guard


class RedirectRefused(Exception):
    """The server answered with a redirect, and following one could repeat a paid call or leave the checked host."""


class AnswerTooLarge(Exception):
    """The answer has more bytes than its reader takes."""


def client_session(
    *,
    total_s: float,
    connect_s: float = 3,
    limit: int = 100,
    limit_per_host: int = 0,
    fresh_connections: bool = False,
    keepalive_s: float = 15,
    guard: Guard | None = None,
    names_s: int = 0,
    tls: ssl.SSLContext | None = None,
) -> ClientSession:
    """A session; close it. Must be called on a running event loop.

    `fresh_connections` makes one connection a request (an idle one that the server closed looks like a reset
    after bytes). `guard` is for addresses that tenants give; what it let a name stand for holds for `names_s`, and
    look-ups of a name at the same time are one. `tls` replaces the usual checks of certificates.
    """
    connector = TCPConnector(
        limit=limit,
        limit_per_host=limit_per_host,
        force_close=fresh_connections,
        keepalive_timeout=None if fresh_connections else keepalive_s,
        resolver=GuardedResolver(guard) if guard else None,
        use_dns_cache=guard is None or names_s > 0,
        ttl_dns_cache=names_s or _NAMES_S,
        ssl=tls if tls is not None else True,
    )
    return ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=total_s, connect=connect_s, sock_connect=connect_s),
        trust_env=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": USER_AGENT},
        trace_configs=[_no_redirects()],
        middlewares=(_guarding(guard),) if guard else (),
    )


async def read_limited(response: ClientResponse, limit: int = ANSWER_MAX) -> bytes:
    """The body of an answer, decompressed. Raises `AnswerTooLarge` (and closes the connection) beyond the limit."""
    parts, size = [], 0
    async for part in response.content.iter_chunked(64 * 1024):
        size += len(part)
        if size > limit:
            response.close()
            raise AnswerTooLarge(f"more than {limit} bytes")
        parts.append(part)
    return b"".join(parts)


def _no_redirects() -> aiohttp.TraceConfig:
    async def refuse(
        session: ClientSession, context: SimpleNamespace, params: aiohttp.TraceRequestRedirectParams
    ) -> None:
        raise RedirectRefused(f"{params.response.status} from {params.url.host}: redirects are not followed")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(refuse)
    return trace


def _guarding(guard: Guard) -> "aiohttp.ClientMiddlewareType":
    async def check(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        check_url(str(request.url), guard)  # a literal IP never reaches the resolver
        return await handler(request)

    return check
