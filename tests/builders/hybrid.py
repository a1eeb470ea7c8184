"""A bot and humans that share conversations: the bot, the desk of an ISV line, and people who play a script.

A flat line's human sits at the simulated Chattigo; a cloud line's at the desk, which is a service of the tenant's that
gets signed calls. Everybody writes down what was said to whom, so that transcripts can be held against it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Self

import msgspec
import yaml
from aiohttp import web

from relevo import Actions, Conversation, HandOff, InboundEvent, Remember, Reply, text_of
from relevo.demo import scenario
from relevo.demo.stage import Stage
from runtime.hooks import verify
from sandbox.chattigo import ledger

FLAT, CLOUD, SLOW = "56944444441", "56944444442", "56944444443"
TENANTS = (
    scenario.DemoTenant("mixta", "Tienda Mixta", (scenario.DemoLine(FLAT, flat=True), scenario.DemoLine(CLOUD))),
    scenario.DemoTenant("lenta", "Tienda Lenta", (scenario.DemoLine(SLOW),)),
)
AGENTS = ("guide=tests.builders.hybrid:guide", "handoff", "desk")
SECRET_ENV = "DESK_SECRET"
WORDS = "Te paso con una persona."
Line = tuple[str, str]


async def guide(conversation: Conversation, event: InboundEvent) -> Actions:
    """A bot that never says the same twice, and hands off itself where it is asked to on the flat line."""
    said = conversation.memory.get("said", 0) + 1
    if event.kind == "message" and text_of(event) == "humano":
        yield HandOff(text=WORDS, note=f"dicho {said}")
    elif event.kind == "message":
        yield Remember({"said": said})
        yield Reply.text(f"{said}. {text_of(event)}")
    elif event.kind == "resumed":
        yield Remember({"said": said})
        yield Reply.text(f"{said}. sigo yo ({event.extra.get('reason')})")


def tenant_file(desk: str) -> Callable[[scenario.DemoTenant, str], str]:
    """The tenants' files: humans are asked for by a word; the desk hears all; the slow tenant's human never answers."""

    def made(tenant: scenario.DemoTenant, chattigo: str) -> str:
        data = yaml.safe_load(scenario.tenant_file(tenant, chattigo))
        data["agents"] = {
            "guide": {},
            "handoff": {"text": WORDS, "note": "{said}"},
            "desk": {"url": desk, "plain": True, "secret": {"env": SECRET_ENV}},
        }
        to_handoff = {"to": "handoff", "when": {"keyword": ["humano"], "line": [CLOUD]}}
        rules = [to_handoff] if tenant.tenant == "mixta" else []
        data["routing"] = {"route": [*rules, {"to": "guide"}], "also": ["desk"]}
        data["policies"] = {"reply": {"resend_after_s": 11, "times": 2}}
        if tenant.tenant == "lenta":
            data["handoff"] = {"timeout_s": 4}
        return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))

    return made


class Hook(NamedTuple):
    """A call that the desk got and answered."""

    id: str
    kind: str
    data: dict[str, Any]


class Desk:
    """The tenant's own service: checks signatures, answers the same call the same way, keeps what it got."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._answers: dict[str, bytes] = {}
        self.hooks: list[Hook] = []
        self.repeats = 0
        self.on_call: Callable[[Hook], Awaitable[None]] | None = None
        self.url = ""
        self.said: Counter[str] = Counter()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/desk", self._called)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/desk"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _called(self, request: web.Request) -> web.Response:
        body = await request.read()
        verify([self._secret], request.headers, body, time.time())
        read = msgspec.json.decode(body)
        hook = Hook(request.headers["webhook-id"], read["type"], read["data"])
        if hook.id not in self._answers:
            self._answers[hook.id] = msgspec.json.encode({"actions": self._answer(hook)})
            self.hooks.append(hook)
        else:
            self.repeats += 1
        if self.on_call is not None:
            await self.on_call(hook)
        return web.Response(body=self._answers[hook.id], content_type="application/json")

    def _answer(self, hook: Hook) -> list[dict[str, str]]:
        """On the cloud line a human greets, answers each question, and gives back when thanked."""
        if hook.data["line"] != CLOUD or hook.kind == "handoff.ended":
            return []
        who = hook.data["contact"]
        self.said[who] += 1
        if hook.kind == "handoff.started":
            return [{"type": "say", "text": f"Soy Inés, {self.said[who]}."}]
        if hook.data["text"] == "gracias":
            return [{"type": "say", "text": f"De nada, {self.said[who]}."}, {"type": "resume"}]
        return [{"type": "say", "text": f"Respuesta {self.said[who]}."}]

    def of(self, contact: str, kind: str) -> list[Hook]:
        return [one for one in self.hooks if one.data["contact"] == contact and one.kind == kind]


class Room:
    """What all persons share: the stage, the ledger as it is read, and who is told of each step."""

    def __init__(self, stage: Stage, desk: Desk, at: Callable[[str, str], None]) -> None:
        self.stage = stage
        self.desk = desk
        self.at = at
        self.acked: set[str] = set()
        self.texts: dict[str, Line] = {}  # what customers and humans at Chattigo said, by the event's id
        self.lines: dict[str, list[Line]] = defaultdict(list)
        self._entries: list[ledger.Entry] = []
        self._since = 0

    async def read(self) -> None:
        """Take in what the ledger has more."""
        answer = await self.stage.call(
            "GET", f"ledger?since={self._since}&limit=5000&type=event,webhook,message,control"
        )
        self._since = answer["next"]
        self._entries += msgspec.convert(
            answer["entries"], list[ledger.Event | ledger.Webhook | ledger.Message | ledger.Control]
        )
        for entry in self._entries:
            if isinstance(entry, ledger.Webhook) and entry.acked:
                self.acked.update(entry.events)

    def said(self, contact: str) -> list[Line]:
        """What both sides said, in the order of the ledger; what was sent again on record stands once."""
        found: list[Line] = []
        for entry in self._entries:
            if getattr(entry, "contact", "") != contact:
                continue
            line: Line | None = None
            if isinstance(entry, ledger.Event):
                line = self.texts.get(entry.event)
            elif isinstance(entry, ledger.Message):
                text = _text(entry)
                line = ("human" if text.startswith(("Soy", "Respuesta", "De nada")) else "bot", text)
            elif isinstance(entry, ledger.Control) and entry.content:
                line = ("bot", entry.content)
            if line and (not found or found[-1] != line):
                found.append(line)
        return found

    async def until(self, condition: Callable[[], bool], what: str, within_s: float = 60) -> None:
        end = time.monotonic() + within_s
        while not condition():
            assert time.monotonic() < end, f"not within {within_s:g} s: {what}"
            await asyncio.sleep(0.15)

    async def follow(self) -> None:
        """Read the ledger for all, until cancelled."""
        while True:
            await self.read()
            await asyncio.sleep(0.15)


def _text(entry: ledger.Message) -> str:
    body = entry.body
    return str(body.get("body") or body.get("content") or "") if isinstance(body, dict) else ""


class Person:
    """One customer on a line."""

    def __init__(self, room: Room, did: str, number: int) -> None:
        self.room = room
        self.did = did
        self.number = number
        self.contact = f"5697{number:07}"

    async def plays(self) -> None:
        """Bot, hand-off, human, customer, back to the bot, and once more to a human."""
        await self.says("hola", "1. hola")
        await self.says("humano", WORDS)
        await (self._flat_human() if self.did == FLAT else self._cloud_human())
        await self.says("hola otra vez", "3. hola otra vez")
        await self.says("humano", WORDS, times=2)
        await self._hears(lambda: len(self.room.desk.of(self.contact, "handoff.started")) == 2, "the second hand-off")

    async def waits_in_vain(self) -> None:
        """A human is asked for who never answers."""
        await self.says("hola", "1. hola")
        await self.says("humano", WORDS)
        await self._reaches("2. sigo yo (timeout)")
        await self.says("hola otra vez", "3. hola otra vez")

    async def says(self, text: str, answer: str = "", times: int = 1) -> None:
        """The customer writes; the answer reaches the customer."""
        self.room.at(str(self.number), text)
        where = {"did": self.did, "contact": self.contact, "message": text, "name": "Ana"}
        (event,) = (await self.room.stage.call("POST", "customers/say", where))["ids"]
        self.room.texts[event] = ("customer", text)
        await self._hears(lambda: event in self.room.acked, f"{text!r} acknowledged")
        if answer:
            await self._reaches(answer, times)

    async def _flat_human(self) -> None:
        """At Chattigo: writes, is answered, gives back."""
        await self._human("say", "Soy Marta.")
        await self.says("¿cuánto es?")
        await self._human("say", "Son tres.")
        await self.says("gracias")
        await self._human("return", "")
        await self._reaches("2. sigo yo (transfer)")

    async def _cloud_human(self) -> None:
        """At the desk, which answers by itself."""
        await self._reaches("Soy Inés, 1.")
        await self.says("¿cuánto es?", "Respuesta 2.")
        await self.says("gracias", "De nada, 3.")
        await self._reaches("2. sigo yo (order)")
        await self._hears(lambda: len(self.room.desk.of(self.contact, "handoff.ended")) == 1, "the end of the hand-off")

    async def _human(self, action: str, text: str) -> None:
        self.room.at(str(self.number), f"human {action}")
        where = {"did": self.did, "contact": self.contact, "text": text}
        event = (await self.room.stage.call("POST", f"humans/{action}", where))["id"]
        if text:
            self.room.texts[event] = ("human", text)
        await self._hears(lambda: event in self.room.acked, f"the human's {action} acknowledged")

    async def _reaches(self, text: str, times: int = 1) -> None:
        await self._hears(lambda: sum(text == one for _, one in self.room.said(self.contact)) >= times, f"{text!r}")

    async def _hears(self, condition: Callable[[], bool], what: str) -> None:
        await self.room.until(condition, f"person {self.number} on {self.did}: {what}")
