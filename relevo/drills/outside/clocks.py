"""Faults of clocks: the wall clock of every service jumps, stays wrong for a while, and jumps back.

The clocks of Kafka, of its clients and of the simulated Chattigo stay right: the services are off against the world.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from relevo.audit.scan import scan
from relevo.demo.stage import Stage
from relevo.drills.drill import Fault
from relevo.drills.outside.steps import begun, for_a_while
from relevo.drills.scene import Scene

FILE = "clock"
TOPICS = ("inbound.conversations", "outbound.replies", "outcomes")
_NEAR_S = 600.0


@dataclass(frozen=True)
class ClockJumps(Fault):
    """By `seconds`, for `lasts_s`; records of webhooks, agents and egress say the wrong time meanwhile."""

    seconds: int
    lasts_s: float = 8.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"records of {', '.join(TOPICS)} were {abs(self.seconds)} s {'ahead' if self.seconds > 0 else 'behind'}"

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "clock")
        _file(scene.stage).write_text(str(self.seconds))
        await for_a_while(scene, self.lasts_s, "while the clocks were wrong")

        async def seen() -> bool:
            return await asyncio.to_thread(_wrong_by, scene.stage, self.seconds) == set(TOPICS)

        await scene.until(seen, self._mark)
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        _file(scene.stage).write_text("0")


def _file(stage: Stage) -> Path:
    return stage.folder / FILE


def _wrong_by(stage: Stage, seconds: int) -> set[str]:
    """Which topics have a record whose header `at` is off by so much against the broker's or producer's own time."""
    found = set()
    for message in scan(stage.kafka, TOPICS):
        said = dict(message.headers() or []).get("at")
        if not isinstance(said, bytes) or not said.isdigit():
            continue
        off_s = (int(said) - message.timestamp()[1]) / 1000
        if abs(off_s - seconds) < _NEAR_S:
            found.add(message.topic())
    return {topic for topic in found if topic is not None}
