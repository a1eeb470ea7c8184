"""A call, from the account's token to its result: 401s, lost lines, missing tokens, time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import pytest

from egress.chattigo.client import Client
from egress.chattigo.paths import batch_path, control_path, session_path, url
from egress.chattigo.result import CallResult
from egress.chattigo.tokens import Tokens
from egress.chattigo.wire import Wire
from runtime.clock import now_ms
from runtime.http import Guard
from schemas.tenant import Account
from schemas.token import TokenRequest
from tests.builders.tokens import RING, account, message, token
from tests.builders.wire_server import Exchange, WireServer, closed_port

DID = "56911111111"
HOUR_MS = 3_600_000


class Rig:
    """A client, a server, and a lease that renews by the next generation when asked (unless it is away)."""

    def __init__(self, server: WireServer, **of_account: Any) -> None:
        self.server = server
        self.account: Account = account(base=server.base, auth="raw", **of_account)
        self.requests: list[TokenRequest] = []
        self.lease_is_there = True
        self.tokens = Tokens(RING, self._renew)
        wire = Wire(connect_s=1, guard=Guard([ip_network("127.0.0.0/8")]))
        self.client = Client(self.tokens, wire, young_token_s=60)

    async def _renew(self, request: TokenRequest) -> None:
        self.requests.append(request)
        if self.lease_is_there:
            self.give(request.generation + 1, age_ms=0)

    def give(self, generation: int, age_ms: int = HOUR_MS) -> None:
        self.tokens.apply([message(token(self.account, generation, obtained_ms=now_ms() - age_ms))])

    async def post(
        self, *, timeout_s: float = 2, did: str = DID, at: Account | None = None, fresh: bool = False
    ) -> CallResult:
        target = at or self.account
        path = session_path(target, did)
        return await self.client.post(target, path, b"{}", timeout_s=timeout_s, fresh_connection=fresh, did=did)

    @property
    def shown(self) -> list[str]:
        """The tokens that the server saw."""
        return [request.authorization for request in self.server.requests]


@asynccontextmanager
async def rig(script: Callable[[Exchange], Awaitable[None]], **of_account: Any) -> AsyncIterator[Rig]:
    async with WireServer(script) as server:
        found = Rig(server, **of_account)
        await found.client.start()
        try:
            yield found
        finally:
            await found.client.stop()


def accepting(*good: str) -> Callable[[Exchange], Awaitable[None]]:
    """A server that takes these tokens and answers 401 to others."""

    async def script(exchange: Exchange) -> None:
        if exchange.authorization in good:
            await exchange.answer(200, b'{"messages":[{"id":"wamid.1"}]}')
        else:
            await exchange.answer(401)

    return script


async def test_a_call_carries_the_token_raw_or_as_bearer_as_the_account_says() -> None:
    async with rig(accepting("t1", "Bearer t1")) as r:
        r.give(1)
        assert (await r.post()).provider_ids == ["wamid.1"]
        bearer = account(base=r.server.base, auth="bearer")
        assert (await r.post(at=bearer)).kind == "accepted"
        assert r.shown == ["t1", "Bearer t1"]
        assert r.server.requests[0].path == f"/v15.0/{DID}/messages"


async def test_a_401_is_one_renewal_and_one_more_try() -> None:
    async with rig(accepting("t2")) as r:
        r.give(1)
        assert (await r.post()).kind == "accepted"
        assert r.shown == ["t1", "t2"]
        assert [(q.account, q.generation) for q in r.requests] == [(r.account.key, 1)]


async def test_a_second_401_is_the_result_and_a_third_call_is_not_made() -> None:
    async with rig(accepting()) as r:
        r.give(1)
        first = await r.post()
        assert (first.kind, first.status) == ("unauthorized", 401)
        assert r.shown == ["t1", "t2"]
        again = await r.post()
        assert (again.kind, again.code, again.status) == ("unauthorized", "not_your_line", 0)
        assert again.retry_after_s is not None
        assert 0 < again.retry_after_s <= 60
        assert len(r.shown) == 2
        assert len(r.requests) == 1


async def test_a_401_on_a_young_token_is_about_the_line_and_no_login() -> None:
    async with rig(accepting()) as r:
        r.give(1, age_ms=0)
        assert (await r.post()).code == "not_your_line"
        assert r.requests == []
        assert (await r.post(did="56922222222")).code == "not_your_line"
        assert len(r.shown) == 2, "another line gets its own try"


async def test_a_young_token_that_worked_on_the_line_and_died_is_renewed() -> None:
    good = ["t1"]

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200 if exchange.authorization in good else 401)

    async with rig(script) as r:
        r.give(1, age_ms=0)
        assert (await r.post()).kind == "accepted"
        good[:] = ["t2"]
        assert (await r.post()).kind == "accepted"
        assert r.shown == ["t1", "t1", "t2"]


async def test_without_a_token_nothing_is_sent() -> None:
    async with rig(accepting("t1")) as r:
        r.lease_is_there = False
        missing = await r.post(timeout_s=0.1)
        assert (missing.kind, missing.code) == ("not_sent", "no_token")
        assert r.shown == []


async def test_a_renewal_that_does_not_come_leaves_the_401_within_the_calls_time() -> None:
    async with rig(accepting()) as r:
        r.give(1)
        r.lease_is_there = False
        refused = await r.post(timeout_s=0.4)
        assert (refused.kind, refused.status) == ("unauthorized", 401)
        assert len(r.shown) == 1


@pytest.mark.parametrize(
    ("status", "kind"), [(400, "refused"), (429, "throttled"), (500, "in_doubt"), (302, "in_doubt")]
)
async def test_other_answers_are_not_tried_again(status: int, kind: str) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, Location="/x")

    async with rig(script) as r:
        r.give(1)
        found = await r.post()
        assert (found.kind, found.status, len(r.shown)) == (kind, status, 1)


async def test_trouble_on_the_wire_is_a_result() -> None:
    async def script(exchange: Exchange) -> None:
        exchange.reset()

    async with rig(script) as r:
        r.give(1)
        lost = await r.post()
        assert (lost.kind, lost.code) == ("in_doubt", "connection_lost")
        nobody = account(base=f"http://127.0.0.1:{closed_port()}")
        r.tokens.apply([message(token(nobody, 2, obtained_ms=now_ms()))])
        unsent = await r.post(at=nobody)
        assert (unsent.kind, unsent.code) == ("not_sent", "connect_failed")


def test_paths_of_the_services() -> None:
    isv, hsm, bot = account("isv"), account("hsm", base="https://h.example/message/"), account("bot")
    assert session_path(isv, DID) == f"/v15.0/{DID}/messages"
    assert session_path(bot, DID) == control_path(bot) == "/outbound"
    assert url(hsm, batch_path(hsm)) == "https://h.example/message/inbound"


def raw(data: bytes, *, then: str = "close") -> Callable[[Exchange], Awaitable[None]]:
    """A server that writes these bytes and closes, resets or hangs."""

    async def script(exchange: Exchange) -> None:
        await exchange.raw(data)
        if then == "close":
            exchange.close()
        elif then == "reset":
            exchange.reset()
        else:
            await asyncio.sleep(30)

    return script


def whole(status: int, body: bytes) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)


OPEN = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"success":true'
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("script", "kind", "code"),
    [
        (raw(whole(200, b"")), "accepted", ""),
        (raw(b"HTTP/1.1 204 X\r\n\r\n"), "accepted", ""),
        (raw(whole(202, b"<html>")), "accepted", ""),
        (raw(CHUNKED + b"2\r\n{}\r\n0\r\n\r\n"), "accepted", ""),
        (raw(whole(200, b'{"success":true}')), "accepted", ""),
        (raw(whole(200, b'{"success":false,"message":"no"}')), "in_doubt", "success_false"),
        (raw(whole(200, b'{"success":false,"message":"n\xfamero"}')), "in_doubt", "success_false"),
        (raw(whole(200, b'{"error":{"code":131000}}')), "in_doubt", "131000"),
        (raw(OPEN), "in_doubt", "answer_truncated"),
        (raw(OPEN, then="reset"), "in_doubt", "answer_truncated or connection_lost"),
        (raw(OPEN, then="hang"), "in_doubt", "answer_timeout"),
        (raw(CHUNKED + b"2\r\n{}\r\n"), "in_doubt", "answer_truncated"),
        (raw(CHUNKED + b"zz\r\n"), "in_doubt", "connection_lost or answer_truncated"),
        (raw(b"HTTP/1.1 200"), "in_doubt", "connection_lost"),
        (raw(b"HTTP/1.1 200 OK\r\nContent-", then="hang"), "in_doubt", "timeout"),
        (raw(b"", then="hang"), "in_doubt", "timeout"),
        (raw(b""), "in_doubt", "connection_lost"),
        (raw(b"", then="reset"), "in_doubt", "connection_lost"),
        (raw(b"HTTP/1.1 302 X\r\nLocation: /done\r\nContent-Length: 0\r\n\r\n"), "in_doubt", "http_302"),
        (raw(b"HTTP/1.1 303 X\r\nLocation: /done\r\nContent-Length: 0\r\n\r\n"), "in_doubt", "http_303"),
        (raw(b"HTTP/1.1 308 X\r\nLocation: /new\r\nContent-Length: 0\r\n\r\n"), "refused", "http_308"),
        (raw(whole(400, b"")), "refused", "http_400"),
        (raw(whole(503, b"")), "throttled", "http_503"),
        (raw(whole(502, b"<html>")), "in_doubt", "http_502"),
    ],
)
@pytest.mark.parametrize("fresh", [True, False], ids=["batch", "reply"])
async def test_a_call_is_made_once_and_means_what_the_socket_showed(
    script: Callable[[Exchange], Awaitable[None]], kind: str, code: str, fresh: bool
) -> None:
    async with rig(script) as r:
        r.give(1)
        found = await r.post(timeout_s=0.4, fresh=fresh)
        assert found.kind == kind
        assert found.code in code.split(" or "), "either, where a reset overtakes what came before it"
        assert len(r.shown) == 1, "nothing is repeated, no redirect is followed"


async def test_a_body_that_comes_slowly_but_in_time_is_read_to_its_end() -> None:
    async def script(exchange: Exchange) -> None:
        body = b'{"success":false,"message":"slow"}'
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body))
        for start in range(0, len(body), 5):
            await exchange.raw(body[start : start + 5])
            await asyncio.sleep(0.01)

    async with rig(script) as r:
        r.give(1)
        found = await r.post(timeout_s=5)
        assert (found.kind, found.code, found.reason) == ("in_doubt", "success_false", "slow")
