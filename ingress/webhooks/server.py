"""The aiohttp front: one handler on aiohttp's low-level server, TLS, and a stop that loses no request in flight.

Leaves the decisions to `gate`, `plan` and `intake`; adds only what is HTTP. Compressed bodies are unpacked here, since
aiohttp would unpack them without regard to the limit.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress

from aiohttp import web

from ingress.webhooks import answers, encoding, outcomes, reading, report
from ingress.webhooks.gate import Gate
from ingress.webhooks.intake import Answer, Intake
from ingress.webhooks.outcomes import Refused
from ingress.webhooks.plan import Request
from runtime import clock, logs
from runtime.http import server_context
from runtime.settings import IngressSettings

BACKLOG = 1024
KEEPALIVE_S = 75.0
LINGER_S = 5.0  # how long the rest of a refused body is read away, so that its sender sees the answer
END_S = 1.0  # for connections that are still open when no request is

_log = logs.get(__name__)


class WebhookServer:
    """Serves `POST /v1/webhooks/{secret}`; `in_flight` requests are being answered now."""

    def __init__(self, settings: IngressSettings, gate: Gate, intake: Intake) -> None:
        self._settings = settings
        self._gate = gate
        self._intake = intake
        self._runner: web.ServerRunner | None = None
        self.in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self.stopping = False

    async def start(self) -> None:
        """Listens. Raises OSError when the port is taken, TlsError for an unusable certificate."""
        server = web.Server(
            self.handle,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=KEEPALIVE_S,
            lingering_time=LINGER_S,
        )
        self._runner = web.ServerRunner(server, shutdown_timeout=END_S)
        await self._runner.setup()
        settings = self._settings
        site = web.TCPSite(
            self._runner,
            settings.host,
            settings.port,
            ssl_context=server_context(settings.tls_cert_file, settings.tls_key_file),
            backlog=BACKLOG,
        )
        await site.start()
        _log.info("webhooks are served", host=settings.host, port=self.port, tls=settings.tls_cert_file is not None)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        assert self._runner is not None
        return int(self._runner.addresses[0][1])

    async def stop(self, deadline_s: float) -> None:
        """Accepts no more connections, lets requests in flight end for at most `deadline_s`, closes the rest."""
        self.stopping = True
        runner, self._runner = self._runner, None
        if runner is None:
            return
        for site in runner.sites:
            await site.stop()
        with suppress(TimeoutError):  # what is left is reported here and cut by the cleanup
            async with asyncio.timeout(max(0.0, deadline_s - 2 * END_S)):
                while self.in_flight:  # on a connection kept open a request may begin as the last one ends
                    await self._idle.wait()
        if self.in_flight:
            _log.error("requests did not end before the stop", requests=self.in_flight)
        await runner.cleanup()

    async def handle(self, http: web.BaseRequest) -> web.Response:
        """Answers one request."""
        started = time.monotonic()
        self.in_flight += 1
        self._idle.clear()
        try:
            answer = await self._answer(http)
        finally:
            self.in_flight -= 1
            if not self.in_flight:
                self._idle.set()
        report.finished(answer, http.method, http.content.total_bytes, time.monotonic() - started)
        return answers.response(answer, self._settings.retry_after_s, close=self.stopping)

    async def _answer(self, http: web.BaseRequest) -> Answer:
        tenant = ""
        try:
            grant = self._gate.admit(reading.caller(http, self._settings), clock.now_ms(), time.monotonic())
            tenant = grant.tenant
            body, coding = await reading.body(http, self._settings)
            request = Request(body, grant, clock.now_ms(), reading.traceparent(http))
            return await self._take(request, coding)
        except Refused as refused:
            return Answer(refused.outcome, tenant, refused.wait_s)
        except Exception:  # noqa: BLE001  aiohttp would answer without problem+json, and count nothing
            _log.exception("a webhook request failed", tenant=tenant)
            return Answer(outcomes.FAILED, tenant)

    async def _take(self, request: Request, coding: str) -> Answer:
        try:
            unpacked = encoding.unpack(request.body, coding, self._settings.max_body_bytes)
        except encoding.BadEncoding:
            return await self._intake.take_broken(request, outcomes.BAD_ENCODING)
        return await self._intake.take(request._replace(body=unpacked))
