"""The HTTP front with a producer that does as it is told: each answer, and what is stored and counted with it."""

import asyncio
import gzip
import logging
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientError, ClientSession, TCPConnector

from ingress.webhooks import outcomes, report
from ingress.webhooks.gate import Gate
from ingress.webhooks.intake import Intake
from ingress.webhooks.server import WebhookServer
from runtime import metrics
from runtime.kafka.producer import Backpressure, DeliveryError, Record
from runtime.secrets import secret_digest
from runtime.settings import IngressSettings
from runtime.tenants import Grant
from tests.builders import webhooks as build

SECRET = "s" * 43
PATH = f"/v1/webhooks/{SECRET}"
GRANT = Grant(secret_digest(SECRET), "acme", frozenset({build.LINE}))
BODY = orjson.dumps(build.flat())


class Grants:
    ready = True

    def by_secret(self, digest: str, at_ms: int) -> Grant | None:
        return GRANT if digest == GRANT.digest else None


class Kafka:
    """A producer that confirms at once, unless told otherwise."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.open = asyncio.Event()
        self.open.set()
        self.waiting = asyncio.Event()
        self.error: Exception | None = None

    async def send_all(self, records: Iterable[Record]) -> None:
        self.waiting.set()
        await self.open.wait()
        if self.error is not None:
            raise self.error
        self.records += records


class Running:
    """A server on a free port, and ways to call it."""

    def __init__(self, **settings: Any) -> None:
        self.kafka, self.grants = Kafka(), Grants()
        self.settings = IngressSettings(**{"port": 0, **settings})
        self.server = WebhookServer(self.settings, Gate(self.settings, self.grants), Intake(self.settings, self.kafka))

    async def call(
        self, method: str = "POST", path: str = PATH, body: Any = BODY, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with (
            ClientSession(auto_decompress=False) as session,
            session.request(method, url, data=body, headers=named) as answer,
        ):
            return answer.status, await answer.read(), {k.lower(): v for k, v in answer.headers.items()}

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.server.port)


def head(length: int | str, *lines: str) -> bytes:
    return "\r\n".join([f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {length}", *lines, "", ""]).encode()


@asynccontextmanager
async def running(**settings: Any) -> AsyncIterator[Running]:
    run = Running(**settings)
    await run.server.start()
    try:
        yield run
    finally:
        await run.server.stop(5)


def counted(outcome: str, tenant: str = "acme") -> float:
    return metrics.PROCESS.value(metrics.INGRESS_REQUESTS, tenant=tenant, outcome=outcome)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110  what is waited for has no event
            await asyncio.sleep(0.005)


def problem(body: bytes, outcome: outcomes.Outcome) -> None:
    found = orjson.loads(body)
    assert (found["type"], found["status"]) == (f"urn:relevo:problem:{outcome.name}", outcome.status)
    assert SECRET.encode() not in body


# taken


async def test_a_webhook_is_answered_exactly_200_with_nothing_once_kafka_has_it() -> None:
    async with running() as run:
        before = counted("accepted")
        status, body, headers = await run.call()
        assert (status, body, headers["content-length"]) == (200, b"", "0")
        (record,) = run.kafka.records
        assert (record.topic, record.value) == ("inbound.conversations", BODY)
        assert counted("accepted") == before + 1


async def test_the_answer_waits_for_the_confirmation() -> None:
    async with running() as run:
        run.kafka.open.clear()
        call = asyncio.create_task(run.call())
        await run.kafka.waiting.wait()
        assert not call.done()
        run.kafka.open.set()
        assert (await call)[0] == 200


async def test_many_requests_on_one_connection_are_answered_in_order() -> None:
    async with running() as run:
        reader, writer = await run.connect()
        for body in (BODY, b"{", BODY):
            writer.write(head(len(body)) + body)
        found = [(await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]]
        header = await reader.readuntil(b"\r\n\r\n")
        length = int(header.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        await reader.readexactly(length)
        found += [header.split(b" ")[1], (await reader.readuntil(b"\r\n\r\n")).split(b" ")[1]]
        assert found == [b"200", b"400", b"200"]
        writer.close()


async def test_a_body_in_chunks_and_in_pieces_is_the_same_body() -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for place in range(0, len(BODY), 40):
            yield BODY[place : place + 40]

    async with running() as run:
        assert (await run.call(body=chunks()))[0] == 200
        reader, writer = await run.connect()
        writer.write(head(len(BODY)) + BODY[:10])
        await writer.drain()
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        assert [record.value for record in run.kafka.records] == [BODY, BODY]
        writer.close()


async def test_packed_bodies_are_stored_unpacked() -> None:
    async with running() as run:
        status, _, _ = await run.call(body=gzip.compress(BODY), Content_Encoding="gzip")
        assert (status, run.kafka.records[0].value) == (200, BODY)


async def test_the_trace_of_the_caller_goes_along_if_it_is_one() -> None:
    trace = f"00-{'a' * 32}-{'b' * 16}-01"
    async with running() as run:
        await run.call(traceparent=trace)
        await run.call(traceparent="no trace")
        first, second = (dict(record.headers) for record in run.kafka.records)
        assert first["traceparent"] == trace.encode()
        assert "traceparent" not in second


async def test_the_secret_may_come_in_the_header_that_is_set() -> None:
    async with running(secret_header="X-Secret") as run:
        assert (await run.call(path="/v1/webhooks", X_Secret=SECRET))[0] == 200
        assert (await run.call(path="/v1/webhooks/", X_Secret=SECRET))[0] == 200
        assert (await run.call(path="/v1/webhooks", X_Secret="wrong"))[0] == 404
        assert (await run.call(path="/v1/webhooks"))[0] == 404


# kept


@pytest.mark.parametrize(
    ("body", "headers", "status", "reason"),
    [
        (b"{", {}, 400, "not_json"),
        (b"", {}, 400, "not_json"),
        (b"{}", {}, 200, "unknown_shape"),
        (orjson.dumps(build.flat(did="56999999999")), {}, 200, "foreign_line"),
        (BODY, {"Content_Encoding": "gzip"}, 400, "bad_encoding"),
    ],
)
async def test_what_cannot_be_processed_is_kept_byte_for_byte(
    body: bytes, headers: dict[str, str], status: int, reason: str
) -> None:
    async with running() as run:
        before = metrics.PROCESS.value(metrics.INGRESS_KEPT, tenant="acme", reason=reason)
        answer, text, _ = await run.call(body=body, **headers)
        (record,) = run.kafka.records
        assert answer == status
        assert (text == b"") == (status == 200)
        assert (record.topic, record.value) == ("inbound.rejected", body)
        assert dict(record.headers)["reason"] == reason.encode()
        assert metrics.PROCESS.value(metrics.INGRESS_KEPT, tenant="acme", reason=reason) == before + 1


# refused, and not kept

Call = Callable[[Running], Awaitable[tuple[int, bytes, dict[str, str]]]]


@pytest.mark.parametrize(
    ("outcome", "tenant", "settings", "call"),
    [
        (outcomes.NOT_FOUND, "other", {}, lambda run: run.call(path="/v1/webhooks/wrong")),
        (outcomes.NOT_FOUND, "other", {}, lambda run: run.call(path=PATH + "/more")),
        (outcomes.NOT_FOUND, "other", {}, lambda run: run.call(path="/v1/webhooks/")),
        (outcomes.NOT_FOUND, "other", {}, lambda run: run.call(path="/v1/webhooksy/" + SECRET)),
        (outcomes.NOT_FOUND, "other", {}, lambda run: run.call("GET", path="/", body=None)),
        (outcomes.BAD_METHOD, "other", {}, lambda run: run.call("GET", body=None)),
        (outcomes.BAD_METHOD, "other", {}, lambda run: run.call("PUT")),
        (outcomes.FORBIDDEN, "other", {"allowed_networks": "10.0.0.0/8"}, lambda run: run.call()),
        (
            outcomes.FORBIDDEN,
            "other",
            {"allowed_networks": "10.0.0.0/8", "trusted_proxies": 1},
            lambda run: run.call(X_Forwarded_For="10.0.0.1, 1.1.1.1"),
        ),
        (outcomes.TOO_LARGE, "acme", {"max_body_bytes": 1024}, lambda run: run.call(body=b" " * 1025)),
        (
            outcomes.TOO_LARGE,
            "acme",
            {"max_body_bytes": 1024},
            lambda run: run.call(body=gzip.compress(b" " * 1025), Content_Encoding="gzip"),
        ),
        (outcomes.TOO_DEEP, "acme", {}, lambda run: run.call(body=b"[" * 65 + b"]" * 65)),
        (outcomes.TOO_DEEP, "acme", {}, lambda run: run.call(body=b"[" * 5000)),
        (outcomes.UNKNOWN_ENCODING, "acme", {}, lambda run: run.call(Content_Encoding="br")),
        (outcomes.BAD_EXPECTATION, "acme", {}, lambda run: run.call(Expect="miracles")),
    ],
)
async def test_what_is_refused_says_why_is_counted_and_not_kept(
    outcome: outcomes.Outcome, tenant: str, settings: dict[str, Any], call: Call
) -> None:
    async with running(**settings) as run:
        before = counted(outcome.name, tenant)
        status, body, headers = await call(run)
        assert status == outcome.status
        assert headers["content-type"] == "application/problem+json"
        problem(body, outcome)
        assert run.kafka.records == []
        assert counted(outcome.name, tenant) == before + 1


async def test_405_says_what_is_allowed() -> None:
    async with running() as run:
        assert (await run.call("DELETE"))[2]["allow"] == "POST"


async def test_a_proxy_of_ours_tells_who_calls() -> None:
    async with running(allowed_networks="10.0.0.0/8", trusted_proxies=1) as run:
        assert (await run.call(X_Forwarded_For="1.1.1.1, 10.0.0.1"))[0] == 200


async def test_a_body_that_turns_out_too_large_is_refused_while_it_comes() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    async with running(max_body_bytes=2000) as run:
        assert (await run.call(body=endless()))[0] == 413
        assert run.kafka.records == []


async def test_a_body_that_is_announced_too_large_is_not_waited_for() -> None:
    async with running(max_body_bytes=1024) as run:
        reader, writer = await run.connect()
        writer.write(head(10_000_000, "Expect: 100-continue"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 413")
        writer.close()


async def test_who_waits_to_be_told_to_go_on_is_told() -> None:
    async with running() as run:
        reader, writer = await run.connect()
        writer.write(head(len(BODY), "Expect: 100-continue"))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(BODY)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()


async def test_a_body_that_does_not_come_in_time_is_408_and_ends_the_connection() -> None:
    async with running(read_s=0.05) as run:
        reader, writer = await run.connect()
        writer.write(head(len(BODY)) + BODY[:10])
        assert (await reader.readline()).startswith(b"HTTP/1.1 408")
        assert b"onnection: close" in await reader.readuntil(b"\r\n\r\n")
        assert run.kafka.records == []
        writer.close()


async def test_a_sender_that_goes_away_inside_the_body_is_counted_and_nothing_is_kept() -> None:
    async with running() as run:
        before = counted("cut_off")
        _, writer = await run.connect()
        writer.write(head(len(BODY)) + BODY[:10])
        await writer.drain()
        writer.close()
        await until(lambda: counted("cut_off") == before + 1)
        assert run.kafka.records == []


async def test_a_used_up_rate_is_429_with_the_time_to_wait() -> None:
    async with running(rate_per_s=0.01, rate_burst=2) as run:
        assert [(await run.call())[0] for _ in range(2)] == [200, 200]
        status, body, headers = await run.call()
        assert status == 429
        assert 90 <= int(headers["retry-after"]) <= 100
        problem(body, outcomes.TOO_MANY)


# never a false 200


async def test_before_the_tenants_are_read_the_answer_is_503_whatever_the_secret() -> None:
    async with running(retry_after_s=7) as run:
        run.grants.ready = False
        for path in (PATH, "/v1/webhooks/wrong"):
            status, body, headers = await run.call(path=path)
            assert (status, headers["retry-after"]) == (503, "7")
            problem(body, outcomes.STARTING)


async def test_kafka_that_does_not_confirm_is_held_for_and_then_503() -> None:
    async with running(ack_hold_s=0.1) as run:
        run.kafka.open.clear()
        loop = asyncio.get_running_loop()
        started = loop.time()
        status, body, headers = await run.call()
        assert (status, headers["retry-after"]) == (503, "5")
        assert 0.1 <= loop.time() - started < 5
        problem(body, outcomes.UNSURE)
        run.kafka.open.set()
        assert (await run.call())[0] == 200


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (DeliveryError("_MSG_TIMED_OUT", retriable=True), outcomes.UNSURE),
        (DeliveryError("MSG_SIZE_TOO_LARGE", retriable=False), outcomes.UNSURE),
        (Backpressure("full"), outcomes.FULL),
    ],
)
async def test_a_failed_delivery_is_503_and_told_once(
    error: Exception, outcome: outcomes.Outcome, caplog: pytest.LogCaptureFixture
) -> None:
    async with running() as run:
        run.kafka.error = error
        with caplog.at_level(logging.WARNING):
            for _ in range(3):
                status, body, headers = await run.call()
                assert (status, headers["retry-after"]) == (503, "5")
                problem(body, outcome)
        assert len(caplog.records) == 1
        run.kafka.error = None
        assert (await run.call())[0] == 200


async def test_not_json_that_kafka_does_not_take_is_503_too() -> None:
    async with running() as run:
        run.kafka.error = DeliveryError("_MSG_TIMED_OUT", retriable=True)
        assert (await run.call(body=b"{"))[0] == 503


async def test_a_defect_is_500_with_a_problem_and_no_word_about_it(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as run:
        run.kafka.error = RuntimeError("a defect")
        status, body, _ = await run.call()
        assert status == 500
        problem(body, outcomes.FAILED)
        assert b"defect" not in body
        assert any("failed" in record.getMessage() for record in caplog.records)


# stop, logs, TLS


async def test_a_stop_lets_requests_in_flight_end_also_those_whose_body_still_comes() -> None:
    async with running() as run:
        run.kafka.open.clear()
        call = asyncio.create_task(run.call())
        await run.kafka.waiting.wait()
        reader, writer = await run.connect()
        writer.write(head(len(BODY)) + BODY[:10])
        await writer.drain()
        await until(lambda: run.server.in_flight == 2)
        stop = asyncio.create_task(run.server.stop(10))
        await until(lambda: run.server.stopping)
        run.kafka.open.set()
        status, _, headers = await call
        assert (status, headers["connection"]) == (200, "close")
        writer.write(BODY[10:])
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        await stop
        assert len(run.kafka.records) == 2
        writer.close()


async def test_a_request_that_comes_as_the_last_one_ends_is_no_fault_of_the_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for ticks in range(8):  # one of them has it begin between the last one's end and the stop's going on
        async with running() as run:
            reader, writer = await run.connect()
            writer.write(head(len(BODY)) + BODY)
            assert (await reader.readline()).startswith(b"HTTP/1.1 200")
            await until(lambda: run.server.in_flight == 0)
            run.kafka.open.clear()
            run.kafka.waiting.clear()
            call = asyncio.create_task(run.call())
            await run.kafka.waiting.wait()
            stop = asyncio.create_task(run.server.stop(10))
            await until(lambda: run.server.stopping)
            writer.write(head(len(BODY)) + BODY)
            for _ in range(ticks):
                await asyncio.sleep(0)
            run.kafka.open.set()
            run.kafka.open.clear()  # the one that waits goes on, the one that comes waits
            assert (await call)[0] == 200
            run.kafka.open.set()
            await stop
            writer.close()
    assert "did not end" not in caplog.text


async def test_a_stop_accepts_no_new_connection_and_cuts_what_does_not_end() -> None:
    run = Running(ack_hold_s=60)
    await run.server.start()
    port = run.server.port
    run.kafka.open.clear()
    call = asyncio.create_task(run.call())
    await run.kafka.waiting.wait()
    async with asyncio.timeout(10):
        await run.server.stop(2.2)
    with pytest.raises(ClientError):
        await call
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_neither_secret_nor_number_is_in_any_log_line(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as run:
        with caplog.at_level(logging.DEBUG):
            await run.call()
            await run.call(body=b"{")
            await run.call("GET", body=None)
            run.kafka.error = RuntimeError("x")
            await run.call()
    text = "\n".join(record.getMessage() for record in caplog.records if record.name.startswith("ingress"))
    assert [text.count(outcome) for outcome in ("accepted", "bad_method")] == [1, 1]
    for hidden in (SECRET, build.LINE, build.PERSON, "hola"):
        assert hidden not in text


async def test_tls_is_spoken_when_a_certificate_is_set(tmp_path: Path) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    await asyncio.to_thread(subprocess.run, [*request, *names], check=True, capture_output=True)
    trust = ssl.create_default_context(cafile=str(cert))
    async with running(tls_cert_file=cert, tls_key_file=key) as run:
        url = f"https://127.0.0.1:{run.server.port}{PATH}"
        async with ClientSession(connector=TCPConnector(ssl=trust)) as session, session.post(url, data=BODY) as answer:
            assert answer.status == 200
        with pytest.raises(ClientError):
            await run.call()


def test_every_outcome_can_be_watched_before_the_first_request() -> None:
    report.begin()
    shown = metrics.counter(metrics.INGRESS_REQUESTS).series()
    assert {("other", outcome.name) for outcome in outcomes.OUTCOMES} <= set(shown)
    assert () in metrics.histogram(metrics.INGRESS_ACK_SECONDS).series()
