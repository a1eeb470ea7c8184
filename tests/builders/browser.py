"""The business on the other side of the sandbox's page: it hears webhooks and says things through Chattigo."""

import asyncio
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

from sandbox.chattigo.config import BASES, Service
from sandbox.chattigo.server import Chattigo


class Business:
    """`heard`: what customers wrote, as the objects of the webhooks; `status`: what it answers to them."""

    def __init__(self, chattigo: Chattigo, session: aiohttp.ClientSession) -> None:
        self.heard: asyncio.Queue[Any] = asyncio.Queue()
        self.status = 200
        self.url = ""
        self._chattigo, self._session = chattigo, session
        self._tokens: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/", self._webhook)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _webhook(self, request: web.Request) -> web.Response:
        body = orjson.loads(await request.read())
        if self.status == 200:
            for one in _messages(body):
                self.heard.put_nowait(one)
        return web.Response(status=self.status)

    async def hears(self) -> Any:
        """The next thing that a customer says."""
        return await asyncio.wait_for(self.heard.get(), 10)

    async def says(self, did: str, to: str, kind: str, payload: Any, **more: Any) -> str:
        """A message in WhatsApp's form; returns its wamid."""
        body = {"messaging_product": "whatsapp", "to": to, "type": kind, kind: payload, **more}
        answer = await self._post("isv", f"{BASES['isv']}/v15.0/{did}/messages", body, "")
        return str(orjson.loads(answer)["messages"][0]["id"])

    async def batch(self, did: str, template: str, people: dict[str, list[str]]) -> None:
        """A template to these people, each with the variables of the body."""
        destinations = [
            {"destination": one, "parameters": words, "headerParameters": words[1:2], "buttonsParameters": ["ver"]}
            for one, words in people.items()
        ]
        hsm = {"destinations": destinations, "template": template, "languageCode": "es", "namespace": ""}
        body = {"id": 7, "did": did, "type": "HSM", "channel": "WHATSAPP", "hsm": hsm}
        await self._post("hsm", "/message/inbound", body, "Bearer ")

    async def bot(self, did: str, to: str, kind: str = "text", **more: Any) -> None:
        """A message or a control in Chattigo's flat form."""
        body = {"id": "b1", "did": did, "msisdn": to, "type": kind, "channel": "WHATSAPP", **more}
        await self._post("bot", "/api-bot/outbound", body, "Bearer ")

    async def brings(self, did: str, who: str, text: str) -> None:
        """What a person wrote on a channel of the client's own."""
        body = {"id": None, "did": did, "msisdn": who, "type": "text", "channel": "WEBCHAT", "content": text}
        await self._post("channel", "/webhook-chattigo/inbound", body, "Bearer ")

    async def fails(self, did: str, to: str, text: str, status: int) -> None:
        """A text that Chattigo answers with this status."""
        body = {"messaging_product": "whatsapp", "to": to, "type": "text", "text": {"body": text}}
        await self._post("isv", f"{BASES['isv']}/v15.0/{did}/messages", body, "", status)

    async def _post(self, service: Service, path: str, body: Any, scheme: str, status: int = 200) -> bytes:
        if service not in self._tokens:
            login = {"username": "acme@acme", "password": "secret"}
            async with self._session.post(self._chattigo.base(service) + "/login", json=login) as answer:
                self._tokens[service] = (await answer.json())["access_token"]
        headers = {"Authorization": scheme + self._tokens[service]}
        async with self._session.post(self._chattigo.base_url + path, json=body, headers=headers) as answer:
            content = await answer.read()
            assert answer.status == status, content
            return content


def _messages(body: Any) -> list[Any]:
    if "entry" not in body:
        return [body] if isinstance(body, dict) and "content" in body and body["chatType"] == "INBOUND" else []
    values = [change["value"] for entry in body["entry"] for change in entry["changes"]]
    return [message for value in values for message in value.get("messages", [])]
