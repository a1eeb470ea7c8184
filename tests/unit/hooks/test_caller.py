"""A call ends in one outcome, in its time, whatever the other side does."""

from __future__ import annotations

import asyncio
import gzip
import socket
import threading
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import structlog
from aiohttp.abc import AbstractResolver, ResolveResult
from standardwebhooks import Webhook

from runtime import metrics
from runtime.hooks import Answer, Call
from runtime.hooks.caller import answered
from runtime.http import server_context
from runtime.settings import TenantsSettings
from tests.builders.certificates import self_signed
from tests.builders.hooks import SECRET, calling, to
from tests.builders.wire_server import Exchange, WireServer, closed_port

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
Script = Callable[[Exchange], Awaitable[None]]


async def fine(exchange: Exchange) -> None:
    await exchange.raw(OK)


async def asked(script: Script, **more: object) -> Answer:
    async with WireServer(script) as server, calling() as caller:
        return await caller.call(to(server.base + "/hook?key=hunter2", **more))


async def test_a_call_is_signed_and_its_answer_comes_back_whole() -> None:
    async with WireServer(fine) as server, calling() as caller:
        call = to(server.base + "/hook", body=b'{"a": 1}', secrets=(SECRET,), headers={"X-Shop": "1"})
        answer = await caller.call(call)
        assert (answer.outcome, answer.status, answer.body, answer.why) == ("ok", 200, b"{}", "")
        (request,) = server.requests
    lines = (line.partition(": ") for line in request.head.split("\r\n")[1:] if line)
    headers = {name: value for name, _, value in lines}
    assert Webhook(SECRET).verify(request.body, headers) == {"a": 1}
    assert headers["webhook-id"] == "m1"
    assert headers["X-Shop"] == "1"


@pytest.mark.parametrize(
    ("status", "retry_after", "outcome"),
    [
        (200, "", "ok"),
        (204, "", "ok"),
        (302, "", "refused"),
        (304, "", "refused"),
        (400, "", "refused"),
        (404, "3", "refused"),
        (408, "", "error"),
        (409, "", "refused"),
        (410, "", "refused"),
        (425, "", "error"),
        (429, "", "busy"),
        (500, "5", "error"),
        (503, "", "error"),
        (503, "soon", "error"),
        (503, "7", "busy"),
    ],
)
def test_a_status_is_an_outcome(status: int, retry_after: str, outcome: str) -> None:
    answer = answered(status, b"", retry_after, 0)
    assert answer.outcome == outcome
    assert answer.again == (outcome in ("error", "busy"))


async def test_a_redirect_is_not_followed() -> None:
    async with WireServer(fine) as other:

        async def away(exchange: Exchange) -> None:
            await exchange.answer(307, Location=other.base + "/there")

        answer = await asked(away)
        assert (answer.outcome, answer.status) == ("refused", 307)
        assert not other.requests


async def slow_loris(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
    while True:
        await exchange.raw(b".")
        await asyncio.sleep(0.02)


async def silent(exchange: Exchange) -> None:
    await asyncio.Event().wait()


async def endless_headers(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\n")
    while True:
        await exchange.raw(b"X: " + b"a" * 1000 + b"\r\n")


async def endless_body(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await exchange.raw(b"10000\r\n" + b"a" * 65536 + b"\r\n")


async def cut(exchange: Exchange) -> None:
    await exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc")
    exchange.close()


async def reset(exchange: Exchange) -> None:
    exchange.reset()


async def garbage(exchange: Exchange) -> None:
    await exchange.raw(b"\x00\x01 SSH-2.0\r\n\r\n")


async def broken_gzip(exchange: Exchange) -> None:
    await exchange.answer(200, b"this is no gzip", Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("script", "outcome"),
    [
        (slow_loris, "timeout"),
        (silent, "timeout"),
        (endless_headers, "unreachable"),
        (endless_body, "too_large"),
        (cut, "unreachable"),
        (reset, "unreachable"),
        (garbage, "unreachable"),
        (broken_gzip, "unreachable"),
    ],
)
async def test_a_hostile_server_takes_no_more_than_the_time_out(script: Script, outcome: str) -> None:
    started = time.monotonic()
    answer = await asked(script, timeout_s=0.5)
    assert answer.outcome == outcome
    assert time.monotonic() - started < 5
    assert "hunter2" not in answer.why + repr(answer)


async def test_a_small_body_that_unpacks_to_a_huge_one_does_not_fill_the_memory() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000, 9)

    async def bombing(exchange: Exchange) -> None:
        await exchange.answer(200, bomb, Content_Encoding="gzip")

    tracemalloc.start()
    try:
        answer = await asked(bombing)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert answer.outcome == "too_large"
    assert peak < 20_000_000


async def test_a_port_that_refuses_is_unreachable_and_a_name_that_is_none_too() -> None:
    async with calling() as caller:
        assert (await caller.call(to(f"http://127.0.0.1:{closed_port()}/x"))).outcome == "unreachable"
        answer = await caller.call(to("http://no-such-host.invalid/x"))
        assert answer.outcome == "unreachable"


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://2130706433:{port}/",
        "http://0x7f.1:{port}/",
        "http://[::1]:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "http://[64:ff9b::7f00:1]:{port}/",
        "http://0.0.0.0:{port}/",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/",
        "http://[fd00::1]/",
        "http://[fe80::1]/",
        "file:///etc/passwd",
        "http://user:hunter2@127.0.0.1:{port}/",
        "nonsense",
    ],
)
async def test_a_private_address_is_forbidden_in_whatever_form(url: str) -> None:
    async with WireServer(fine) as server, calling(TenantsSettings()) as caller:
        answer = await caller.call(to(url.format(port=server.base.rpartition(":")[2])))
        assert answer.outcome == "forbidden"
        assert "hunter2" not in answer.why
        assert server.connections == 0


async def test_what_http_cannot_carry_is_said_and_not_sent() -> None:
    async with WireServer(fine) as server, calling() as caller:
        answer = await caller.call(to(server.base, headers={"X-Shop": "a\r\nX-Admin: yes"}))
        assert answer.outcome == "unsendable"
        answer = await caller.call(to(server.base, headers={"content-Length": "0"}))
        assert (answer.outcome, answer.why) == ("unsendable", "the header content-Length is set by Relevo")
        answer = await caller.call(to(server.base, secrets=("hunter2",)))
        assert (answer.outcome, "hunter2" in answer.why) == ("unsendable", False)
        assert not server.requests


class Names(AbstractResolver):
    """A name server that changes its mind: one list of addresses an asking, the last one for ever."""

    def __init__(self, *answers: list[str]) -> None:
        self._left = list(answers)
        self.asked = 0

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        found = self._left.pop(0) if len(self._left) > 1 else self._left[0]
        return [ResolveResult(hostname=host, host=a, port=port, family=socket.AF_INET, proto=0, flags=0) for a in found]

    async def close(self) -> None: ...


ONE_ADDRESS = TenantsSettings(private_networks=(ip_network("127.0.0.2/32"),))


@pytest.mark.parametrize(
    ("answers", "outcomes"),
    [
        ([["127.0.0.1"]], {"forbidden"}),
        ([["127.0.0.2", "127.0.0.1"]], {"forbidden"}),
        ([["::ffff:127.0.0.1"]], {"forbidden"}),
        ([["127.0.0.2"], ["127.0.0.1"]], {"unreachable", "forbidden"}),
        ([["127.0.0.1"], ["127.0.0.2"]], {"unreachable", "forbidden"}),
    ],
)
async def test_a_name_that_stands_for_a_private_address_by_now_is_never_connected_to(
    answers: list[list[str]], outcomes: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.http.guard.PooledResolver", lambda: Names(*answers))
    async with WireServer(fine) as server, calling(ONE_ADDRESS, failures=0) as caller:
        port = server.base.rpartition(":")[2]
        found = {(await caller.call(to(f"http://rebinds.example:{port}/"))).outcome for _ in range(5)}
        assert found <= outcomes
        assert server.connections == 0


async def test_calls_to_a_name_at_the_same_time_ask_for_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names(["127.0.0.1"])
    monkeypatch.setattr("runtime.http.guard.PooledResolver", lambda: names)
    async with WireServer(fine) as server, calling() as caller:
        url = f"http://shop.example:{server.base.rpartition(':')[2]}/"
        found = await asyncio.gather(*(caller.call(to(url)) for _ in range(20)))
        assert {answer.outcome for answer in found} == {"ok"}
        assert names.asked == 1


async def test_names_that_hang_hold_up_neither_other_names_nor_the_rest_of_the_service(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, over, real = set(), threading.Event(), socket.getaddrinfo

    def look_up(host: str, *more: Any, **options: Any) -> Any:
        if host.startswith("hangs"):
            asked.add(host)
            over.wait(20)
        return real("127.0.0.1", *more, **options)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(4))
    try:
        async with WireServer(fine) as server, calling() as caller:
            port = server.base.rpartition(":")[2]
            hanging = [to(f"http://hangs{n}.example:{port}/", timeout_s=0.5) for n in range(12)]
            assert {one.outcome for one in await asyncio.gather(*map(caller.call, hanging))} == {"timeout"}
            assert len(asked) == 12
            async with asyncio.timeout(5):
                assert (await caller.call(to(f"http://shop.example:{port}/"))).outcome == "ok"
                assert await asyncio.to_thread(lambda: "free") == "free"
    finally:
        over.set()


async def test_a_certificate_that_nobody_vouches_for_is_not_believed(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    self_signed(cert, key)
    async with WireServer(fine, server_context(cert, key)) as server, calling() as caller:
        answer = await caller.call(to(server.base.replace("http", "https")))
        assert answer.outcome == "unreachable"
        assert "Certificate" in answer.why
        assert not server.requests


async def test_a_dead_service_is_left_alone_and_others_are_served() -> None:
    async def dead(exchange: Exchange) -> None:
        await exchange.answer(500)

    async with WireServer(dead) as bad, WireServer(fine) as good, calling(failures=3, pause_s=60, pause_max_s=60) as c:
        outcomes = [(await c.call(to(bad.base))).outcome for _ in range(5)]
        assert outcomes == ["error", "error", "error", "open", "open"]
        assert len(bad.requests) == 3
        assert (await c.call(to(good.base))).outcome == "ok"
        assert (await c.call(to(bad.base, tenant="other"))).outcome == "error"


async def test_a_circuit_that_opens_and_closes_is_told_without_path_body_or_secret() -> None:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(500 if len(server.requests) <= 2 else 200)

    circuits = metrics.gauge(metrics.HOOK_CIRCUITS).labels(use="test")
    async with WireServer(script) as server, calling(failures=2, pause_s=1e-9) as caller:
        call = to(
            server.base + "/path/hunter2?key=hunter2", secrets=(SECRET,), body=b"hola Ana", headers={"X": "hunter3"}
        )
        with structlog.testing.capture_logs() as said:
            for _ in range(2):
                await caller.call(call)
            assert circuits._value.get() == 1
            assert (await caller.call(call)).outcome == "ok", "the pause is over at once"
    assert circuits._value.get() == 0
    assert [one["outcome"] for one in said] == ["error", "ok"]
    assert not [word for word in ("hunter", "path", "Ana", SECRET) if word in str(said)]


async def test_a_call_that_hangs_holds_up_no_other() -> None:
    async with WireServer(silent) as slow, WireServer(fine) as good, calling() as caller:
        hanging = [asyncio.create_task(caller.call(to(slow.base, timeout_s=30))) for _ in range(300)]
        async with asyncio.timeout(5):
            assert (await caller.call(to(good.base))).outcome == "ok"
        for task in hanging:
            task.cancel()
        assert all(
            isinstance(one, asyncio.CancelledError) for one in await asyncio.gather(*hanging, return_exceptions=True)
        )


async def test_calls_are_counted_by_their_outcome() -> None:
    counted = metrics.counter(metrics.HOOK_CALLS).labels(use="test", tenant="counted", outcome="ok")
    before = counted._value.get()
    assert (await asked(fine, tenant="counted")).outcome == "ok"
    assert counted._value.get() == before + 1


def test_a_call_shows_neither_its_path_nor_its_secrets() -> None:
    call = to("https://shop.example/hook?key=hunter2", secrets=(SECRET,), body=b"hola")
    assert repr(call) == "<POST to shop.example:443 for acme>"
    with pytest.raises(ValueError, match="needs an id"):
        Call(tenant="acme", url="https://x", timeout_s=1, secrets=(SECRET,))
