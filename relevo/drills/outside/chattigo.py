"""Faults of Chattigo: it answers calls with errors, kills tokens as fast as they are made, or is not there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from relevo.demo.network import CHATTIGO
from relevo.drills.crash import expire_all
from relevo.drills.drill import Fault, NotReached, Seen
from relevo.drills.outside.steps import begun, for_a_while, link_of
from relevo.drills.scene import Scene

_CALLS = 8  # between two deaths


@dataclass(frozen=True)
class Refusals(Fault):
    """`count` calls of each of these routes are answered with a status, and not taken."""

    status: int
    routes: tuple[tuple[str, int], ...]
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def must(self) -> tuple[str, ...]:
        return tuple(self._mark(*one) for one in self.routes)

    def _mark(self, route: str, count: int) -> str:
        return f"{count} calls of {route} were answered {self.status}"

    def _name(self, scene: Scene, route: str) -> str:
        return f"drill {scene.number}: {self.status} of {route}"

    async def arm(self, scene: Scene) -> None:
        how = {"status": self.status, "headers": dict(self.headers)}
        faults = [
            {"name": self._name(scene, route), "route": route, "count": count, **how} for route, count in self.routes
        ]
        await scene.chattigo("POST", "faults", faults)

    async def strike(self, scene: Scene) -> None:
        for route, count in self.routes:

            async def hit(route: str = route, count: int = count) -> bool:
                armed = (await scene.chattigo("GET", "faults"))["faults"]
                return any(one["fault"]["name"] == self._name(scene, route) and one["hits"] >= count for one in armed)

            await scene.until(hit, self._mark(route, count))
            scene.mark(self._mark(route, count))

    async def heal(self, scene: Scene) -> None:
        if not set(self.must) <= set(scene.marks):
            await scene.chattigo("DELETE", "faults")


@dataclass(frozen=True)
class TokensDie(Fault):
    """All tokens of all accounts die, `times` in a row, and calls meet that."""

    times: int = 5

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"all tokens died {self.times} times, and somebody logged in again"

    async def strike(self, scene: Scene) -> None:
        await begun(scene, "tokens")
        before = (await scene.counts())["login"]
        for _ in range(self.times):
            await scene.after("call", (await scene.counts())["call"] + _CALLS)
            await expire_all(scene)

        async def again() -> bool:
            return (await scene.counts())["login"] > before

        await scene.until(again, "a login after tokens died")
        scene.mark(self._mark)


@dataclass(frozen=True)
class Down(Fault):
    """Nobody listens where Chattigo was, and its connections are cut. Needs a network."""

    lasts_s: float = 25.0

    @property
    def must(self) -> tuple[str, ...]:
        return (self._mark,)

    @property
    def _mark(self) -> str:
        return f"Chattigo was not there for {self.lasts_s:g} s"

    async def strike(self, scene: Scene) -> None:
        link = link_of(scene, CHATTIGO)
        await begun(scene, "down")
        await link.turn(refuse=True)
        link.cut("reset")
        calls = link.counts.accepted
        await for_a_while(scene, self.lasts_s, "while Chattigo was down")
        if link.counts.accepted != calls:
            raise NotReached("somebody reached Chattigo while it was down")
        scene.mark(self._mark)

    async def heal(self, scene: Scene) -> None:
        await link_of(scene, CHATTIGO).turn(refuse=False)


def few_logins(most: int) -> _Few:
    """At most so many logins, whatever was refused."""
    return _Few(most)


@dataclass(frozen=True)
class _Few:
    most: int

    def __call__(self, seen: Seen) -> Iterable[str]:
        if (count := seen.counts.get("login", 0)) > self.most:
            yield f"{count} logins: more than {self.most}, which is a storm"
