"""`relevo token` against a genuine Kafka and a lease as a process: what stands, and one more login when asked."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from relevo.cli.program import main
from relevo.tenants.store import write_tenant
from runtime.kafka.topics import apply
from runtime.secrets import KeyRing, generate_key
from runtime.settings import KafkaSettings
from sandbox.kafka import Broker
from schemas import topics
from schemas.tenant import Account, Tenant, password_context
from tests.builders.egress import until
from tests.builders.lease import LoginServer

KEY = "isv|acme@acme"
OFF = "isv|off@off"


class Ran(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


class World(NamedTuple):
    """A cluster with its topics, and what the lease needs."""

    settings: KafkaSettings
    key_file: Path

    @property
    def environ(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        return inherited | {
            "RELEVO_KAFKA_BOOTSTRAP": self.settings.bootstrap,
            "RELEVO_KEYS_FILE": str(self.key_file),
            "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
            "RELEVO_LEASE_MIN_LOGIN_INTERVAL_S": "0.2",
            "RELEVO_LEASE_SESSION_TIMEOUT_S": "6",
            "RELEVO_LEASE_REBALANCE_TIMEOUT_S": "30",
        }

    async def tenants(self, base: str) -> None:
        """One tenant with an account at this address, and one that is switched off."""
        ring = KeyRing.load(self.key_file)
        for name in ("acme", "off"):
            sealed = ring.encrypt("secret", password_context(name, "main"))
            account = Account(service="isv", base=base, username=f"{name}@{name}", password=sealed, auth="raw")
            await write_tenant(self.settings, Tenant(tenant=name, active=name == "acme", accounts={"main": account}))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A broker of its own: the command knows topics by their real names."""
    key_file = tmp_path_factory.mktemp("keys") / "keys"
    key_file.write_text(generate_key("k1") + "\n")
    with Broker() as broker:
        settings = KafkaSettings(bootstrap=broker.bootstrap)
        apply(settings, topics.catalogue().values())
        yield World(settings, key_file)


@pytest.fixture
def relevo(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process: `relevo("token", "status")`."""
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    for name, value in world.environ.items():
        monkeypatch.setenv(name, value)

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["relevo", *map(str, arguments)])
        capsys.readouterr()
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ran(code, *capsys.readouterr())

    return run


def standing(relevo: Run) -> dict[str, Any]:
    """The account as `status --json` shows it."""
    found: dict[str, Any] = {one["account"]: one for one in json.loads(relevo("token", "status", "--json").out)}[KEY]
    return found


async def test_a_token_is_renewed_by_hand_once_a_lease_runs(world: World, relevo: Run) -> None:
    async with LoginServer() as server:
        await world.tenants(server.base)
        before = await asyncio.to_thread(standing, relevo)
        assert (before["state"], before["generation"], before["waiting"]) == ("none", 0, 0)

        nobody = await asyncio.to_thread(relevo, "token", "renew", KEY, "--yes", "--within", 1)
        assert nobody.code == 1
        assert f"{KEY}: no new token within 1 s, there still is no token. Does the lease run" in nobody.err
        assert (await asyncio.to_thread(standing, relevo))["waiting"] == 1
        shown = await asyncio.to_thread(relevo, "token", "status")
        assert re.search(r"^isv\|acme@acme  acme  no token; .*; 1 requests wait, for \d+ s$", shown.out, re.MULTILINE)
        assert f"{OFF}  off (switched off)  no token" in shown.out

        command = [sys.executable, "-m", "relevo", "serve", "lease"]
        lease = await asyncio.create_subprocess_exec(*command, env=world.environ)
        try:
            await until(lambda: server.logins == 1, "the lease logs in")
            by_name = await asyncio.to_thread(relevo, "token", "renew", "acme/main", "--yes")
            assert by_name.code == 0, by_name.err
            assert re.match(r"isv\|acme@acme: generation \d+ stands, is renewed in 7 h, dies in 7 h\n", by_name.out)
            generation = server.logins
            assert f"generation {generation} stands" in by_name.out
            after = await asyncio.to_thread(standing, relevo)
            assert (after["state"], after["generation"], after["waiting"]) == ("alive", generation, 0)
            again = await asyncio.to_thread(relevo, "token", "renew", KEY, "--yes")
            assert f"generation {generation + 1} stands" in again.out, again.err
            assert server.logins == generation + 1, "one renewal is one login"
            told = await asyncio.to_thread(relevo, "token", "status")
            assert f"{KEY}  acme  generation {generation + 1}, " in told.out
            assert "login-" not in told.out + again.out + json.dumps(after)

            server.status = 401
            assert (await asyncio.to_thread(relevo, "token", "renew", KEY, "--yes", "--within", 1)).code == 1

            async def failed() -> bool:
                found = await asyncio.to_thread(standing, relevo)
                return (found["failures"], found["failure"], found["login_under_way"]) == (1, "credentials", False)

            await until(failed, "the login that failed is on record")
            refused = await asyncio.to_thread(relevo, "token", "renew", KEY, "--yes", "--within", 1)
            assert "The last login brought no token (credentials: login answered 401" in refused.err
            alone = await asyncio.to_thread(relevo, "token", "status")
            assert "; login failed (credentials), tried again in 4 min, or at once with another password" in alone.out
            assert server.logins == generation + 2
        finally:
            lease.terminate()
            assert await asyncio.wait_for(lease.wait(), 30) == 0


async def test_what_cannot_be_renewed_is_answered(world: World, relevo: Run) -> None:
    await world.tenants("http://127.0.0.1:1")
    for arguments, says in (
        (("isv|nobody",), f"no account 'isv|nobody'; there are {KEY}, {OFF}; see: relevo token status"),
        ((OFF, "--yes"), f"{OFF}: its tenants are switched off"),
        ((KEY,), "nothing was done. Say --yes"),
    ):
        ran = await asyncio.to_thread(relevo, "token", "renew", *arguments)
        assert (ran.code, ran.out) == (1, "")
        assert says in ran.err
