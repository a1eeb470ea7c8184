"""A world for the token lease: topics of its own, a server that counts logins, holders as processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import orjson
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from egress.chattigo.feed import request_record
from egress.chattigo.tokens import Tokens, token_context
from egress.lease.names import Names
from runtime.clock import now_ms
from runtime.kafka.follower import Follower
from runtime.kafka.producer import Producer
from runtime.kafka.reader import read_partition
from runtime.kafka.record import Record
from runtime.secrets import KeyRing, generate_key
from runtime.settings import KafkaSettings
from schemas.record import decode, encode
from schemas.tenant import Account, Tenant, password_context
from schemas.token import Token, TokenRequest
from tests.builders.wire_server import Exchange, WireServer

ROOT = Path(__file__).parents[2]
FAST = {
    "session_timeout_s": 6,
    "rebalance_timeout_s": 30,
    "min_login_interval_s": 0.2,
    "backoff_s": 0.2,
    "refresh_jitter": 0,
    "login_timeout_s": 5,
}


class LoginServer(WireServer):
    """Gives out `login-1`, `login-2`, … and says how many it gave; `expires_in_s` 0 leaves that out."""

    def __init__(self) -> None:
        super().__init__(self._login)
        self.logins = 0
        self.status = 200
        self.expires_in_s = 0.0

    async def _login(self, exchange: Exchange) -> None:
        self.logins += 1
        said: dict[str, Any] = {"access_token": f"login-{self.logins}"}
        if self.expires_in_s:
            said["expires_in"] = self.expires_in_s
        right = orjson.loads(exchange.body) == {"username": "acme@acme", "password": "secret"}
        await exchange.answer(self.status if right else 401, orjson.dumps(said))


class LeaseWorld:
    """`async with LeaseWorld(broker, server) as world`."""

    def __init__(self, bootstrap: str, server: LoginServer) -> None:
        run = uuid.uuid4().hex[:8]
        self.kafka = KafkaSettings(bootstrap=bootstrap)
        self.names = Names(1, f"tokens-{run}", f"requests-{run}", f"tenants-{run}", f"lease-{run}")
        self.key = generate_key("k1")
        self.ring = KeyRing.parse(self.key)
        sealed = self.ring.encrypt("secret", password_context("acme", "isv"))
        self.account = Account(service="isv", base=server.base, username="acme@acme", password=sealed, auth="raw")
        self.producer = Producer(self.kafka)
        self.workers: list[LeaseWorker] = []
        self._followers: list[Follower] = []

    async def __aenter__(self) -> LeaseWorld:
        topics = [self.names.tokens, self.names.requests, self.names.tenants, self.names.dead_letters]
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap})
        for created in admin.create_topics(
            [NewTopic(t, num_partitions=1, replication_factor=1) for t in topics]
        ).values():
            await asyncio.to_thread(created.result, 30)
        await self.producer.start()
        tenant = Tenant(tenant="acme", accounts={"isv": self.account})
        await self.producer.send(Record(self.names.tenants, encode(tenant), b"acme"))
        return self

    async def __aexit__(self, failed: object, *_: object) -> None:
        if failed:
            print(*(f"--- {worker.instance}\n{worker.log[-6000:]}" for worker in self.workers), sep="\n")
        for follower in self._followers:
            await follower.stop()
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

    async def records(self, topic: str) -> list[bytes]:
        """All values that a read_committed reader sees."""
        return await asyncio.to_thread(lambda: [_value(m) for m in read_partition(self.kafka, topic, 0)])

    async def tokens(self) -> list[tuple[int, str, Token]]:
        """Generation, text in clear and record of everything on `tokens`."""
        records = [decode(value, Token) for value in await self.records(self.names.tokens)]
        return [(t.generation, self.ring.decrypt(t.token, token_context(self.account)), t) for t in records]


def _value(message: Any) -> bytes:
    value: bytes = message.value()
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
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.builders.lease_worker",
            cwd=ROOT,
            env=self._env,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._drain())

    async def _drain(self) -> None:
        assert self.process.stderr is not None
        async for line in self.process.stderr:
            self.log += line.decode()

    async def ended(self, timeout_s: float = 90) -> int:
        """The exit code, once the process has ended."""
        async with asyncio.timeout(timeout_s):
            code = await self.process.wait()
        await self._reader
        return code

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
