"""Chattigo takes calls and does not answer in time: what nobody can tell from a call that was never made."""

from __future__ import annotations

from dataclasses import dataclass

from relevo.drills.drill import Fault
from relevo.drills.scene import Scene


@dataclass(frozen=True)
class NoAnswer(Fault):
    """From a call of the route on, which the seed draws from `nth`, `count` are taken, and answered after `late_s`."""

    route: str
    nth: tuple[int, int] = (1, 1)
    count: int = 1
    late_s: float = 12.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"{self.count} calls of {self.route} were taken and not answered"

    async def arm(self, scene: Scene) -> None:
        nth = scene.dice.number(self.nth, "no answer", self.route)
        when = {"name": self._name(scene), "route": self.route, "nth": nth, "count": self.count}
        await scene.chattigo("POST", "faults", when | {"delay_after_s": self.late_s})

    async def strike(self, scene: Scene) -> None:
        async def hit() -> bool:
            armed = (await scene.chattigo("GET", "faults"))["faults"]
            return any(one["fault"]["name"] == self._name(scene) and one["hits"] >= self.count for one in armed)

        await scene.until(hit, self._mark)
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        """What was hit is used up. What was not must not meet another drill."""
        if self._mark not in scene.marks:
            await scene.chattigo("DELETE", "faults")

    def _name(self, scene: Scene) -> str:
        return f"{self._mark}, drill {scene.number}"
