"""A world for the token lease: topics of its own, a server that counts logins, holders as processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
import uuid
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from msgspec.structs import replace

from egress.chattigo.client import Client
from egress.chattigo.feed import TokenFeed, request_record
from egress.chattigo.paths import session_path
from egress.chattigo.result import CallResult
from egress.chattigo.tokens import Tokens, token_context
from egress.chattigo.wire import Wire
from egress.lease.names import Names
from runtime.clock import now_ms
from runtime.http import Guard
from runtime.kafka.follower import Follower
from runtime.kafka.producer import Producer
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.secrets import KeyRing, generate_key
from runtime.settings import KafkaSettings
from schemas.record import decode, encode
from schemas.tenant import Account, Tenant, password_context
from schemas.token import LoginAttempt, Token, TokenRequest
from tests.builders import nursery
from tests.builders.wire_server import Exchange, WireServer

DID = "56911111111"
FAST = {
    "session_timeout_s": 6,
    "rebalance_timeout_s": 30,
    "min_login_interval_s": 0.2,
    "backoff_s": 0.2,
    "refresh_jitter": 0,
    "login_timeout_s": 3,
}


class LoginServer(WireServer):
    """Gives out `login-1`, `login-2`, … and says how many it gave; `expires_in_s` 0 leaves that out.

    A login waits for `login_gate`. A call with a token in `dead`, or for a line in `foreign`, is refused; refusals are
    answered together as soon as `refuse_together` calls wait for theirs. `accepted` are the times and tokens of the
    calls that were taken, `control` the times of those to `/control`, which needs no token.
    """

    def __init__(self) -> None:
        super().__init__(self._serve_one)
        self.logins = 0
        self.login_at: list[float] = []
        self.status = 200
        self.expires_in_s = 0.0
        self.login_gate = asyncio.Event()
        self.login_gate.set()
        self.dead: set[str] = set()
        self.foreign: set[str] = set()
        self.refuse_together = 1
        self.refused = 0
        self.accepted: list[tuple[float, str]] = []
        self.control: list[float] = []
        self._refuse = asyncio.Event()

    async def _serve_one(self, exchange: Exchange) -> None:
        if exchange.path.endswith("/login"):
            await self._login(exchange)
        elif exchange.path.endswith("/control"):
            self.control.append(time.monotonic())
            await exchange.answer(200)
        else:
            await self._call(exchange)

    async def _login(self, exchange: Exchange) -> None:
        self.logins += 1
        self.login_at.append(time.monotonic())
        said: dict[str, Any] = {"access_token": f"login-{self.logins}"}
        if self.expires_in_s:
            said["expires_in"] = self.expires_in_s
        right = orjson.loads(exchange.body) == {"username": "acme@acme", "password": "secret"}
        await self.login_gate.wait()
        await exchange.answer(self.status if right else 401, orjson.dumps(said))

    async def _call(self, exchange: Exchange) -> None:
        if exchange.authorization in self.dead or self.foreign & set(exchange.path.split("/")):
            self.refused += 1
            if self.refused >= self.refuse_together:
                self._refuse.set()
            await self._refuse.wait()
            await exchange.answer(401)
            return
        self.accepted.append((time.monotonic(), exchange.authorization))
        await exchange.answer(200, b'{"messages":[{"id":"wamid.1"}]}')


class Caller:
    """What a process that sends has of its own: the tokens from Kafka, connections, the client."""

    def __init__(self, world: LeaseWorld, young_token_s: float) -> None:
        names = world.names
        self.feed = TokenFeed(world.kafka, world.ring, topic=names.tokens, requests=names.requests)
        self.wire = Wire(connect_s=10, guard=Guard([ip_network("127.0.0.0/8")]))
        self.client = Client(self.feed.tokens, self.wire, young_token_s=young_token_s)
        self._account = world.account

    async def start(self) -> None:
        await self.feed.start()
        await self.client.start()

    async def stop(self) -> None:
        await self.client.stop()
        await self.feed.stop()

    async def call(self, did: str = DID, *, timeout_s: float = 60) -> CallResult:
        path = session_path(self._account, did)
        return await self.client.post(self._account, path, b"{}", timeout_s=timeout_s, fresh_connection=False, did=did)


class LeaseWorld:
    """`async with LeaseWorld(broker, server) as world`."""

    def __init__(self, bootstrap: str, server: LoginServer) -> None:
        run = uuid.uuid4().hex[:8]
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.names = Names(1, f"tokens-{run}", f"requests-{run}", f"tenants-{run}", f"lease-{run}")
        self.key = generate_key("k1")
        self.ring = KeyRing.parse(self.key)
        self.account = Account(service="isv", base=server.base, username="acme@acme", password="", auth="raw")
        self.producer = Producer(self.kafka)
        self.workers: list[LeaseWorker] = []
        self._followers: list[Follower] = []
        self._callers: list[Caller] = []

    async def __aenter__(self) -> LeaseWorld:
        topics = [self.names.tokens, self.names.requests, self.names.tenants, self.names.dead_letters]
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        for created in admin.create_topics(
            [NewTopic(t, num_partitions=1, replication_factor=1) for t in topics]
        ).values():
            await asyncio.to_thread(created.result, 30)
        await self.producer.start()
        await self.declare("secret")
        return self

    async def declare(self, password: str) -> None:
        """The tenant is applied with this password, encrypted anew."""
        sealed = self.ring.encrypt(password, password_context("acme", "isv"))
        tenant = Tenant(tenant="acme", accounts={"isv": replace(self.account, password=sealed)})
        await self.producer.send(Record(self.names.tenants, encode(tenant), b"acme"))

    async def callers(self, count: int, young_token_s: float = 60) -> list[Caller]:
        """As many senders, each with its own client of everything."""
        callers = [Caller(self, young_token_s) for _ in range(count)]
        self._callers += callers
        for few in range(0, count, 25):
            await asyncio.gather(*(caller.start() for caller in callers[few : few + 25]))
        return callers

    async def __aexit__(self, failed: object, *_: object) -> None:
        if failed:
            print(*(f"--- {worker.instance}\n{worker.log[-6000:]}" for worker in self.workers), sep="\n")
        for follower in self._followers:
            await follower.stop()
        await asyncio.gather(*(caller.stop() for caller in self._callers))
        for worker in self.workers:
            await worker.end()
        await self.producer.stop()

    async def worker(self, instance: str = "0", points: str = "", **settings: Any) -> LeaseWorker:
        worker = LeaseWorker(self, instance, points, FAST | settings)
        self.workers.append(worker)
        await worker.start()
        return worker

    async def clients(self, count: int) -> list[Tokens]:
        """As many processes' views of the tokens, each asking for itself."""
        clients = [Tokens(self.ring, self.ask) for _ in range(count)]

        def apply(messages: Any) -> None:
            for client in clients:
                client.apply(messages)

        follower = Follower(self.kafka, self.names.tokens, apply)
        self._followers.append(follower)
        await follower.start()
        await follower.caught_up(30)
        return clients

    async def ask(self, request: TokenRequest) -> None:
        await self.producer.send(request_record(request, self.names.requests))

    async def request(self, generation: int) -> None:
        """One more client that saw this generation refused."""
        await self.ask(TokenRequest(account=self.account.key, generation=generation, why="test", at_ms=now_ms()))

    async def records(self, topic: str) -> list[bytes | None]:
        """All values that a read_committed reader sees; None is a tombstone."""
        return await asyncio.to_thread(lambda: [_value(m) for m in read_partition(self.kafka, topic, 0)])

    async def tokens(self) -> list[tuple[int, str, Token]]:
        """Generation, text in clear and record of every token on `tokens`."""
        records = [decode(value, Token) for value in await self.records(self.names.tokens) if value]
        return [
            (t.generation, self.ring.decrypt(t.token, token_context(self.account)), t) for t in records if not t.attempt
        ]

    async def attempts(self) -> list[LoginAttempt]:
        """Every login on record that had brought no token then."""
        records = [decode(value, Token) for value in await self.records(self.names.tokens) if value]
        return [record.attempt for record in records if record.attempt]


def _value(message: Any) -> bytes | None:
    value: bytes | None = message.value()
    return value


class LeaseWorker:
    """A holder as a process of its own; `log` is what it said."""

    def __init__(self, world: LeaseWorld, instance: str, points: str, settings: dict[str, Any]) -> None:
        told = {
            "bootstrap": world.kafka.bootstrap,
            "names": world.names._asdict(),
            "ring": world.key,
            "settings": settings,
        }
        own = {"TEST_LEASE": json.dumps(told), "TEST_INSTANCE": instance, "RELEVO_TEST_POINTS": points}
        self._env = os.environ | own
        self.instance = instance
        self.log = ""

    async def start(self) -> None:
        self.process = await nursery.attended(nursery.Order("tests.builders.lease_worker"), self._env)
        self._reader = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        async for line in self.process.stderr:
            self.log += line.decode()

    async def ended(self, timeout_s: float = 90) -> int:
        """The exit code, once the process has ended."""
        async with asyncio.timeout(timeout_s):
            code = await self.process.wait()
        await self._reader
        return code

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()

    def resume(self) -> None:
        """After a point that stopped it."""
        self.process.send_signal(signal.SIGCONT)

    @property
    def frozen(self) -> bool:
        """Whether a point (or a signal) has stopped it."""
        state = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "T"

    async def end(self) -> None:
        """At the end of a test: gracefully, and with the log where that failed."""
        if self.process.returncode is not None:
            await self._reader
            return
        self.process.send_signal(signal.SIGTERM)
        code = await self.ended()
        assert code == 0, self.log[-4000:]
