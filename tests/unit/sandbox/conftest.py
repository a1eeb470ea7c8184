"""A running simulator, an ISV that answers its webhooks, and a client that speaks its services."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import web

from sandbox.chattigo.config import BASES, Account, Config, Line, Service
from sandbox.chattigo.knobs import Humans, Knobs, Receipts, Webhooks
from sandbox.chattigo.server import Chattigo

CLOUD, FLAT, OTHER = "56912345678", "5491100000000", "56999999999"
QUICK = Receipts(
    sent_s=(0, 0.01), delivered_s=(0, 0.01), read_s=(0, 0.01), read=1,
    failed=0, lost=0, duplicate=0, reorder=0, skip_delivered=0, before_answer=0,
)  # fmt: skip


class Isv:
    """The other side of the webhooks: keeps bodies, answers `statuses` in turn and then 200."""

    def __init__(self) -> None:
        self.bodies: list[Any] = []
        self.raw: list[bytes] = []
        self.headers: list[Any] = []
        self.peers: list[str | None] = []
        self.statuses: list[int] = []
        self.hang: asyncio.Event | None = None
        self.url = ""

    async def webhook(self, request: web.Request) -> web.Response:
        self.raw.append(await request.read())
        self.bodies.append(orjson.loads(self.raw[-1]))
        self.headers.append(request.headers)
        self.peers.append(request.remote)
        if self.hang is not None:
            await self.hang.wait()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


class Client:
    """Logs in where needed and calls; every method gives (status, body bytes)."""

    def __init__(self, chattigo: Chattigo, session: aiohttp.ClientSession) -> None:
        self.chattigo, self.session = chattigo, session
        self.tokens: dict[str, str] = {}

    async def login(self, service: Service, username: str = "acme@acme", password: str = "secret") -> str:
        body = {"username": username, "password": password}
        async with self.session.post(self.chattigo.base(service) + "/login", json=body) as answer:
            assert answer.status == 200
            self.tokens[service] = (await answer.json())["access_token"]
        return self.tokens[service]

    async def call(
        self, method: str, path: str, body: Any = None, authorization: str | None = None
    ) -> tuple[int, bytes]:
        headers = {"Authorization": authorization} if authorization else {}
        data = body if isinstance(body, bytes) else orjson.dumps(body)
        async with self.session.request(method, self.chattigo.base_url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.read()

    async def token(self, service: Service) -> str:
        return self.tokens.get(service) or await self.login(service)

    async def send(self, body: Any, did: str = CLOUD) -> tuple[int, bytes]:
        return await self.call("POST", f"{BASES['isv']}/v15.0/{did}/messages", body, await self.token("isv"))

    async def text(self, to: str = "56911111111", body: str = "hola", did: str = CLOUD) -> tuple[int, bytes]:
        message = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": body}}
        return await self.send(message, did)

    async def hsm(self, body: Any) -> tuple[int, bytes]:
        return await self.call("POST", "/message/inbound", body, f"Bearer {await self.token('hsm')}")

    async def bot(self, body: Any) -> tuple[int, bytes]:
        return await self.call("POST", "/api-bot/outbound", body, f"Bearer {await self.token('bot')}")

    async def control(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        status, answer = await self.call(method, f"/_sandbox/{path}", body)
        return status, orjson.loads(answer)


@pytest.fixture
def dids() -> tuple[str, str, str]:
    """A cloud line, a flat line, and a line that the account does not own."""
    return CLOUD, FLAT, OTHER


@pytest.fixture
async def isv() -> AsyncIterator[Isv]:
    receiver = Isv()
    app = web.Application(client_max_size=2**26)
    app.router.add_post("/hook", receiver.webhook)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield receiver
    if receiver.hang is not None:
        receiver.hang.set()
    await runner.cleanup()


@pytest.fixture
def config(isv: Isv, tmp_path: Path) -> Config:
    """Quick and without misfortunes, so that each test adds its own."""
    services: tuple[Service, ...] = ("isv", "hsm", "bot")
    return Config(
        accounts=[Account(one, "acme@acme", "secret", [CLOUD, FLAT]) for one in services],
        lines=[Line(CLOUD, "cloud", isv.url), Line(FLAT, "flat", isv.url), Line(OTHER, "cloud", isv.url)],
        ledger=str(tmp_path / "ledger.ndjson"),
        knobs=Knobs(
            receipts=QUICK,
            webhooks=Webhooks(timeout_s=2, retry_s=(0.01, 0.02, 0.03), duplicate=0, batch=(1, 1)),
            humans=Humans(says_s=0.01, returns_s=0.02),
            window="never",
        ),
    )


@pytest.fixture
async def chattigo(config: Config) -> AsyncIterator[Chattigo]:
    async with Chattigo(config) as running:
        yield running


@pytest.fixture
async def client(chattigo: Chattigo) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session:
        yield Client(chattigo, session)


@pytest.fixture
def batch() -> Callable[..., dict[str, Any]]:
    """A batch of `count` recipients; `changes` replace fields of `hsm`."""

    def build(count: int = 2, did: str = CLOUD, **changes: Any) -> dict[str, Any]:
        destinations = [
            {"id": f"m{number}", "destination": f"569{number:08d}", "parameters": ["Ana"]} for number in range(count)
        ]
        hsm = {
            "destinations": destinations, "namespace": "", "template": "order_update",
            "languageCode": "es", "botAttention": True, **changes,
        }  # fmt: skip
        return {"id": 7, "did": did, "type": "HSM", "channel": "WHATSAPP", "hsm": hsm}

    return build
