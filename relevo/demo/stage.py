"""Starts everything that the demo needs, as processes on this machine, and ends it again.

Promises: own ports and folders, so that it runs beside others; whatever happens, nothing is left running unless it
was asked to stay.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import aiohttp
import msgspec

from relevo.demo import scenario
from relevo.demo.network import CHATTIGO, KAFKA, WEBHOOKS, Network
from relevo.fleet import fleet, on_ports
from relevo.supervisor import Exit, ServiceSpec, Supervisor
from relevo.tenants.file import TenantFile
from relevo.tenants.store import write_tenant
from relevo.tenants.yaml_source import YamlSource
from runtime.clock import now_ms
from runtime.kafka import topics as kafka_topics
from runtime.secrets import KeyRing, generate_key
from runtime.settings import KafkaSettings
from sandbox.chattigo.config import written
from sandbox.kafka import Broker, MockCluster
from sandbox.kafka.ports import free_ports
from sandbox.kafka.process import Child
from schemas.topics import catalogue

AGENTS = ("menu", "echo")
READY_S = 60.0
_STARTING = {
    "laptop": "starting Kafka (its jars are downloaded the first time)",
    "mock": "starting librdkafka's mock cluster: nothing is exactly once on it",
}


class StageError(RuntimeError):
    """Something of the demo did not start; the message says what, and where its log is."""


class Stage:
    """`async with Stage(…) as stage`: Kafka, Chattigo, tenants and all services run, and are ready."""

    def __init__(
        self,
        folder: Path,
        tenants: Sequence[scenario.DemoTenant],
        *,
        mock: bool = False,
        seed: int = 1,
        profile: str = "",
        say: Callable[[str], None] = lambda text: None,
        on_exit: Callable[[Exit], None] | None = None,
        env: dict[str, str] | None = None,
        agents: Sequence[str] = AGENTS,
        tenant_file: Callable[[scenario.DemoTenant, str], str] = scenario.tenant_file,
        programs: Mapping[str, tuple[str, ...]] | None = None,
        broker: Mapping[str, str | int] | None = None,
        network: Network | None = None,
        disk_bytes: int = 0,
        templates: Mapping[str, int] = scenario.TEMPLATES,
    ) -> None:
        """`env` is for the services, and for secrets that the tenants' files name; `agents` are types, or
        `type=module:function`; `tenant_file` writes a tenant's file, given Chattigo's address; `profile` is the
        simulated Chattigo's. `programs` run in place of `relevo`, by the service's name; `broker` are properties of
        the genuine Kafka, whose disk has `disk_bytes` if they are given; with a `network` everything goes through it;
        `templates` are Chattigo's, as `scenario.chattigo_config` has them.
        """
        self.folder = folder
        self.tenants = tenants
        self.ledger = folder / "ledger.ndjson"
        self.network = network
        self.broker: Broker | MockCluster = (
            MockCluster() if mock else _broker(folder / "kafka", network, dict(broker or {}), disk_bytes)
        )
        self.webhooks: dict[str, str] = {}
        self.chattigo = ""
        self._profile: Literal["mock", "laptop"] = "mock" if mock else "laptop"
        self._seed, self._sandbox_profile = seed, profile
        self._specs = tuple(agents)
        self._programs = dict(programs or {})
        self.services: dict[str, ServiceSpec] = {}
        self._tenant_file = tenant_file
        self._templates = templates
        self.agents = tuple(spec.partition("=")[0] for spec in agents)
        self._say = say
        self._on_exit = on_exit
        self._extra = dict(env or {})
        self._password = scenario.new_password()
        self._child: Child | None = None
        self._ports: list[int] = []
        self.supervisor: Supervisor | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def stop(self) -> None:
        """End everything, services first. May be called twice."""
        if self.supervisor is not None:
            await self.supervisor.stop()
            self.supervisor = None
        if self._http is not None:
            await self._http.close()
            self._http = None
        if self._child is not None:
            await asyncio.to_thread(self._child.stop, 5.0)
            self._child = None
        await asyncio.to_thread(self.broker.close)
        if self.network is not None:
            await self.network.stop()

    @property
    def kafka(self) -> KafkaSettings:
        """How to reach the demo's Kafka."""
        return KafkaSettings(bootstrap=self.broker.bootstrap, profile=self._profile)

    def environment(self) -> dict[str, str]:
        """The environment of the services, and of a person who wants to look: `RELEVO_*` variables."""
        return {
            "RELEVO_KAFKA_BOOTSTRAP": self.network.address(KAFKA) if self.network else self.broker.bootstrap,
            "RELEVO_KAFKA_PROFILE": self._profile,
            "RELEVO_KEYS_FILE": str(self.folder / "keys"),
            "RELEVO_INGRESS_PORT": str(self._ports[0]),
            "RELEVO_TENANTS_PRIVATE_NETWORKS": "127.0.0.0/8",
            "RELEVO_PROCESSOR_AGENTS": ",".join(self.agents),
            # The demo's token dies seconds after it was made, which no real one does: nobody must wait for its age.
            "RELEVO_LEASE_MIN_LOGIN_INTERVAL_S": "1",
            "RELEVO_EGRESS_YOUNG_TOKEN_S": "1",
            **self._extra,
        }

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's control API; StageError when it refuses."""
        if self._http is None:
            raise StageError("the stage is not set")
        data = body if isinstance(body, bytes) else msgspec.json.encode(body)
        async with self._http.request(method, f"{self.chattigo}/_sandbox/{path}", data=data) as answer:
            said = await answer.read()
            if answer.status != 200:
                raise StageError(f"the sandbox answered {answer.status} to {path}: {said.decode()}")
            return msgspec.json.decode(said)

    async def _start(self) -> None:
        self._say(_STARTING[self._profile])
        if self.network is not None:
            await self.network.start()
        await asyncio.to_thread(self.broker.start)
        self._say("creating topics")
        await asyncio.to_thread(kafka_topics.apply, self.kafka, catalogue(self.agents).values())
        self._ports = free_ports(1 + len(fleet(self._specs)))
        self._say("starting the simulated Chattigo")
        await self._start_chattigo()
        self._say("writing tenants")
        await self._apply_tenants()
        self._say("starting the services")
        await self._start_services()
        for did, url in self.webhooks.items():
            await self.call("POST", "webhooks", {"did": did, "url": url})

    async def _start_chattigo(self) -> None:
        config = scenario.chattigo_config(
            self.tenants, self._password, self.ledger, self._seed, self._sandbox_profile, self._templates
        )
        file, log = self.folder / "chattigo.json", self.folder / "chattigo.log"
        file.write_bytes(written(config))
        log.write_bytes(b"")
        command = [sys.executable, "-m", "relevo", "sandbox", "chattigo", str(file), "--port", "0"]
        self._child = Child(command, log)
        deadline = time.monotonic() + READY_S
        while not (said := log.read_text()).startswith("http") or "\n" not in said:
            if self._child.exit_code is not None or time.monotonic() > deadline:
                raise StageError(f"the simulated Chattigo did not start: {said.strip()[-500:]}")
            await asyncio.sleep(0.05)
        self.chattigo = said.splitlines()[0].strip()
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30))

    async def _apply_tenants(self) -> None:
        keys = self.folder / "keys"
        if not keys.exists():
            keys.touch(mode=0o600)
            keys.write_text(generate_key("demo") + "\n")
        ring = KeyRing.load(keys)
        for tenant in self.tenants:
            file = self.folder / f"{tenant.tenant}.yaml"
            file.write_text(self._tenant_file(tenant, self._by_way_of(CHATTIGO, self.chattigo)), encoding="utf-8")
            secrets = os.environ | self._extra | {scenario.PASSWORD_ENV: self._password}
            source = TenantFile(YamlSource.read(file), ring, secrets, self.agents)
            applied = source.tenant(None, now_ms())
            await write_tenant(self.kafka, applied.tenant)
            for line in tenant.lines:
                secret = applied.new_secrets[0]
                url = f"http://127.0.0.1:{self._ports[0]}/v1/webhooks/{secret}"
                self.webhooks[line.did] = self._by_way_of(WEBHOOKS, url)

    def _by_way_of(self, link: str, url: str) -> str:
        return self.network.lead(link, url) if self.network is not None else url

    async def _start_services(self) -> None:
        env = {name: value for name, value in os.environ.items() if not name.startswith("RELEVO_")}
        self.supervisor = Supervisor(self.folder / "logs", env | self.environment(), self._on_exit)
        specs = self._fleet()
        for spec in specs:
            self.supervisor.start(spec)
        try:
            for spec in specs:
                await self.supervisor.ready(spec.name, READY_S)
        except TimeoutError as error:
            raise StageError(str(error)) from error

    def _fleet(self) -> list[ServiceSpec]:
        """One of each service, each with a free admin port."""
        specs = on_ports(fleet(self._specs), self._ports[1:])
        specs = [one._replace(program=self._programs.get(one.name, ())) for one in specs]
        self.services = {one.name: one for one in specs}
        return specs


def _broker(folder: Path, network: Network | None, properties: dict[str, str | int], disk_bytes: int) -> Broker:
    if network is None:
        return Broker(folder, properties=properties, disk_bytes=disk_bytes)
    own = {**network.properties, **properties}
    return Broker(folder, ports=network.broker_ports, properties=own, disk_bytes=disk_bytes)
