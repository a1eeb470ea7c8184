"""The doctor: each finding says what is wrong and what to do, and what cannot be looked at is left out."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from email.utils import formatdate
from pathlib import Path

import pytest
from aiohttp import web

from relevo import doctor
from relevo.doctor import Finding, examine
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.secrets import KeyRing, generate_key
from sandbox.kafka.ports import free_ports
from schemas.record import RecordError
from schemas.tenant import SEALED, Account, Tenant, agent_secret_context, password_context

Set = Callable[..., None]


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Set:
    """Sets the environment: these variables of ours and no others."""

    def setter(**variables: object) -> None:
        for name in [name for name in os.environ if name.startswith("RELEVO_")]:
            monkeypatch.delenv(name)
        for name, value in variables.items():
            monkeypatch.setenv(f"RELEVO_{name}", str(value))

    setter()
    return setter


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    file = tmp_path / "keys"
    file.write_text(generate_key("k1") + "\n")
    return file


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A Kafka that is well and holds these tenants, or whose tenants cannot be read."""

    def holds(*tenants: Tenant, error: Exception | None = None) -> None:
        def read(settings: object) -> dict[str, Tenant]:
            if error:
                raise error
            return {one.tenant: one for one in tenants}

        monkeypatch.setattr(doctor, "read_tenants", read)

    monkeypatch.setattr(doctor, "_kafka", lambda settings: Finding(what="Kafka", state="ok", detail=""))
    monkeypatch.setattr(doctor.topics, "check", lambda settings, wanted: [])
    monkeypatch.setattr(doctor, "hanging", lambda settings, topics, for_s: {})
    holds()
    return holds


def tenant(ring: KeyRing, base: str = "http://127.0.0.1:1", name: str = "acme") -> Tenant:
    password = ring.encrypt("hunter2", password_context(name, "isv"))
    return Tenant(tenant=name, accounts={"isv": Account(service="isv", base=base, username="u", password=password)})


def of(findings: list[Finding], what: str) -> Finding:
    [found] = [finding for finding in findings if finding.what == what]
    return found


async def test_wrong_settings_are_all_named_and_nothing_else_is_looked_at(environ: Set, tmp_path: Path) -> None:
    environ(EGRESS_PLAN_DEADLINE_S="soon", KAFKA_BOOTSTRP="x:1", KEYS_FILE=tmp_path / "none")
    found = await examine()
    assert {finding.what for finding in found} == {"settings"}
    assert [finding.detail.partition(":")[0] for finding in found] == [
        "RELEVO_KAFKA_BOOTSTRP",
        "RELEVO_EGRESS_PLAN_DEADLINE_S",
        "RELEVO_KEYS_FILE",
    ]
    assert "did you mean RELEVO_KAFKA_BOOTSTRAP?" in found[0].detail
    assert all(finding.state == "failed" and finding.advice for finding in found)
    assert "relevo keys new FILE" in found[2].advice


@pytest.mark.parametrize("text", ["", "k1:short", "no colon", "[{]"])
def test_a_broken_key_ring_is_told_with_its_file(environ: Set, keys: Path, kafka: Set, text: str) -> None:
    keys.write_text(text)
    environ(KEYS_FILE=keys)
    found = of(asyncio.run(examine()), "key ring")
    assert found.state == "failed"
    assert str(keys) in found.detail
    assert "put back the file" in found.advice


async def test_no_key_ring_is_told_and_the_rest_is_still_looked_at(environ: Set, kafka: Set) -> None:
    kafka(tenant(KeyRing.parse(generate_key("k1"))))
    found = await examine()
    assert of(found, "key ring").state == "failed"
    assert "relevo keys new FILE" in of(found, "key ring").advice
    assert of(found, "tenants").detail == "acme"
    assert not [finding for finding in found if finding.what.startswith("account")]


async def test_a_kafka_that_does_not_answer_ends_the_examination(
    environ: Set, keys: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "KAFKA_S", 0.3)
    bootstrap = f"127.0.0.1:{free_ports(1)[0]}"
    environ(KEYS_FILE=keys, KAFKA_BOOTSTRAP=bootstrap)
    found = await examine()
    assert [finding.what for finding in found] == ["settings", "key ring", "Kafka"]
    assert found[-1].state == "failed"
    assert found[-1].detail.startswith(f"{bootstrap} does not answer: ")
    assert "RELEVO_KAFKA_BOOTSTRAP" in found[-1].advice


async def test_a_transaction_that_nobody_ends_is_told_with_its_place_and_the_rest_is_still_looked_at(
    environ: Set, keys: Path, kafka: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def stands(settings: object, topics: Iterable[str], for_s: float) -> dict[tuple[str, int], int]:
        waited.append(for_s)
        assert {"egress.journal", "agents.menu.state"} <= set(topics)
        return {("tenants", 0): 4, ("egress.journal", 3): 17}

    monkeypatch.setattr(doctor, "hanging", stands)
    environ(KEYS_FILE=keys, EGRESS_TRANSACTION_TIMEOUT_S=30)
    found = await examine()
    told = of(found, "transactions")
    assert (told.state, waited) == ("failed", [42])
    assert told.detail.endswith("more than 42 s, and readers stand still: egress.journal/3 at 17, tenants/0 at 4")
    assert "docs/operations.md" in told.advice
    assert of(found, "tenants").state == "warning"


async def test_a_broker_that_is_away_leaves_transactions_unknown(
    environ: Set, keys: Path, kafka: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(settings: object, topics: object, for_s: float) -> dict[tuple[str, int], int]:
        raise OffsetsUnavailable("outcomes/1: no leader")

    monkeypatch.setattr(doctor, "hanging", away)
    environ(KEYS_FILE=keys)
    told = of(await examine(), "transactions")
    assert (told.state, told.detail) == ("failed", "outcomes/1: no leader")


@pytest.mark.parametrize("key_id", ["k1", "k2"])
async def test_passwords_of_another_key_ring_are_told(environ: Set, keys: Path, kafka: Set, key_id: str) -> None:
    """Both when the key is missing, and when another key has its id."""
    environ(KEYS_FILE=keys)
    kafka(tenant(KeyRing.parse(generate_key(key_id))), tenant(KeyRing.load(keys), name="brand"))
    found = await examine()
    wrong = of(found, "account acme/isv")
    assert wrong.state == "failed"
    assert key_id in wrong.detail
    assert "apply the tenant's file again" in wrong.advice
    assert of(found, "account brand/isv").state == "ok"
    assert not any("hunter2" in f"{finding.detail}{finding.advice}" for finding in found)


async def test_a_password_moved_to_another_tenant_does_not_open(environ: Set, keys: Path, kafka: Set) -> None:
    environ(KEYS_FILE=keys)
    mine = tenant(KeyRing.load(keys))
    kafka(Tenant(tenant="thief", accounts=mine.accounts))
    assert of(await examine(), "account thief/isv").state == "failed"


async def test_an_agents_secrets_that_do_not_open_are_told_with_their_place(
    environ: Set, keys: Path, kafka: Set
) -> None:
    environ(KEYS_FILE=keys)
    sealed = KeyRing.load(keys).encrypt("hunter2", agent_secret_context("acme", "http", ("keys", 0)))
    settings = {"http": {"keys": [{SEALED: sealed}]}, "echo": {"a": [{"b": 1}]}}
    kafka(Tenant(tenant="acme", agents=settings), Tenant(tenant="thief", agents=settings))
    found = await examine()
    assert of(found, "agent acme/http").state == "ok"
    wrong = of(found, "agent thief/http")
    assert (wrong.state, wrong.detail.partition(": ")[0]) == ("failed", "agents.http.keys.0")
    assert not [finding for finding in found if "echo" in finding.what]
    assert "hunter2" not in str(found)


async def test_no_tenants_is_a_warning_and_unreadable_ones_a_failure(environ: Set, keys: Path, kafka: Set) -> None:
    environ(KEYS_FILE=keys)
    found = of(await examine(), "tenants")
    assert (found.state, found.advice) == ("warning", "relevo tenants apply FILE")
    kafka(error=RecordError("Object missing required field `tenant`"))
    found = of(await examine(), "tenants")
    assert found.state == "failed"
    assert found.advice == "apply the tenant's file again"


# -- Chattigo's side: clock and logins

Handler = Callable[[web.Request], Awaitable[web.Response]]


@pytest.fixture
async def chattigo() -> AsyncIterator[Callable[[Handler], Awaitable[str]]]:
    """Serves a handler for every path; gives the address."""
    runners: list[web.AppRunner] = []

    async def serve(handler: Handler) -> str:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runners.append(web.AppRunner(app))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runners[-1].addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


Serve = Callable[[Handler], Awaitable[str]]


@pytest.mark.parametrize(("off_s", "state"), [(0, "ok"), (60, "failed"), (-60, "failed")])
async def test_the_clock_is_compared_with_chattigos(
    environ: Set, keys: Path, kafka: Set, chattigo: Serve, off_s: float, state: str
) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(headers={"Date": formatdate(time.time() - off_s, usegmt=True)})

    environ(KEYS_FILE=keys)
    kafka(tenant(KeyRing.load(keys), await chattigo(answer)))
    found = of(await examine(), "clock")
    assert found.state == state
    if off_s:
        assert ("ahead of" in found.detail) == (off_s > 0)
        assert "NTP" in found.advice


async def test_a_clock_that_nobody_can_compare_is_a_warning(environ: Set, keys: Path, kafka: Set) -> None:
    environ(KEYS_FILE=keys)
    kafka(tenant(KeyRing.load(keys), f"http://127.0.0.1:{free_ports(1)[0]}"))
    assert of(await examine(), "clock").state == "warning"


@pytest.mark.parametrize(
    ("status", "body", "state", "says"),
    [
        (200, '{"access_token": "t"}', "ok", "logged in"),
        (401, "{}", "failed", "the credentials were refused"),
        (200, "{}", "failed", "no access_token"),
        (503, "", "failed", "503"),
        (302, "", "failed", "302"),
    ],
)
async def test_a_login_is_made_only_when_asked_for(
    environ: Set, keys: Path, kafka: Set, chattigo: Serve, status: int, body: str, state: str, says: str
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        if request.method == "POST":
            asked.append(await request.text())
            return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})
        return web.Response()

    environ(KEYS_FILE=keys)
    kafka(tenant(KeyRing.load(keys), await chattigo(answer)))
    assert of(await examine(), "account acme/isv").state == "ok"
    assert asked == []
    found = of(await examine(login=True), "account acme/isv")
    assert asked == ['{"username":"u","password":"hunter2"}']
    assert found.state == state
    assert says in found.detail
    assert bool(found.advice) == (state == "failed")


async def test_a_chattigo_that_does_not_answer_the_login_is_told(environ: Set, keys: Path, kafka: Set) -> None:
    environ(KEYS_FILE=keys)
    kafka(tenant(KeyRing.load(keys), f"http://127.0.0.1:{free_ports(1)[0]}"))
    found = of(await examine(login=True), "account acme/isv")
    assert found.state == "failed"
    assert "does not answer: ClientConnectorError" in found.detail
    assert "`base`" in found.advice
