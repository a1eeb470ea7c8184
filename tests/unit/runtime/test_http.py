"""What servers and client sessions promise, on sockets of this machine."""

import asyncio
import json
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from ipaddress import ip_address, ip_network
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from hypothesis import given
from hypothesis import strategies as st

from runtime.http import (
    AccessLogger,
    AddressRefused,
    AnswerTooLarge,
    Guard,
    GuardedResolver,
    RedirectRefused,
    TlsError,
    check_url,
    client_session,
    problem,
    read_limited,
    server_context,
)
from tests.builders.certificates import self_signed

LOG = logging.getLogger("aiohttp.access")
PUBLIC_ONLY = Guard()
SANDBOX = Guard([ip_network("127.0.0.0/8")])

REFUSED = [
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "192.0.0.192",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "192.0.2.1",
    "198.18.0.1",
    "::",
    "::1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "::7f00:1",
    "2001:db8::1",
]
PASSED = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", REFUSED)
def test_the_private_network_is_refused(address: str) -> None:
    with pytest.raises(AddressRefused, match="address"):
        PUBLIC_ONLY.check("evil.example", address)


@pytest.mark.parametrize("address", PASSED)
def test_public_addresses_pass(address: str) -> None:
    PUBLIC_ONLY.check("good.example", address)


@given(
    st.ip_addresses(network="10.0.0.0/8")
    | st.ip_addresses(network="169.254.0.0/16")
    | st.ip_addresses(network="fc00::/7")
)
def test_no_address_of_a_private_network_passes(address: object) -> None:
    assert PUBLIC_ONLY.refusal(ip_address(str(address)))


def test_the_operator_may_allow_a_network() -> None:
    SANDBOX.check("localhost", "127.0.0.1")
    SANDBOX.check("localhost", "::ffff:127.0.0.1")
    with pytest.raises(AddressRefused):
        SANDBOX.check("x", "10.0.0.1")


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/",
        "gopher://example.org/",
        "//example.org/",
        "example.org",
        "",
        "http://",
        "http://user:pw@example.org/",
        "http://example.org:0/",
        "http://example.org:99999/",
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://169.254.169.254/latest/meta-data",
    ],
)
def test_a_url_that_shows_already_that_it_is_wrong_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, PUBLIC_ONLY)


def test_a_good_url_is_given_back_and_https_can_be_demanded() -> None:
    assert check_url("https://crm.example/hook?x=1", PUBLIC_ONLY, https_only=True).host == "crm.example"
    with pytest.raises(AddressRefused, match="https"):
        check_url("http://crm.example/", PUBLIC_ONLY, https_only=True)


class Names(AbstractResolver):
    """A resolver that answers with the addresses it was told, one list an asking."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=a, port=port, family=socket.AF_INET, proto=0, flags=0) for a in found]

    async def close(self) -> None:
        self.answers.clear()


async def test_one_private_address_among_public_ones_refuses_the_name() -> None:
    resolver = GuardedResolver(PUBLIC_ONLY, Names(["8.8.8.8", "10.0.0.1"]))
    with pytest.raises(AddressRefused, match=r"evil.example \(10.0.0.1\)"):
        await resolver.resolve("evil.example", 80)
    await resolver.close()


Serve = Callable[[web.Application], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts an application on a free port; gives its address."""
    runners: list[web.AppRunner] = []

    async def start(app: web.Application) -> str:
        runner = web.AppRunner(app, access_log_class=AccessLogger, access_log=LOG)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def app_of(path: str, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> web.Application:
    app = web.Application()
    app.router.add_route("*", path, handler)
    return app


async def hello(request: web.Request) -> web.Response:
    return web.Response(
        text="hello " + str(request.transport.get_extra_info("peername")[1] if request.transport else 0)
    )


async def test_a_name_that_rebinds_to_a_private_address_is_not_connected_to(serve: Serve) -> None:
    url = await serve(app_of("/", hello))
    port = url.rsplit(":", 1)[1]
    async with client_session(total_s=5, guard=SANDBOX) as session:
        connector = session.connector
        assert isinstance(connector, aiohttp.TCPConnector)
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        connector._resolver = GuardedResolver(SANDBOX, names)
        async with session.get(f"http://rebinding.example:{port}/", headers={"Connection": "close"}) as response:
            assert response.status == 200
        with pytest.raises(AddressRefused, match=r"10\.0\.0\.1"):
            await session.get(f"http://rebinding.example:{port}/")
        assert names.answers == []


async def test_a_guarded_session_refuses_literal_addresses_too(serve: Serve) -> None:
    url = await serve(app_of("/", hello))
    async with client_session(total_s=5, guard=PUBLIC_ONLY) as session:
        with pytest.raises(AddressRefused, match=r"127\.0\.0\.1"):
            await session.get(url)
        with pytest.raises(AddressRefused, match="localhost"):
            await session.get(url.replace("127.0.0.1", "localhost"))


async def test_redirects_are_never_followed(serve: Serve) -> None:
    calls: list[str] = []

    async def away(request: web.Request) -> web.Response:
        calls.append(request.path)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    url = await serve(app_of("/{path:.*}", away))
    async with client_session(total_s=5) as session:
        async with session.post(url, data=b"x", allow_redirects=False) as response:
            assert response.status == 307
        with pytest.raises(RedirectRefused, match=r"307 from 127\.0\.0\.1"):
            await session.post(url, data=b"x")
    assert calls == ["/", "/"]


async def test_proxies_of_the_environment_are_ignored(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    url = await serve(app_of("/", hello))
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with client_session(total_s=5) as session, session.get(url) as response:
        assert response.status == 200


async def test_a_session_can_make_a_fresh_connection_a_request(serve: Serve) -> None:
    url = await serve(app_of("/", hello))

    async def ports(*, fresh: bool) -> set[str]:
        seen = set()
        async with client_session(total_s=5, fresh_connections=fresh) as session:
            for _ in range(3):
                async with session.get(url) as response:
                    seen.add(await response.text())
        return seen

    assert len(await ports(fresh=True)) == 3
    assert len(await ports(fresh=False)) == 1


async def test_time_outs_hold(serve: Serve) -> None:
    release = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    url = await serve(app_of("/", hang))
    async with client_session(total_s=0.1) as session:
        with pytest.raises(TimeoutError):
            await session.get(url)
    release.set()


async def test_an_answer_is_read_within_its_limit(serve: Serve) -> None:
    async def large(request: web.Request) -> web.Response:
        response = web.Response(body=b"x" * 300_000)
        response.enable_compression(web.ContentCoding.gzip)
        return response

    url = await serve(app_of("/", large))
    async with client_session(total_s=5) as session:
        async with session.get(url) as response:
            assert len(await read_limited(response, 300_000)) == 300_000
        async with session.get(url) as response:
            with pytest.raises(AnswerTooLarge):
                await read_limited(response, 299_999)


async def test_access_logs_show_the_pattern_and_never_the_path(serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    url = await serve(app_of("/v1/webhooks/{secret}", hello))
    with caplog.at_level(logging.INFO, "aiohttp.access"):
        async with client_session(total_s=5) as session:
            for path in ("/v1/webhooks/geheim", "/other/geheim"):
                async with session.post(url + path + "?q=geheim", data=b"12345") as response:
                    await response.read()
    assert "POST /v1/webhooks/{secret} 200" in caplog.text
    assert "5 bytes in" in caplog.text
    assert "(no route) 404" in caplog.text
    assert "geheim" not in caplog.text


def test_a_problem_is_rfc_9457() -> None:
    response = problem(429, detail="wait", headers={"Retry-After": "5"}, limit=10)
    assert response.content_type == "application/problem+json"
    assert response.headers["Retry-After"] == "5"
    assert isinstance(response.body, bytes)
    assert json.loads(response.body) == {
        "type": "about:blank",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "wait",
        "limit": 10,
    }
    assert "detail" not in json.loads(bytes(problem(404, "No such line").body or b""))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and its key."""
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    self_signed(cert, key)
    return cert, key


async def test_a_server_speaks_tls_from_files(certificate: tuple[Path, Path]) -> None:
    context = server_context(*certificate)
    runner = web.AppRunner(app_of("/", hello))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    trusting = ssl.create_default_context(cafile=str(certificate[0]))
    url = f"https://127.0.0.1:{port}/"
    async with client_session(total_s=5, tls=trusting) as session, session.get(url) as response:
        assert response.status == 200
    async with client_session(total_s=5) as session:
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(url)
    await runner.cleanup()


def test_without_files_there_is_no_tls() -> None:
    assert server_context(None, None) is None


def test_bad_files_for_tls_are_named(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    cert, _ = certificate
    with pytest.raises(TlsError, match="go together"):
        server_context(cert, None)
    with pytest.raises(TlsError, match="No such file"):
        server_context(cert, tmp_path / "none")
    other = tmp_path / "other.pem"
    self_signed(tmp_path / "c.pem", other)
    with pytest.raises(TlsError, match="MISMATCH"):
        server_context(cert, other)
