"""Faults of Kafka: its only broker stops, freezes, is killed in open transactions, or has a disk that is full.

One broker stands for the cluster at its worst: all of it is gone at once. A lone broker that ends between the prepare
and the completion of a commit may forget markers (docs/engine.md), which is Kafka's own; so before it is stopped or
killed no commit is let through to it any more.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from relevo.demo.network import KAFKA
from relevo.drills.drill import Fault, NotReached
from relevo.drills.outside.steps import begun, broker_of, for_a_while, link_of
from relevo.drills.scene import Scene
from sandbox.proxy.traps import Trap

END_TXN = 26
_ENDS_S = 30.0
_FULL = "all log dirs"


@dataclass(frozen=True)
class BrokerStops(Fault):
    """It ends in order, and is away for `away_s`. Needs a network."""

    away_s: float = 10.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"the broker was away for {self.away_s:g} s, while customers wrote"

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "stop")
        await _no_commit_under_way(scene)
        await asyncio.to_thread(broker_of(scene).stop)
        await for_a_while(scene, self.away_s, "while the broker was away")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        await _started(scene)


@dataclass(frozen=True)
class BrokerFreezes(Fault):
    """Its connections stand, and nothing answers for `frozen_s`: SIGSTOP and SIGCONT."""

    frozen_s: float = 12.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"the broker was frozen for {self.frozen_s:g} s, while customers wrote"

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "freeze")
        broker_of(scene).pause()
        await for_a_while(scene, self.frozen_s, "while the broker was frozen")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        broker_of(scene).resume()


@dataclass(frozen=True)
class BrokerKilled(Fault):
    """`kill -9` while transactions are open, and started again after `away_s`. Needs a network."""

    away_s: float = 3.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return "the broker was killed with transactions open"

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "kill")
        await _no_commit_under_way(scene)
        await asyncio.to_thread(broker_of(scene).kill)
        await for_a_while(scene, self.away_s, "while the broker was dead")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        await _started(scene)


@dataclass(frozen=True)
class DiskFull(Fault):
    """Its disk is full until the broker has ended by that and `full_s` more, then there is room again. Needs
    `disk_bytes`."""

    full_s: float = 5.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return "the broker ended because its disk was full"

    async def strike(self, scene: Scene) -> None:
        broker = broker_of(scene)
        if broker.disk is None:
            raise NotReached("the broker has no small disk")
        await begun(scene, "full")
        await asyncio.to_thread(broker.disk.fill)
        deadline = time.monotonic() + _ENDS_S
        while broker.running:
            if time.monotonic() > deadline:
                raise NotReached("the broker runs on with a disk that is full")
            await asyncio.sleep(0.1)
        if _FULL not in broker.log.read_text(errors="replace"):
            raise NotReached(f"the broker ended, and not of its disk; see {broker.log}")
        await for_a_while(scene, self.full_s, "while Kafka's disk was full")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        broker = broker_of(scene)
        if broker.disk is not None and broker.disk.mounted:
            await asyncio.to_thread(broker.disk.clear)
        await asyncio.to_thread(broker.start)


async def _no_commit_under_way(scene: Scene) -> None:
    """From now on commits are swallowed on their way to the broker; those let through before have ended."""
    link = link_of(scene, KAFKA)
    link.arm(Trap(kafka=END_TXN, at="request", then="swallow", count=1000))

    async def held() -> bool:
        return link.traps[-1].hits > 0

    await scene.until(held, "a transaction that wants to be committed")
    await asyncio.sleep(1.0)


async def _started(scene: Scene) -> None:
    """The broker comes back, and commits reach it again."""
    link = link_of(scene, KAFKA)
    link.disarm()
    link.cut("reset")
    await asyncio.to_thread(broker_of(scene).start)
