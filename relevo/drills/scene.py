"""What a fault sees of a drill that runs, and what it can do: count, wait for a count, arm points, freeze, mark.

Promises: whatever is waited for has a deadline, after which NotReached says what it was. Counts are of this drill
alone, though the stage may have served others before.
"""

from __future__ import annotations

import asyncio
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from relevo.demo.stage import Stage
from relevo.drills.drill import NotReached
from relevo.supervisor import ServiceSpec, Supervisor
from runtime import points
from sandbox.chattigo.dice import Dice
from sandbox.kafka.ports import free_ports

POLL_S = 0.1
WITHIN_S = 120.0


class Scene:
    """One drill on a stage. `number` counts the drills of the stage; `dice` draws from the seed."""

    def __init__(self, stage: Stage, seed: int, number: int = 0) -> None:
        self.stage = stage
        self.seed, self.number = seed, number
        self.dice = Dice(seed)
        self.marks: list[str] = []
        self.kept: dict[object, Any] = {}  # what a fault must put back
        self.over = False  # the load, and every fault
        self.seen: Counter[str] = Counter()
        self._begin: Counter[str] = Counter()
        self._read: dict[str, int] = {}
        self._kills: dict[str, int] = {}

    async def begin(self) -> None:
        """From here on it is counted."""
        self._begin = await self._counts()

    @property
    def supervisor(self) -> Supervisor:
        if self.stage.supervisor is None:
            raise NotReached("the stage is not set")
        return self.stage.supervisor

    def mark(self, what: str) -> None:
        """What must have been reached was."""
        self.marks.append(what)

    # -- counts

    async def _counts(self) -> Counter[str]:
        return Counter((await self.stage.call("GET", "state"))["counts"])

    async def counts(self) -> Counter[str]:
        """Lines of the sandbox's ledger since the drill began, by type: `event`, `webhook`, `call`, `message`, …"""
        now = await self._counts()
        now.subtract(self._begin)
        return now

    async def after(self, kind: str, count: int, within_s: float = WITHIN_S) -> None:
        """Returns as soon as so many lines of a kind were written."""

        async def enough() -> bool:
            return (await self.counts())[kind] >= count

        await self.until(enough, f"{count} lines of type {kind} in Chattigo's ledger", within_s)

    async def until(self, condition: Callable[[], Awaitable[bool]], what: str, within_s: float = WITHIN_S) -> None:
        """Returns once the condition holds; NotReached names `what` it is."""
        deadline = time.monotonic() + within_s
        while not await condition():
            if time.monotonic() > deadline:
                raise NotReached(f"not within {within_s:g} s: {what}")
            await asyncio.sleep(POLL_S)

    # -- services

    def service(self, name: str) -> str:
        """A service of the stage by its name; `agents` stands for the first type of agents. NotReached if there is
        none."""
        found = (one for one in self.stage.services if one == name or (name == "agents" and one.startswith("agents-")))
        if (service := next(found, None)) is None:
            raise NotReached(f"no service {name} on the stage, which has {', '.join(self.stage.services)}")
        return service

    async def ready(self, name: str, within_s: float = WITHIN_S) -> None:
        """Returns when a service is ready."""
        try:
            await self.supervisor.ready(name, within_s)
        except TimeoutError as error:
            raise NotReached(str(error)) from error

    async def again(self, name: str, points_armed: str = "") -> None:
        """End a service and start it again, with test points for this once."""
        self._read[name], self._kills[name] = self._size(name), self.kills(name)
        await self.supervisor.again(name, {points.VARIABLE: points_armed} if points_armed else None)

    async def reached(self, name: str, point: str, action: points.Action, within_s: float = WITHIN_S) -> None:
        """Returns once a service that was started by `again` said that it is at the point."""
        wanted = points.said(point, action).encode()

        async def there() -> bool:
            return wanted in self._said(name)

        await self.until(there, f"{name} at {point}", within_s)
        self._read[name] = self._size(name)

    async def frozen(self, name: str, within_s: float = WITHIN_S) -> int:
        """The pid of a service once it is stopped by SIGSTOP."""

        async def stopped() -> bool:
            return state_of(self.supervisor.pid(name)) == "T"

        await self.until(stopped, f"{name} is frozen", within_s)
        return self.supervisor.pid(name)

    async def died(self, name: str, pid: int, within_s: float = WITHIN_S) -> None:
        """Returns once that process of a service has ended and another one runs."""

        async def another() -> bool:
            return self.supervisor.pid(name) not in (0, pid)

        await self.until(another, f"{name} is started again", within_s)

    def kills(self, name: str) -> int:
        """How many processes of a service were killed by now."""
        return sum(one.name == name and one.code == -signal.SIGKILL for one in self.supervisor.exits)

    async def killed(self, name: str, within_s: float = WITHIN_S) -> None:
        """Returns once a process of a service was killed since `again` started it, and another one runs."""

        async def again() -> bool:
            return self.kills(name) > self._kills.get(name, 0) and self.supervisor.pid(name) != 0

        await self.until(again, f"{name} is killed and started again", within_s)

    def thaw(self, name: str) -> None:
        """SIGCONT, which is nothing to one that runs."""
        self.supervisor.kill(name, signal.SIGCONT)

    async def second(self, name: str, instance: str = "1") -> str:
        """Start another instance of a service beside it, "0" for the same once more; its name."""
        spec = self.stage.services[name]
        port = free_ports(1)[0]
        env = {**spec.env, "RELEVO_SERVICE_ADMIN_PORT": str(port), "RELEVO_SERVICE_INSTANCE": instance}
        heir = ServiceSpec(second_of(name), spec.arguments, env, port, spec.program)
        self.supervisor.start(heir)
        return heir.name

    def _size(self, name: str) -> int:
        log = self.supervisor.log(name)
        return log.stat().st_size if log.exists() else 0

    def _said(self, name: str) -> bytes:
        with self.supervisor.log(name).open("rb") as stream:
            stream.seek(self._read.get(name, 0))
            return stream.read()

    # -- Chattigo

    async def chattigo(self, method: str, path: str, body: Any = None) -> Any:
        """The sandbox's control API."""
        return await self.stage.call(method, path, body)


def second_of(name: str) -> str:
    """What another instance of a service is called."""
    return f"{name}-second"


def state_of(pid: int) -> str:
    """The letter of a process's state, as `T` for stopped; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] if pid else ""
    except OSError:
        return ""
