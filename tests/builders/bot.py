"""A business at the sandbox that answers as a menu does: with buttons, then with a list, then with a question."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import orjson
from aiohttp import web

from sandbox.chattigo.server import Chattigo

ASKED = "¿Qué número tiene tu pedido?"
Said = dict[str, Any]


def text(body: str) -> Said:
    return {"type": "text", "text": {"body": body}}


def buttons(*titles: str) -> Said:
    replies = [{"type": "reply", "reply": {"id": f"b{place}", "title": one}} for place, one in enumerate(titles)]
    return _interactive("button", {"buttons": replies})


def rows(*titles: str) -> Said:
    found = [{"id": f"r{place}", "title": one} for place, one in enumerate(titles)]
    return _interactive("list", {"button": "Ver", "sections": [{"title": "Todo", "rows": found}]})


def _interactive(kind: str, action: Said) -> Said:
    return {"type": "interactive", "interactive": {"type": kind, "body": {"text": "¿?"}, "action": action}}


def menu(message: Said) -> list[Said]:
    """What is answered to a message of a webhook."""
    if message["type"] in ("reaction", "system"):
        return []
    if message["type"] != "interactive":
        return [buttons("Horarios", "Mi pedido")]
    return [rows("Ventas", "Soporte")] if message["interactive"]["type"] == "button_reply" else [text(ASKED)]


class Bot:
    """`answers`: what it says to a message, `wait_s` after it came; `heard`: all messages, by their sender."""

    def __init__(self, chattigo: Chattigo, did: str, http: aiohttp.ClientSession) -> None:
        self.answers: Callable[[Said], list[Said]] = menu
        self.wait_s = 0.0
        self.heard: dict[str, list[Said]] = {}
        self._url = f"{chattigo.base('isv')}/v15.0/{did}/messages"
        self._login = chattigo.base("isv") + "/login"
        self._http, self._token = http, ""
        self._tasks: set[asyncio.Task[None]] = set()

    async def webhook(self, request: web.Request) -> web.Response:
        """Takes all messages of a POST, and answers them while it goes on."""
        body = orjson.loads(await request.read())
        found = [
            one for entry in body["entry"] for change in entry["changes"] for one in change["value"].get("messages", [])
        ]
        for message in found:
            self.heard.setdefault(message["from"], []).append(message)
        task = asyncio.create_task(self._answer(found))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return web.Response()

    async def _answer(self, found: list[Said]) -> None:
        await asyncio.sleep(self.wait_s)
        for message in found:
            for said in self.answers(message):
                await self.say(message["from"], said)

    async def say(self, to: str, said: Said) -> None:
        """Send something to somebody."""
        body = {"messaging_product": "whatsapp", "to": to, **said}
        async with self._http.post(self._url, json=body, headers={"Authorization": self._token}) as answer:
            assert answer.status == 200, await answer.text()

    async def login(self) -> None:
        """Get the token that sends need."""
        async with self._http.post(self._login, json={"username": "acme@acme", "password": "secret"}) as answer:
            self._token = (await answer.json())["access_token"]

    async def rest(self) -> None:
        """Until all is answered; raises what went wrong."""
        await asyncio.gather(*self._tasks)


@asynccontextmanager
async def answering(chattigo: Chattigo, did: str) -> AsyncIterator[Bot]:
    """The bot at a line of a running sandbox."""
    app = web.Application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    async with aiohttp.ClientSession() as http:
        bot = Bot(chattigo, did, http)
        await bot.login()
        app.router.add_post("/hook", bot.webhook)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            chattigo.world.register(did, "inbound", f"http://127.0.0.1:{runner.addresses[0][1]}/hook")
            yield bot
            await bot.rest()
        finally:
            await runner.cleanup()
