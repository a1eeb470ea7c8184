"""Faults beside those of drills: each stands until it is healed, so that an alert has the time that it needs."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass
from typing import Literal

import aiohttp

from relevo.campaigns.order import Terms, order
from relevo.campaigns.submit import Submission
from relevo.drills.crash import expire_all
from relevo.drills.drill import Fault
from relevo.drills.loads import recipients_file
from relevo.drills.outside.chattigo import Refusals
from relevo.drills.outside.poison import NO_JSON
from relevo.drills.scene import Scene, second_of
from relevo.lines import pausing
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.kafka.producer import Producer
from runtime.kafka.record import Record
from schemas import topics
from schemas.campaign import StopRule

_ALL = {"failed": 1.0, "lost": 0.0}
_NO_LOGIN = Refusals(503, (("*.login", 100_000),))
LOOPS = 40  # more than the stage's burst


@dataclass(frozen=True)
class Gone(Fault):
    """These services are killed, and nobody starts them again."""

    names: tuple[str, ...]

    async def strike(self, scene: Scene) -> None:
        for name in self.names:
            scene.supervisor.kill(name)
            await scene.supervisor.end(name)

    async def heal(self, scene: Scene) -> None:
        for name in self.names:
            if name not in scene.supervisor.names:
                scene.supervisor.start(scene.stage.services[name])
        for name in self.names:
            await scene.ready(name)


@dataclass(frozen=True)
class Stopped(Fault):
    """A service's process stands as a whole."""

    name: str

    async def strike(self, scene: Scene) -> None:
        scene.supervisor.kill(self.name, signal.SIGSTOP)

    async def heal(self, scene: Scene) -> None:
        scene.thaw(self.name)
        await scene.ready(self.name)


@dataclass(frozen=True)
class Twins(Fault):
    """A second process of one instance of a service: each puts the other out of the group."""

    name: str

    async def strike(self, scene: Scene) -> None:
        await scene.second(self.name, instance="0")
        await asyncio.Event().wait()

    async def heal(self, scene: Scene) -> None:
        twin = second_of(self.name)
        if twin in scene.supervisor.names:
            await scene.supervisor.end(twin)
        await scene.ready(self.name)


@dataclass(frozen=True)
class Dies(Fault):
    """A service is killed as soon as it is ready again, and again."""

    name: str

    async def strike(self, scene: Scene) -> None:
        while True:
            pid = scene.supervisor.pid(self.name)
            scene.supervisor.kill(self.name)
            await scene.died(self.name, pid)
            await scene.ready(self.name)
            await asyncio.sleep(2.5)  # scraped

    async def heal(self, scene: Scene) -> None:
        await scene.ready(self.name)


@dataclass(frozen=True)
class Again(Fault):
    """What drills do once, again and again."""

    fault: Fault

    async def strike(self, scene: Scene) -> None:
        while True:
            scene.number += 1
            await self.fault.strike(scene)

    async def heal(self, scene: Scene) -> None:
        await self.fault.heal(scene)


@dataclass(frozen=True)
class Said(Fault):
    """A customer says these words, `times` in a row."""

    word: str
    times: int = 1
    every_s: float = 0.05
    contact: str = "56988880001"

    async def strike(self, scene: Scene) -> None:
        did = scene.stage.tenants[0].lines[0].did
        for _ in range(self.times):
            said = {"did": did, "contact": self.contact, "message": self.word, "name": "Ema"}
            await scene.chattigo("POST", "customers/say", said)
            await asyncio.sleep(self.every_s)


@dataclass(frozen=True)
class Fails(Fault):
    """All that is sent fails with one of these codes, a campaign too, which would pause at a third."""

    codes: tuple[int, ...]
    recipients: int = 3000
    resumes: bool = False

    async def strike(self, scene: Scene) -> None:
        knobs = (await scene.chattigo("GET", "knobs"))["receipts"]
        scene.kept[self] = {name: knobs[name] for name in ("failed", "failed_codes", "lost")}
        await scene.chattigo("PATCH", "knobs", {"receipts": _ALL | {"failed_codes": self.codes}})
        await asyncio.to_thread(_submitted, scene, self.recipients)

    async def heal(self, scene: Scene) -> None:
        await scene.chattigo("PATCH", "knobs", {"receipts": scene.kept.pop(self, {})})
        if self.resumes:
            await asyncio.sleep(3)  # what failed is heard of by then: a resume holds for what went before it
            await asyncio.to_thread(_resume, scene)


def _submitted(scene: Scene, recipients: int) -> None:
    tenant = read_tenants(scene.stage.kafka)[scene.stage.tenants[0].tenant]
    template = tenant.templates[0]
    file = recipients_file(scene, recipients, [f"valor{number}" for number in range(template.body)])
    terms = Terms(stop=StopRule(failed_share=0.3, least=20, window=100))
    line = tenant.lines[0].did
    wanted = order(file, tenant, template=template.name, language=template.language, lines=[line], terms=terms)
    asyncio.run(Submission(scene.stage.kafka, wanted, now_ms()).run())


def _resume(scene: Scene) -> None:
    kafka = scene.stage.kafka
    tenants = read_tenants(kafka)
    for did in pausing.concerned(tenants, pausing.Scope()):
        scope = pausing.Scope(did=did)
        lines = pausing.concerned(tenants, scope)
        pausing.order(kafka, scope, lines, "resume", "", "a test", now_ms())
        held = pausing.wait(kafka, lines, pausing.obeyed(scope, "resume"), 30)
        assert not held.silent, held


@dataclass(frozen=True)
class LoginsRefused(Fault):
    """Tokens live for a minute, and nobody gets a new one."""

    life_s: float = 60.0

    async def strike(self, scene: Scene) -> None:
        scene.kept[self] = {"token_ttl_s": (await scene.chattigo("GET", "knobs"))["token_ttl_s"]}
        await scene.chattigo("PATCH", "knobs", {"token_ttl_s": self.life_s})
        before = (await scene.counts())["login"]
        await expire_all(scene)
        accounts = (await scene.chattigo("GET", "state"))["accounts"]
        # Replies are answered all the time; who sends templates asks for a token when there is a campaign.
        await scene.after("login", before + sum(one["service"] != "hsm" for one in accounts))
        await _NO_LOGIN.arm(scene)

    async def heal(self, scene: Scene) -> None:
        await scene.chattigo("PATCH", "knobs", scene.kept.pop(self, {}))
        await _NO_LOGIN.heal(scene)


@dataclass(frozen=True)
class Unreadable(Fault):
    """A record that is no JSON stands on a topic that every service reads whole; later a tombstone."""

    topic: Literal["tenants", "pauses"]

    async def strike(self, scene: Scene) -> None:
        await self._write(scene, NO_JSON[1])

    async def heal(self, scene: Scene) -> None:
        await self._write(scene, None)

    async def _write(self, scene: Scene, value: bytes | None) -> None:
        producer = Producer(scene.stage.kafka)
        await producer.start()
        try:
            await producer.send_all([Record(topics.catalogue(())[self.topic].name, value, b"nobody", [], 0)])
        finally:
            await producer.stop()


@dataclass(frozen=True)
class Strangers(Fault):
    """Somebody tries addresses of webhooks that are nobody's."""

    async def strike(self, scene: Scene) -> None:
        known = next(iter(scene.stage.webhooks.values()))
        url = known.rpartition("/")[0] + "/nobody-has-this-secret-of-a-webhook"
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.post(url, data=b"{}"):
                    await asyncio.sleep(0.2)
