"""What leaves this process, and what is known when no answer comes: on real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from ipaddress import ip_network

import pytest

from egress.chattigo.answers import HttpAnswer
from egress.chattigo.failures import WireFailure
from egress.chattigo.wire import Wire
from runtime.http import Guard
from tests.builders.wire_server import Exchange, WireServer, closed_port

LOOPBACK = Guard([ip_network("127.0.0.0/8")])


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    wire = Wire(connect_s=1, guard=LOOPBACK)
    await wire.start()
    yield wire
    await wire.stop()


async def post(
    wire: Wire, address: str, *, timeout_s: float = 2, fresh: bool = True, body: bytes = b"{}"
) -> HttpAnswer | WireFailure:
    return await wire.post(address, body, {"Authorization": "t"}, timeout_s=timeout_s, fresh=fresh)


async def failing(wire: Wire, address: str, timeout_s: float = 2) -> WireFailure:
    found = await post(wire, address, timeout_s=timeout_s)
    assert isinstance(found, WireFailure)
    return found


async def test_a_whole_answer_comes_back_with_its_wait(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(429, b"slow", Retry_After="7")

    async with WireServer(script) as server:
        found = await post(wire, f"{server.base}/inbound", body=b'{"x":1}')
        assert found == HttpAnswer(status=429, body=b"slow", retry_after="7")
        assert server.requests[0].body == b'{"x":1}'
        assert "application/json" in server.requests[0].head


async def test_a_redirect_is_an_answer_and_is_not_followed(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(307, b"", Location="/elsewhere")

    async with WireServer(script) as server:
        found = await post(wire, f"{server.base}/inbound")
        assert isinstance(found, HttpAnswer)
        assert found.status == 307
        assert [request.path for request in server.requests] == ["/inbound"]


async def test_nothing_was_sent_where_nobody_listens(wire: Wire) -> None:
    failure = await failing(wire, f"http://127.0.0.1:{closed_port()}/inbound")
    assert (failure.sent, failure.code) == (False, "connect_failed")


async def test_nothing_was_sent_when_the_name_is_unknown(wire: Wire) -> None:
    failure = await failing(wire, "http://no-such-host.invalid/inbound")
    assert (failure.sent, failure.code) == (False, "dns_failed")


async def test_nothing_was_sent_when_tls_fails(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        exchange.close()

    async with WireServer(script) as server:
        server_of_no_tls = server.base.replace("http:", "https:")
        # The server takes the greeting for a request that never ends: the time to connect is over first.
        failure = await failing(wire, f"{server_of_no_tls}/inbound", timeout_s=5)
        assert failure.sent is False
        assert failure.code in ("connect_timeout", "tls_failed", "connect_failed")
        assert server.requests == []


async def test_an_address_in_a_private_network_is_not_called() -> None:
    wire = Wire(connect_s=1, guard=Guard())
    await wire.start()

    async def script(exchange: Exchange) -> None:
        await exchange.answer(200)

    try:
        async with WireServer(script) as server:
            for address in (server.base, server.base.replace("127.0.0.1", "localhost")):
                failure = await failing(wire, f"{address}/inbound")
                assert (failure.sent, failure.code) == (False, "address_refused")
            assert server.requests == []
    finally:
        await wire.stop()


async def test_a_reset_after_the_request_is_a_doubt(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        exchange.reset()

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound")
        assert (failure.sent, failure.status, failure.code) == (True, 0, "connection_lost")
        assert len(server.requests) == 1, "a POST is never repeated"


@pytest.mark.parametrize("fresh", [True, False])
async def test_a_post_is_not_repeated_when_the_server_closes_a_kept_connection(wire: Wire, fresh: bool) -> None:
    async def script(exchange: Exchange) -> None:
        if len(server.requests) == 1:
            await exchange.answer(200)
        else:
            exchange.close()

    async with WireServer(script) as server:
        first = await post(wire, f"{server.base}/inbound", fresh=fresh)
        assert isinstance(first, HttpAnswer)
        second = await post(wire, f"{server.base}/inbound", fresh=fresh)
        assert isinstance(second, WireFailure)
        assert second.sent
        assert len(server.requests) == 2
        assert server.connections == (2 if fresh else 1)


async def test_a_paid_call_does_not_meet_the_connection_that_the_server_closed_while_idle(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200)
        exchange.close()

    async with WireServer(script) as server:
        for _ in range(20):
            assert isinstance(await post(wire, f"{server.base}/inbound", fresh=True), HttpAnswer)
        assert server.connections == 20


async def test_no_answer_in_time_is_a_doubt(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await asyncio.sleep(30)

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound", timeout_s=0.3)
        assert (failure.sent, failure.status, failure.code) == (True, 0, "timeout")


async def test_a_body_that_drips_does_not_outlast_the_time(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        while True:
            await exchange.raw(b"x")
            await asyncio.sleep(0.05)

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound", timeout_s=0.5)
        assert (failure.sent, failure.status, failure.code) == (True, 200, "answer_timeout")


async def test_a_truncated_answer_is_a_doubt(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"succ')
        exchange.close()

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound")
        assert (failure.sent, failure.status, failure.code) == (True, 200, "answer_truncated")


async def test_an_answer_without_end_is_not_read_to_it(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200, b"x" * (2 * 1024 * 1024))

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound")
        assert (failure.sent, failure.status, failure.code) == (True, 200, "answer_too_large")


async def test_what_is_no_http_is_a_doubt(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.raw(b"SSH-2.0-OpenSSH\r\n\r\n")
        exchange.close()

    async with WireServer(script) as server:
        failure = await failing(wire, f"{server.base}/inbound")
        assert failure.sent


async def test_a_token_that_does_not_fit_into_a_header_is_not_sent(wire: Wire) -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(200)

    async with WireServer(script) as server:
        found = await wire.post(server.base, b"{}", {"Authorization": "a\r\nb: c"}, timeout_s=2, fresh=True)
        assert isinstance(found, WireFailure)
        assert (found.sent, found.code) == (False, "unsendable")
        assert server.requests == []
