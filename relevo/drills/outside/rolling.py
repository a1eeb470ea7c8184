"""A rolling restart: every service is ended as its host would and started again, one after the other, under load."""

from __future__ import annotations

from dataclasses import dataclass

from relevo.drills.drill import Fault, NotReached
from relevo.drills.outside.steps import begun
from relevo.drills.scene import Scene


@dataclass(frozen=True)
class RollingRestart(Fault):
    """All that the supervisor keeps running; the next one only when the one before is ready again. Customers must have
    written while `least` of them were away."""

    least: int = 3

    @property
    def must(self) -> tuple[str, ...]:
        return (f"every service was restarted in its turn, {self.least} at least while customers wrote",)

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "rolling", (10, 20))
        under_load = 0
        for name in list(scene.supervisor.names):
            before, pid = (await scene.counts())["event"], scene.supervisor.pid(name)
            await scene.again(name)
            await scene.died(name, pid)
            await scene.ready(name)
            under_load += (await scene.counts())["event"] > before
        if under_load < self.least:
            raise NotReached(f"customers wrote while {under_load} services were restarted: the load was over too early")
        scene.mark(self.must[0])
