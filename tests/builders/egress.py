"""A world for egress: topics on a genuine broker, a small Chattigo that remembers its calls, workers as processes."""

from __future__ import annotations

import asyncio
import copy
import hashlib
import json
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from runtime.kafka import topics as kafka_topics
from runtime.kafka.offsets import end_offsets
from runtime.kafka.producer import Producer, Record
from runtime.kafka.reader import BEGINNING, read_partition
from runtime.settings import KafkaSettings
from schemas import ids, keys, topics
from schemas.campaign import Chunk, ChunkRef, Contents, Definition, Progress, Recipient, digest_of
from schemas.headers import Headers
from schemas.journal import CallOutcome, Plan
from schemas.line_command import LineCommand
from schemas.outbound import OutboundMessage
from schemas.outcome import Outcome
from schemas.record import encode
from schemas.session import Template, Text
from schemas.tenant import Account, Line, TemplateSpec, Tenant
from tests.builders import nursery

ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Call:
    """One request that the small Chattigo took in."""

    path: str
    body: dict[str, Any]
    at: float
    headers: dict[str, str]
    digest: str = ""
    wamid: str = ""

    @property
    def is_batch(self) -> bool:
        return "hsm" in self.body

    @property
    def instance(self) -> str:
        """The worker that made the call."""
        return self.headers.get("X-Instance", "")

    @property
    def process(self) -> str:
        """The process of it: a worker that is started again is another one."""
        return self.headers.get("X-Process", "")

    @property
    def recipients(self) -> list[str]:
        hsm = self.body.get("hsm")
        return [d["destination"] for d in hsm["destinations"]] if hsm else [self.body.get("to") or self.body["msisdn"]]


Behaviour = Callable[[Call, web.Request], Awaitable[web.StreamResponse | None]]


@dataclass
class SmallChattigo:
    """Accepts everything at once, unless `behave` answers otherwise; `accepted` is what people would have got."""

    behave: Behaviour | None = None
    calls: list[Call] = field(default_factory=list)
    accepted: list[Call] = field(default_factory=list)
    base: str = ""
    _runner: web.AppRunner | None = None

    async def __aenter__(self) -> SmallChattigo:
        app = web.Application(client_max_size=8 * 1024 * 1024)
        app.router.add_post("/{tail:.*}", self._take)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.base = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.StreamResponse:
        data = await request.read()
        digest = hashlib.blake2b(data, digest_size=16).hexdigest()
        call = Call(request.path, json.loads(data), time.monotonic(), dict(request.headers), digest)
        self.calls.append(call)
        answer = await self.behave(call, request) if self.behave else None
        return answer or self.accept(call)

    def accept(self, call: Call) -> web.StreamResponse:
        self.accepted.append(call)
        if "hsm" in call.body:
            return web.json_response({"success": True})
        call.wamid = f"wamid.{len(self.accepted)}.{call.recipients[0]}"
        return web.json_response({"messages": [{"id": call.wamid}]})

    def accepted_pairs(self) -> list[tuple[str, str]]:
        """Each recipient that a call was accepted for, with what it was told."""
        return [
            (to, json.dumps(call.body.get("text") or call.body.get("id")))
            for call in self.accepted
            for to in call.recipients
        ]


class World:
    """One tenant with one line on the broker, and what tests put in and read out."""

    def __init__(self, bootstrap: str, chattigo: SmallChattigo, did: str, **line: Any) -> None:
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.chattigo, self.did, self.tenant = chattigo, did, f"tenant-{did}"
        self.partition = keys.partition(did, topics.LAPTOP.partitions)
        self.line = {"rate": 2000.0} | line
        self.dids = [did]
        self.account: dict[str, Any] = {}
        self.accounts: dict[str, Account] = {}
        self.policies: dict[str, Any] = {}
        self.more: dict[str, Any] = {}
        self.workers: list[Worker] = []

    async def __aenter__(self) -> World:
        await asyncio.to_thread(kafka_topics.apply, self.kafka, list(topics.catalogue(("menu",)).values()))
        self.producer = Producer(self.kafka)
        await self.producer.start()
        await self.configure()
        return self

    async def __aexit__(self, *_: object) -> None:
        for worker in self.workers:
            await worker.end()
        await self.producer.stop()

    async def configure(self) -> None:
        self.accounts = accounts = {
            "isv": Account(service="isv", base=self.chattigo.base, username=f"i@{self.did}", password="x", auth="raw"),
            "hsm": Account(
                service="hsm",
                base=self.chattigo.base + "/message",
                username=f"h@{self.did}",
                password="x",
                **self.account,
            ),
        }
        fields: dict[str, Any] = {
            "accounts": accounts,
            "lines": [Line(did=did, sends="isv", templates="hsm", **self.line) for did in self.dids],
            "templates": [
                TemplateSpec(name="promo", language="es", category="marketing", body=1),
                TemplateSpec(name="order", language="es", category="utility", body=1),
            ],
            "policies": self.policies,
        }
        tenant = Tenant(tenant=self.tenant, **(fields | self.more))
        await self.put(Record("tenants", encode(tenant), self.tenant.encode(), partition=0))

    def on(self, did: str) -> World:
        """The same tenant, seen from another of its lines."""
        other = copy.copy(self)
        other.did, other.partition = did, keys.partition(did, topics.LAPTOP.partitions)
        return other

    async def put(self, *records: Record) -> None:
        await self.producer.send_all(records)

    def message(self, event: str, contact: str, **fields: Any) -> OutboundMessage:
        content = fields.pop("content", Text(body=event))
        return OutboundMessage(
            id=ids.message_id(self.did, event, "test", 0),
            tenant=self.tenant,
            did=self.did,
            contact=contact,
            to=contact,
            content=content,
            at_ms=int(time.time() * 1000),
            **({"window_expires_ms": 10**13} | fields),
        )

    async def send(self, topic: str, *messages: OutboundMessage) -> None:
        await self.put(*(self._outbound(topic, message) for message in messages))

    def _outbound(self, topic: str, message: OutboundMessage) -> Record:
        headers = Headers(id=message.id, type="message", tenant=self.tenant, at_ms=message.at_ms).to_kafka()
        key = keys.conversation(self.did, message.contact).encode()
        return Record(topic, encode(message), key, headers, partition=self.partition)

    async def replies(self, *pairs: tuple[str, str]) -> None:
        """Replies (event, contact), in order."""
        await self.send("outbound.replies", *(self.message(event, contact) for event, contact in pairs))

    async def campaign(self, name: str, numbers: list[str], template: str = "promo", **fields: Any) -> None:
        """A campaign as it is submitted: chunks first, then the record that commits them."""
        refs = []
        for index, first in enumerate(range(0, len(numbers), 1000)):
            rows = [Recipient(number, [f"p{first + n}"]) for n, number in enumerate(numbers[first : first + 1000])]
            digest = digest_of(rows)
            chunk = Chunk(campaign=name, did=self.did, index=index, first=first, recipients=rows, digest=digest)
            future = self.producer.send(
                Record(
                    "campaigns.chunks", encode(chunk), keys.join(name, str(index)).encode(), partition=self.partition
                )
            )
            refs.append(ChunkRef((await future).offset, len(rows)))
        definition = Definition(
            campaign=name,
            tenant=self.tenant,
            did=self.did,
            template=Template(name=template, language="es"),
            created_ms=1,
            **fields,
        )
        contents = Contents(
            campaign=name,
            did=self.did,
            total=len(numbers),
            chunks=refs,
            digest="",
            committed_ms=int(time.time() * 1000),
        )
        for part, record in (("definition", definition), ("contents", contents)):
            key = keys.join(self.did, name, part).encode()
            await self.put(Record("campaigns", encode(record), key, partition=self.partition))

    async def receipt(self, body: dict[str, Any]) -> None:
        now_ms = int(time.time() * 1000)
        headers = Headers(id="r", type="webhook", tenant=self.tenant, at_ms=now_ms, did=self.did).to_kafka()
        await self.put(
            Record("inbound.receipts", json.dumps(body).encode(), self.did.encode(), headers, self.partition)
        )

    async def order(self, command: LineCommand) -> None:
        await self.put(Record("lines.commands", encode(command), self.did.encode(), partition=self.partition))

    # -- what is on record

    async def read(self, topic: str, kind: Any) -> list[Any]:
        """This line's records of one kind on a topic, committed ones only."""
        return await asyncio.to_thread(self._read, topic, kind)

    def _read(self, topic: str, kind: Any) -> list[Any]:
        place = (topic, self.partition)
        end = end_offsets(self.kafka, [place], committed=True)[place]
        decoder = topics.catalogue()[topic].decoder()
        records = (
            decoder.decode(m.value())
            for m in read_partition(self.kafka, topic, self.partition, BEGINNING, end)
            if m.value()
        )
        return [record for record in records if isinstance(record, kind) and record.did == self.did]

    async def plans(self) -> list[Plan]:
        return await self.read("egress.journal", Plan)

    async def call_outcomes(self) -> list[CallOutcome]:
        return await self.read("egress.journal", CallOutcome)

    async def outcomes(self, state: str = "") -> list[Outcome]:
        found = await self.read("outcomes", Outcome)
        return [outcome for outcome in found if not state or outcome.state == state]

    async def messages_in(self, state: str) -> set[str]:
        return {i for outcome in await self.outcomes(state) for i in outcome.message_ids}

    async def progress(self) -> list[Progress]:
        return await self.read("campaigns", Progress)

    async def worker(self, instance: str = "0", points: str = "", **settings: Any) -> Worker:
        worker = Worker(self.kafka.bootstrap, instance, points, settings)
        self.workers.append(worker)
        await worker.start()
        return worker


class Worker:
    """An egress worker as a process of its own."""

    def __init__(self, bootstrap: str, instance: str, points: str, settings: dict[str, Any]) -> None:
        self.instance = instance
        fast = {
            "session_timeout_s": 6,
            "plan_deadline_s": 2,
            "post_timeout_reply_s": 3,
            "post_timeout_batch_s": 4,
            "doubt_grace_s": 1,
        }
        fast |= {"rebalance_timeout_s": 10, "doubt_shortest_s": 11}
        fast |= {"check_numbers": False}  # tests have numbers as short as they like
        self._env = os.environ | {
            "TEST_BOOTSTRAP": bootstrap,
            "TEST_EGRESS": json.dumps(fast | settings),
            "RELEVO_TEST_POINTS": points,
            "TEST_INSTANCE": instance,
        }
        self.process: nursery.Attended | None = None
        self.log = b""

    async def start(self) -> None:
        self.process = await nursery.attended(nursery.Order("tests.builders.egress_worker"), self._env)
        self._reader = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        assert self.process is not None
        async for line in self.process.stderr:
            self.log += line

    async def ended(self, timeout_s: float = 30) -> int:
        """The exit code, once the process has ended."""
        assert self.process is not None
        async with asyncio.timeout(timeout_s):
            code = await self.process.wait()
        await self._reader
        return code

    async def stop(self) -> int:
        """A graceful stop."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    @property
    def stopped(self) -> bool:
        """Whether the process is frozen."""
        assert self.process is not None
        return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"

    async def kill(self) -> int:
        assert self.process is not None
        self.process.kill()
        return await self.ended()

    async def end(self) -> None:
        """At the end of a test: gracefully, and with the log where that failed."""
        if self.process is not None and self.process.returncode is None:
            code = await self.stop()
            assert code == 0, self.log.decode()[-4000:]


async def until(
    condition: Callable[[], Awaitable[bool]] | Callable[[], bool], what: str, timeout_s: float = 40
) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + timeout_s
    while True:
        held = condition()
        if await held if asyncio.iscoroutine(held) else held:
            return
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s: {what}"
        await asyncio.sleep(0.1)


def status(code: int, headers: dict[str, str] | None = None) -> Behaviour:
    """An answer with this status and an empty body; nothing was accepted."""

    async def answer(call: Call, request: web.Request) -> web.StreamResponse | None:
        return web.Response(status=code, headers=headers)

    return answer


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first call gets the first behaviour, and so on; then everything is accepted."""
    left = list(behaviours)

    async def answer(call: Call, request: web.Request) -> web.StreamResponse | None:
        return await left.pop(0)(call, request) if left else None

    return answer


def cloud_status(did: str, wamid: str, contact: str, state: str) -> dict[str, Any]:
    """A receipt in WhatsApp's form."""
    status = {"id": wamid, "status": state, "timestamp": str(int(time.time())), "recipient_id": contact}
    value = {"messaging_product": "whatsapp", "metadata": {"display_phone_number": did}, "statuses": [status]}
    return {
        "object": "whatsapp_business_account",
        "entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}],
    }


def flat_notice(did: str, sent_id: int | str, contact: str, kind: str) -> dict[str, Any]:
    """A receipt in Chattigo's flat form."""
    return {"id": sent_id, "did": did, "msisdn": contact, "type": kind, "channel": "WHATSAPP"}
