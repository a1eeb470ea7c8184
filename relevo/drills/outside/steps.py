"""Steps that faults share: when to begin, what the proxies are, and the sandbox's knobs for a while."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from relevo.drills.drill import Fault, NotReached
from relevo.drills.scene import Scene
from sandbox.kafka import Broker
from sandbox.proxy.link import Link

BEGIN = (25, 50)
SUBMITTED = "a campaign was submitted"
# Chattigo's side goes on for as long as any drill breaks something.
PATIENT = (("webhooks", (("retry_s", (0.5,) * 200),)),)
Knobs = tuple[tuple[str, tuple[tuple[str, Any], ...]], ...]


async def begun(scene: Scene, name: str, between: tuple[int, int] = BEGIN) -> None:
    """Returns in the middle of the load: so many events of customers are there, drawn from the seed for `name`, and
    the campaign is submitted."""
    await scene.after("event", scene.dice.number(between, "begin", name))

    async def submitted() -> bool:
        return SUBMITTED in scene.marks

    await scene.until(submitted, SUBMITTED)


async def for_a_while(scene: Scene, seconds: float, within: str, kind: str = "event") -> None:
    """Lets it last so long. Raises NotReached if nothing came meanwhile: then nothing has met it."""
    before = (await scene.counts())[kind]
    await asyncio.sleep(seconds)
    if (await scene.counts())[kind] == before:
        raise NotReached(f"no {kind} came {within}")


def broker_of(scene: Scene) -> Broker:
    """The genuine Kafka. Raises NotReached."""
    broker = scene.stage.broker
    if not isinstance(broker, Broker):
        raise NotReached("there is no genuine Kafka")
    return broker


def link_of(scene: Scene, name: str) -> Link:
    """A proxy of the stage. Raises NotReached where there is no network to break."""
    if scene.stage.network is None:
        raise NotReached("the stage has no network of its own")
    return scene.stage.network.links[name]


@dataclass(frozen=True)
class Turned(Fault):
    """The sandbox's knobs are turned for the whole load, and turned back."""

    knobs: Knobs = PATIENT

    async def arm(self, scene: Scene) -> None:
        known = await scene.chattigo("GET", "knobs")
        scene.kept[self] = {group: {name: known[group][name] for name, _ in turned} for group, turned in self.knobs}
        await scene.chattigo("PATCH", "knobs", {group: dict(turned) for group, turned in self.knobs})

    async def strike(self, scene: Scene) -> None:
        """They stay as they are until the load has ended: `heal` comes after all faults."""

    async def heal(self, scene: Scene) -> None:
        if scene.over and (kept := scene.kept.pop(self, None)) is not None:
            await scene.chattigo("PATCH", "knobs", kept)
