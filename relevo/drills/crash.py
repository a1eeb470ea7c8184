"""Faults of processes: one is killed (kill -9) or frozen (SIGSTOP, then SIGCONT) at a named point of its way.

A service is started with the point armed (`runtime.points`), and says itself that it is there; so nothing is left to
the clock. One that is frozen stays so for longer than its session, while a second instance takes over what it had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Literal

from relevo.drills.drill import Fault, NotReached
from relevo.drills.scene import WITHIN_S, Scene, second_of, state_of

FROZEN_S = 11.0  # longer than a session of `series.QUICK`, shorter than what a supervisor takes for not live
Kind = Literal["kill", "stop"]


@dataclass(frozen=True)
class AtPoint(Fault):
    """`service` is killed or frozen when it is at `point` for a time that the seed draws from `nth`.

    `late`: the point is on the way of a start, so it is armed while the load runs, `after` so many events of customers.
    `renew` names accounts whose tokens are killed then, so that somebody must log in. `joins`: another instance joins,
    which is a rebalance. `heir`: another instance takes over while this one is frozen.
    """

    service: str
    point: str
    kind: Kind = "kill"
    nth: tuple[int, int] = (1, 1)
    late: bool = False
    after: int = 30
    renew: bool = False
    joins: bool = False
    heir: bool = False

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"{self.service} was {'killed' if self.kind == 'kill' else 'frozen'} at {self.point}"

    async def arm(self, scene: Scene) -> None:
        if not self.late:
            name = scene.service(self.service)
            await scene.again(name, self._armed(scene))
            await scene.ready(name)

    async def strike(self, scene: Scene) -> None:
        name = scene.service(self.service)
        if self.late or self.renew or self.joins:
            await scene.after("event", scene.dice.number((self.after, 2 * self.after), self.service, self.point))
        if self.late:
            await scene.again(name, self._armed(scene))
        if self.renew:
            await expire_all(scene)
        if self.joins:
            await scene.second(name)
        await scene.reached(name, self.point, self.kind)
        if self.kind == "kill":
            await scene.killed(name)
        else:
            await self._sleeps(scene, name)
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        name = scene.service(self.service)
        scene.thaw(name)
        if self._mark not in scene.marks:
            await scene.again(name)  # the point is still armed, and must not meet the next drill
        await scene.ready(name)
        if (heir := second_of(name)) in scene.supervisor.names:
            await scene.supervisor.end(heir)

    def _armed(self, scene: Scene) -> str:
        nth = scene.dice.number(self.nth, self.service, self.point, self.kind)
        return f"{self.point}={self.kind}:{nth}"

    async def _sleeps(self, scene: Scene, name: str) -> None:
        await scene.frozen(name)
        waits: list[Awaitable[None]] = [asyncio.sleep(FROZEN_S)]
        if self.heir and not self.joins:
            waits.append(scene.ready(await scene.second(name), WITHIN_S))
        await asyncio.gather(*waits)
        if state_of(scene.supervisor.pid(name)) != "T":
            raise NotReached(f"{name} did not stay frozen for {FROZEN_S:g} s")
        scene.thaw(name)


async def expire_all(scene: Scene) -> None:
    """Every token of every account is dead."""
    for account in (await scene.chattigo("GET", "state"))["accounts"]:
        await scene.chattigo("POST", "tokens/expire", account)
