"""Faults of the network between services and Kafka, between egress and Chattigo, and on the way to the webhooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec

from relevo.drills.drill import Fault, NotReached
from relevo.drills.outside.steps import BEGIN, begun, for_a_while, link_of
from relevo.drills.scene import Scene
from sandbox.proxy.link import Link
from sandbox.proxy.traps import Then, Trap
from sandbox.proxy.weather import Counts, Weather


@dataclass(frozen=True)
class Storm(Fault):
    """A link has bad weather for `lasts_s`, connections that stand are cut at its beginning (`cut`) or not."""

    link: str
    what: str
    weather: tuple[tuple[str, object], ...]
    cut: Literal["", "reset", "close"] = ""
    lasts_s: float = 8.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"the way to {self.link} was {self.what} for {self.lasts_s:g} s"

    async def strike(self, scene: Scene) -> None:
        link = link_of(scene, self.link)
        await begun(scene, f"{self.link} {self.what}")
        before = msgspec.structs.replace(link.counts)
        await link.turn(**dict(self.weather))
        if self.cut and not link.cut(self.cut):
            raise NotReached(f"there was no connection to {self.link} to cut")
        await for_a_while(scene, self.lasts_s, f"while the way to {self.link} was {self.what}")
        if not felt(link.weather, before, link.counts):
            raise NotReached(f"nothing felt that the way to {self.link} was {self.what}")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        await _clear(link_of(scene, self.link))


@dataclass(frozen=True)
class Trapped(Fault):
    """At some requests that hold these words, or of this Kafka number, connections end: before they left, or before
    their answers came. The first is drawn from `nth`."""

    link: str
    what: str
    words: str = ""
    kafka: int | None = None
    at: Literal["request", "answer"] = "answer"
    then: Then = "reset"
    nth: tuple[int, int] = (2, 6)
    count: int = 3
    begin: tuple[int, int] = BEGIN

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"{self.count} times {self.what}"

    async def strike(self, scene: Scene) -> None:
        link = link_of(scene, self.link)
        await scene.after("event", scene.dice.number(self.begin, "begin", self.what))
        nth = scene.dice.number(self.nth, "nth", self.what)
        link.arm(Trap(words=self.words, kafka=self.kafka, at=self.at, then=self.then, nth=nth, count=self.count))
        armed = link.traps[-1]

        async def sprung() -> bool:
            return armed.hits >= self.count

        await scene.until(sprung, self._mark)
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        link_of(scene, self.link).disarm()


def felt(weather: Weather, before: Counts, now: Counts) -> bool:
    """Whether somebody met the weather: something was held back or swallowed, or connections were cut and nobody
    listened."""
    slowed = now.late > before.late
    up, down = now.swallowed_up > before.swallowed_up, now.swallowed_down > before.swallowed_down
    shut = now.cut > before.cut and now.accepted == before.accepted
    lost = {"": False, "up": up, "down": down, "both": up or down}[weather.swallow]
    return slowed or lost or (weather.refuse and shut)


async def _clear(link: Link) -> None:
    """Fair weather. What was half open stays so for who is in it: it is cut, as a router that comes back would."""
    deaf = bool(link.weather.swallow)
    await link.turn(latency_s=0.0, bytes_per_s=0, swallow="", refuse=False)
    if deaf:
        link.cut("reset")
