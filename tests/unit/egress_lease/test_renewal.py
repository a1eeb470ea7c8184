"""A login from the intent to its record, on real sockets: each failure has its pace, its metric and its record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network

import orjson
import pytest

from egress.chattigo.tokens import token_context
from egress.chattigo.wire import Wire
from egress.lease import renewal
from egress.lease.breaker import Pace
from egress.lease.life import Times
from egress.lease.login import LoginCaller
from egress.lease.renewal import Renewal
from egress.lease.state import Lease, Login, Note, Write
from runtime import metrics
from runtime.http import Guard
from runtime.kafka.consumer import ConsumerFailed
from runtime.kafka.transactions import TransactionFailed
from runtime.tenants import Login as Declared
from schemas.tenant import Account, password_context
from schemas.token import LoginAttempt, Token
from tests.builders.tokens import RING
from tests.builders.wire_server import Exchange, WireServer, closed_port

PACE = Pace(interval_ms=30_000, backoff_ms=1_000, longest_ms=300_000, login_ms=15_000)
Script = Callable[[Exchange], Awaitable[None]]


class Desk:
    """In the place of the writer: what was written, and how often it still refuses to."""

    fatal: str | None = None

    def __init__(self) -> None:
        self.attempts: list[LoginAttempt] = []
        self.tokens: list[Token] = []
        self.refuses = 0

    async def attempt(self, note: Note) -> None:
        self._may()
        self.attempts.append(note.attempt)

    async def token(self, write: Write) -> None:
        self._may()
        self.tokens.append(write.token)

    def _may(self) -> None:
        if self.refuses:
            self.refuses -= 1
            raise ConsumerFailed("no partitions are assigned")


class Rig:
    """An owner with one account at this address."""

    def __init__(self, base: str, wire: Wire, username: str, timeout_s: float) -> None:
        sealed = RING.encrypt("secret", password_context("acme", "isv"))
        account = Account(service="isv", base=base, username=username, password=sealed)
        self.key = account.key
        self.declared = Declared("acme", "isv", account)
        self.desk = Desk()
        self.lease = Lease(1, PACE)
        self.lease.declare({self.key: "digest"})
        self.lease.assigned(0, 0)
        self.lease.recovered(0)
        caller = LoginCaller(wire, RING, timeout_s=timeout_s)
        self.renewal = Renewal(self.lease, caller, self.desk, RING, Times(28_800, 0.9, 0.02))  # type: ignore[arg-type]

    async def log_in(self, now_ms: int = 2_000_000_000_000) -> None:
        (login,) = self.lease.due(now_ms)
        await self.renewal.run(login, self.declared)

    @property
    def wait_s(self) -> float:
        """For how long the account is left alone after the last login, by its record."""
        return (self.desk.attempts[-1].until_ms - self.desk.attempts[-1].at_ms) / 1000

    def failures(self, reason: str) -> float:
        return metrics.PROCESS.value(metrics.LEASE_FAILURES, account=self.key, reason=reason)

    def logins(self, result: str) -> float:
        return metrics.PROCESS.value(metrics.LEASE_LOGINS, account=self.key, result=result)


@asynccontextmanager
async def rig(script: Script, username: str, base: str = "") -> AsyncIterator[Rig]:
    """`username` is the test's own: metrics are the process's. Only a login that hangs is not waited for."""
    wire = Wire(connect_s=5, guard=Guard([ip_network("127.0.0.0/8")]))
    await wire.start()
    try:
        async with WireServer(script) as server:
            yield Rig(base or server.base, wire, username, timeout_s=0.4 if script is hanging else 10)
    finally:
        await wire.stop()


def answering(status: int, body: bytes = b"", **headers: str) -> Script:
    async def script(exchange: Exchange) -> None:
        await exchange.answer(status, body, **headers)

    return script


async def hanging(exchange: Exchange) -> None:
    await asyncio.sleep(30)


async def cut(exchange: Exchange) -> None:
    await exchange.raw(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access_tok')
    exchange.close()


async def reset(exchange: Exchange) -> None:
    exchange.reset()


GIVEN = orjson.dumps({"access_token": "opaque"})


@pytest.mark.parametrize(
    ("name", "script", "kind", "status", "wait_s"),
    [
        ("throttled", answering(429), "throttled", 429, 30),
        ("throttled-longer", answering(429, Retry_After="120"), "throttled", 429, 120),
        ("throttled-shorter", answering(429, Retry_After="1"), "throttled", 429, 30),
        ("unavailable", answering(503), "throttled", 503, 30),
        ("locked", answering(423), "throttled", 423, 30),
        ("wrong", answering(401), "credentials", 401, 300),
        ("malformed", answering(400), "credentials", 400, 300),
        ("forbidden", answering(403), "credentials", 403, 300),
        ("hanging", hanging, "unclear", 0, 30),
        ("reset", reset, "unclear", 0, 30),
        ("cut", cut, "unclear", 200, 30),
        ("no-token", answering(200, b'{"access":true}'), "unclear", 200, 30),
        ("empty", answering(200), "unclear", 200, 30),
        ("proxy", answering(502), "unclear", 502, 30),
        ("broken", answering(500), "failed", 500, 1),
        ("moved", answering(307, Location="/elsewhere"), "failed", 307, 1),
    ],
)
async def test_a_login_without_a_token_has_its_pace_its_metric_and_its_record(
    monkeypatch: pytest.MonkeyPatch, name: str, script: Script, kind: str, status: int, wait_s: float
) -> None:
    async with rig(script, name) as r:
        await r.log_in()
        intent, failed = r.desk.attempts
        assert (intent.under_way, failed.under_way) == (True, False)
        assert (failed.kind, failed.status, failed.failures, r.wait_s) == (kind, status, 1, wait_s)
        assert (r.failures(kind), r.logins("failed"), r.logins("ok")) == (1, 1, 0)
        assert r.lease.next_due_ms() == failed.until_ms
        assert r.lease.under_way() == frozenset()
        assert (r.desk.tokens, "secret" in failed.why) == ([], False)
        monkeypatch.setattr(renewal, "now_ms", lambda: failed.until_ms)
        await r.log_in(failed.until_ms)
        assert r.desk.attempts[-1].failures == 2


async def test_nobody_there_is_tried_again_soon() -> None:
    async with rig(hanging, "nobody", f"http://127.0.0.1:{closed_port()}") as r:
        await r.log_in()
        assert (r.desk.attempts[-1].kind, r.wait_s, r.failures("unreachable")) == ("unreachable", 1, 1)


async def test_what_is_on_record_before_a_login_holds_if_nobody_hears_of_it() -> None:
    seen: list[tuple[bool, int]] = []

    async def script(exchange: Exchange) -> None:
        seen.extend((a.under_way, a.until_ms - a.at_ms) for a in r.desk.attempts)
        await exchange.answer(200, GIVEN)

    async with rig(script, "intent") as r:
        await r.log_in()
        assert seen == [(True, PACE.interval_ms)]
        (token,) = r.desk.tokens
        assert RING.decrypt(token.token, token_context(r.declared.account)) == "opaque"
        assert (r.logins("ok"), r.logins("failed")) == (1, 0)
        digest = r.desk.attempts[0].declared
        assert "digest" not in digest, "encrypted: it could be guessed from"
        assert r.renewal.unsealed(r.key, r.desk.attempts[0]).declared == "digest"
        assert r.renewal.unsealed("isv|another", r.desk.attempts[0]).declared == ""


async def test_a_login_that_cannot_be_put_on_record_in_time_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(renewal, "START_S", 0.3)
    async with WireServer(answering(200, GIVEN)) as server, rig(hanging, "unrecorded", server.base) as r:
        r.desk.refuses = 1000
        await r.log_in()
        assert (server.requests, r.desk.attempts, r.logins("abandoned")) == ([], [], 1)
        r.desk.refuses = 1
        await r.log_in()
        assert (len(server.requests), len(r.desk.tokens), r.logins("ok")) == (1, 1, 1)


async def test_an_owner_that_was_frozen_after_the_record_does_not_log_in_late(monkeypatch: pytest.MonkeyPatch) -> None:
    async with WireServer(answering(200, GIVEN)) as server, rig(hanging, "frozen", server.base) as r:

        async def slow(note: Note) -> None:
            await asyncio.sleep(0.2)

        monkeypatch.setattr(renewal, "START_S", 0.1)
        monkeypatch.setattr(r.desk, "attempt", slow)
        await r.log_in()
        assert (server.requests, r.logins("abandoned")) == ([], 1)


async def test_a_failure_that_cannot_be_written_leaves_the_record_of_the_intent() -> None:
    async def script(exchange: Exchange) -> None:
        r.lease.revoked([0])
        await exchange.answer(401)

    async with rig(script, "moved-away") as r:
        await r.log_in()
        (intent,) = r.desk.attempts
        assert (intent.under_way, r.failures("unrecorded"), r.failures("credentials")) == (True, 1, 1)


async def test_a_transaction_of_unknown_fate_ends_the_login_and_frees_the_account() -> None:
    async with rig(answering(200, GIVEN), "fatal") as r:

        async def fails(note: Note) -> None:
            r.desk.fatal = "outcome unknown"
            raise TransactionFailed(_Error())  # type: ignore[arg-type]

        r.desk.attempt = fails  # type: ignore[method-assign]
        with pytest.raises(TransactionFailed):
            await r.log_in()
        assert r.lease.under_way() == frozenset()


class _Error:
    """As much of Kafka's error as is read."""

    def name(self) -> str:
        return "_TIMED_OUT"

    def str(self) -> str:
        return "no answer"


async def test_a_login_of_an_account_that_went_before_it_began_is_not_made() -> None:
    async with WireServer(answering(200, GIVEN)) as server, rig(hanging, "gone", server.base) as r:
        (login,) = r.lease.due(2_000_000_000_000)
        assert login == Login(r.key, 1, "digest")
        r.lease.revoked([0])
        await r.renewal.run(login, r.declared)
        assert (server.requests, r.logins("abandoned")) == ([], 1)
