"""The admin server of a service: `/live`, `/ready`, `/metrics`, on a private port of its own.

A failing check answers 503 with problem+json that names every check that fails; a passing one 200 and `{"status":
"ok"}`. Leaves to the deployment: that nobody outside reaches this port.
"""

from aiohttp import web
from prometheus_client.exposition import choose_encoder

from runtime import health as healths
from runtime import metrics
from runtime.health import Failure, Health
from runtime.http import problem


class Admin:
    """Serves the health of one service and the metrics of its process."""

    def __init__(
        self, health: Health, *, host: str = "127.0.0.1", port: int = 0, registry: metrics.Metrics = metrics.PROCESS
    ) -> None:
        self._health = health
        self._host = host
        self._port = port
        self._metrics = registry
        self._runner: web.AppRunner | None = None

    async def start(self) -> int:
        """Listen; returns the port. Raises OSError when the port is taken."""
        app = web.Application()
        app.add_routes(
            [web.get("/live", self._live), web.get("/ready", self._ready), web.get("/metrics", self._scrape)]
        )
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()
        self._port = int(self._runner.addresses[0][1])
        return self._port

    @property
    def url(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _live(self, request: web.Request) -> web.Response:
        return _answer("not live", self._health.live_failures(healths.clock()))

    async def _ready(self, request: web.Request) -> web.Response:
        return _answer("not ready", self._health.ready_failures(healths.clock()))

    async def _scrape(self, request: web.Request) -> web.Response:
        self._refresh()
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._metrics.registry), headers={"Content-Type": content_type})

    def _refresh(self) -> None:
        """Bring those gauges up to date that are only known when asked for."""
        now = healths.clock()
        self._metrics.gauge(metrics.SERVICE_LIVE).labels().set(not self._health.live_failures(now))
        self._metrics.gauge(metrics.SERVICE_READY).labels().set(not self._health.ready_failures(now))
        undone = self._metrics.gauge(metrics.SERVICE_OLDEST_UNDONE)
        for partition, seconds in self._health.progress.oldest_undone().items():
            undone.labels(partition=partition).set(seconds)


def _answer(title: str, failures: list[Failure]) -> web.Response:
    if not failures:
        return web.json_response({"status": "ok"})
    detail = "; ".join(f"{failure.check}: {failure.detail}" for failure in failures)
    checks = [failure._asdict() for failure in failures]
    return problem(503, title, detail, checks=checks)
