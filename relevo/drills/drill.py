"""What a drill is: a name, a load, what goes wrong meanwhile, and what is asked of the end beside a clean audit.

A drill is declared, not programmed: one engine runs them all. What is left to chance is drawn from the seed, by the
names of what is drawn, and every moment is a count, never a time; so a seed repeats a run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from relevo.audit.report import Report

if TYPE_CHECKING:
    from relevo.drills.scene import Scene


class NotReached(Exception):
    """What a drill is about did not happen. The drill has failed: it has shown nothing."""


class Fault:
    """Something that goes wrong. Each step may raise NotReached; `heal` is always called once `arm` was.

    `must` names what has to be marked in the scene by the end (`Scene.mark`): without it the drill has shown nothing.
    """

    @property
    def must(self) -> tuple[str, ...]:
        return ()

    async def arm(self, scene: Scene) -> None:
        """Before the load."""

    async def strike(self, scene: Scene) -> None:
        """While the load runs: returns once it went wrong, and not before what must be seen of it was."""

    async def heal(self, scene: Scene) -> None:
        """After `strike`, the load may still run: all is as it was."""


@dataclass(frozen=True)
class Load:
    """What happens meanwhile: customers write (`messages` of them, `rate` a second), a campaign goes to so many people,
    somebody is given to a human and comes back. `script` are further fields of the sandbox's script of customers."""

    customers: int = 40
    messages: int = 160
    rate: float = 16.0
    campaign: int = 60
    handoff: bool = True
    script: tuple[tuple[str, object], ...] = ()
    within_s: float = 180.0


@dataclass(frozen=True)
class Needs:
    """What the stage is made of. Drills that need the same share one, one after the other.

    `env` is for the services, `profile` the simulated Chattigo's, `broker` are properties of Kafka, `programs` run in
    place of `relevo`, by the name of the service. `network`: all goes through proxies. `disk_bytes`: what Kafka's disk
    holds, if it is a small one. `alone`: the drill has a stage to itself.
    """

    env: tuple[tuple[str, str], ...] = ()
    profile: str = ""
    broker: tuple[tuple[str, str | int], ...] = ()
    programs: tuple[tuple[str, tuple[str, ...]], ...] = ()
    network: bool = False
    disk_bytes: int = 0
    alone: bool = False


@dataclass(frozen=True)
class Seen:
    """What an expectation is told: the audit, what was counted since the drill began, and what was marked."""

    report: Report
    counts: Mapping[str, int]
    marks: frozenset[str]
    drill: Drill


Expectation = Callable[[Seen], Iterable[str]]
"""What else must hold, as a line for each thing that does not."""


@dataclass(frozen=True)
class Drill:
    """One drill. `family` groups drills, `brief` ones run on every change; it is over when nothing is on its way, or
    after `quiet_s`."""

    name: str
    what: str
    faults: tuple[Fault, ...]
    load: Load = Load()
    needs: Needs = Needs()
    expects: tuple[Expectation, ...] = ()
    family: str = ""
    brief: bool = False
    quiet_s: float = 180.0
