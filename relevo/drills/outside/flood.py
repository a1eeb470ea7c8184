"""A tenant that floods: so many more messages than usual on its lines, while another's persons are answered.

How long a person waits is read from the sandbox's ledger: from the message to the answer to that person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from relevo.drills.drill import Fault, NotReached
from relevo.drills.scene import Scene

_PAGE = 5000
_PART = 0.9


class Wait(NamedTuple):
    """A customer's: the ledger's line of the message, and how long until the answer."""

    at: int
    seconds: float


@dataclass(frozen=True)
class TenantFloods(Fault):
    """The first tenant's customers write `messages`, `rate` a second, behind the load's first `quiet` messages.

    Nine of ten of the others' persons must then be answered within `times` as long as before, or within `least_s`, or,
    where the machine is too busy for all, within `share` of what nine of ten of the flooding tenant's own wait.
    """

    messages: int = 1200
    rate: float = 240.0
    quiet: int = 60
    times: float = 8.0
    least_s: float = 3.0
    share: float = 0.5

    @property
    def must(self) -> tuple[str, ...]:
        return ("others were answered in time while a tenant flooded",)

    async def strike(self, scene: Scene) -> None:
        first = await _now(scene)
        await scene.after("event", self.quiet)
        begin = await _now(scene)
        flooding = [line.did for line in scene.stage.tenants[0].lines]
        script = {"dids": flooding, "customers": 300, "messages": self.messages, "rate": self.rate, "types": []}
        run = (await scene.chattigo("POST", "customers/run", script | {"seed": scene.seed + 1000}))["run"]

        async def said() -> bool:
            return bool((await scene.chattigo("GET", f"customers/run/{run}"))["done"])

        await scene.until(said, "the flood is over")
        end = await _now(scene)

        async def answered() -> bool:
            return (await scene.counts())["message"] >= (await scene.counts())["event"] // 2

        await scene.until(answered, "half of the flood is answered")
        self._judge(scene, *await _waits(scene, set(flooding), first), begin, end)

    def _judge(self, scene: Scene, others: list[Wait], own: list[Wait], begin: int, end: int) -> None:
        before, during = (
            [wait.seconds for wait in others if lo <= wait.at < hi] for lo, hi in ((0, begin), (begin, end))
        )
        if len(before) < 5 or len(during) < 5:
            raise NotReached(f"too few others were answered to tell: {len(before)} before, {len(during)} meanwhile")
        usual, flooded = _most(before), _most(during)
        theirs = _most([wait.seconds for wait in own if begin <= wait.at < end] or [0.0])
        told = (
            f"nine of ten others waited {flooded:.2f} s while a tenant flooded ({theirs:.2f} s), {usual:.2f} s before"
        )
        if flooded > max(self.least_s, self.times * usual, self.share * theirs):
            raise NotReached(told)
        scene.mark(told)
        scene.mark(self.must[0])


def _most(waits: list[float]) -> float:
    return sorted(waits)[int(len(waits) * _PART)]


async def _now(scene: Scene) -> int:
    """The number of the ledger's last line."""
    return int((await scene.chattigo("GET", "state"))["entries"])


async def _waits(scene: Scene, flooding: set[str], since: int) -> tuple[list[Wait], list[Wait]]:
    """From each customer's message behind line `since` to the next answer: on other lines, and on those flooded."""
    asked: dict[tuple[str, str], tuple[int, int]] = {}
    others, own = list[Wait](), list[Wait]()
    while True:
        page: dict[str, Any] = await scene.chattigo("GET", f"ledger?since={since}&limit={_PAGE}&type=event,message")
        for entry in page["entries"]:
            where = entry["did"], entry["contact"]
            if entry["type"] == "event" and entry["origin"] == "customer":
                asked.setdefault(where, (entry["seq"], entry["at_ms"]))
            elif entry["type"] == "message" and (first := asked.pop(where, None)) is not None:
                (own if entry["did"] in flooding else others).append(Wait(first[0], (entry["at_ms"] - first[1]) / 1000))
        if page["next"] == since:
            return others, own
        since = page["next"]
