"""A business written with pywa, a client library of WhatsApp that is not ours: only the base address is changed.
address.

It logs in at the sandbox as an ISV does, sends through the ISV service, and reads the sandbox's webhooks; what the
library made of them is in `said` and `told`.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from aiohttp import web
from pywa_async import WhatsApp, types

from sandbox.chattigo.config import Account, Config, Line
from sandbox.chattigo.knobs import Knobs, patch
from sandbox.chattigo.server import Chattigo

DID, PERSON = "56912345678", "56911111111"


class Business:
    """`wa`: the library's client; `said`: what people said, in the library's types; `told`: what became of what was
    sent."""

    def __init__(self, wa: WhatsApp, chattigo: Chattigo) -> None:
        self.wa, self.chattigo = wa, chattigo
        self.said: list[Any] = []
        self.told: list[types.MessageStatus] = []
        self.raw: list[types.RawUpdate] = []
        for listen in (wa.on_message, wa.on_callback_button, wa.on_callback_selection, wa.on_phone_number_change):
            listen()(self._hear)
        wa.on_flow_completion()(self._hear)
        wa.on_message_status()(self._learn)
        wa.on_raw_update()(self._see)

    async def webhook(self, request: web.Request) -> web.Response:
        """As the library's page says for a server of one's own."""
        text, status = await self.wa.webhook_update_handler(await request.read())
        return web.Response(text=text, status=status)

    async def _hear(self, _: WhatsApp, update: Any) -> None:
        self.said.append(update)

    async def _learn(self, _: WhatsApp, update: types.MessageStatus) -> None:
        self.told.append(update)

    async def _see(self, _: WhatsApp, update: types.RawUpdate) -> None:
        self.raw.append(update)

    async def hears(self, message: Any, **more: Any) -> Any:
        """A person writes; what the library makes of it."""
        before = len(self.said)
        self.chattigo.say(DID, PERSON, message, **more)
        await until(lambda: len(self.said) > before)
        return self.said[-1]


async def until(condition: Callable[[], bool], within_s: float = 3.0) -> None:
    """Wait for it; raises TimeoutError."""
    async with asyncio.timeout(within_s):
        while not condition():  # noqa: ASYNC110 - the library tells nobody when it is done
            await asyncio.sleep(0.01)


@asynccontextmanager
async def business(**knobs: Any) -> AsyncIterator[Business]:
    """A sandbox and the business at its line. Tokens are taken in either form (Q1), for the library writes `Bearer`."""
    config = Config(
        accounts=[Account("isv", "acme@acme", "secret", [DID])],
        lines=[Line(DID)],
        knobs=Knobs(),
    )
    quiet = {
        "receipts": {
            "failed": 0,
            "lost": 0,
            "duplicate": 0,
            "reorder": 0,
            "skip_delivered": 0,
            "read": 1,
            "before_answer": 0,
        }
    }
    quick = {"receipts": {"sent_s": (0, 0.01), "delivered_s": (0, 0.01), "read_s": (0, 0.01)}}
    alone = {"webhooks": {"duplicate": 0, "batch": (1, 1)}, "auth": {"isv_send": "both"}, "people": {"bsuid": True}}
    for turned in (quiet, quick, alone, knobs):
        patch(config.knobs, turned)
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with Chattigo(config) as chattigo, httpx.AsyncClient() as session:
        login = await session.post(
            chattigo.base("isv") + "/login", json={"username": "acme@acme", "password": "secret"}
        )
        wa = WhatsApp(DID, login.json()["access_token"], session=session, filter_updates=False, validate_updates=False)
        session.base_url = httpx.URL(chattigo.base("isv") + "/v15.0")
        made = Business(wa, chattigo)
        app.router.add_post("/hook", made.webhook)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            chattigo.world.register(DID, "inbound", f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
            yield made
            await chattigo.settled()
        finally:
            await runner.cleanup()
