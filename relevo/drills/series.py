"""Many drills: those that need the same share a stage, one after the other, until one of them fails; stages may stand
side by side.

Promises: a violation is told once, for what failed ends its stage; a stage that passed leaves nothing behind, one that
failed a folder with the evidence.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaException

from relevo.audit.report import Report
from relevo.demo import scenario
from relevo.demo.network import Network
from relevo.demo.stage import AGENTS, Stage, StageError
from relevo.drills import evidence
from relevo.drills.drill import Drill, Needs
from relevo.drills.run import Played, play
from relevo.drills.verdict import Verdict
from relevo.supervisor import Exit
from runtime import clock
from sandbox.kafka import BrokerFailed, KafkaUnavailable, NoSmallDisk

# Whoever is killed or frozen is missed within seconds, so that a drill takes half a minute.
QUICK = {
    "RELEVO_EGRESS_SESSION_TIMEOUT_S": "8",
    "RELEVO_EGRESS_TRANSACTION_TIMEOUT_S": "10",
    "RELEVO_EGRESS_POST_TIMEOUT_BATCH_S": "8",
    "RELEVO_EGRESS_POST_TIMEOUT_REPLY_S": "6",
    "RELEVO_EGRESS_DOUBT_GRACE_S": "2",
    "RELEVO_EGRESS_REBALANCE_TIMEOUT_S": "14",
    "RELEVO_EGRESS_DOUBT_SHORTEST_S": "16",
    "RELEVO_PROCESSOR_SESSION_TIMEOUT_S": "8",
    "RELEVO_PROCESSOR_TRANSACTION_TIMEOUT_S": "10",
    "RELEVO_PROCESSOR_AGENT_TIMEOUT_S": "4",
    "RELEVO_PROCESSOR_DRAIN_S": "10",
    "RELEVO_PROCESSOR_REBALANCE_TIMEOUT_S": "14",
    "RELEVO_LEASE_SESSION_TIMEOUT_S": "8",
    "RELEVO_LEASE_TRANSACTION_TIMEOUT_S": "10",
    "RELEVO_LEASE_LOGIN_TIMEOUT_S": "5",
    "RELEVO_LEASE_REBALANCE_TIMEOUT_S": "14",
}
CLOCK = "clock"  # a file of the stage's: by so many seconds the services' clocks are wrong
# A stage's ledger and topics grow, and each audit reads all of them.
SHARED_BY = 12
CANNOT_BE_SET = (StageError, BrokerFailed, KafkaUnavailable, NoSmallDisk, KafkaException, OSError)


class Troupe(NamedTuple):
    """Whose tenants and agents are played with."""

    tenants: Sequence[scenario.DemoTenant] = scenario.TENANTS
    agents: Sequence[str] = AGENTS
    tenant_file: Callable[[scenario.DemoTenant, str], str] = scenario.tenant_file
    templates: Mapping[str, int] = scenario.TEMPLATES
    handoff: bool = True  # their bot gives a person to a human on the word `humano`


class Turn(NamedTuple):
    """A drill and its seed."""

    drill: Drill
    seed: int


def plan(drills: Sequence[Drill], seeds: Sequence[int]) -> list[list[Turn]]:
    """What is played on one stage, and in which order: those of a seed that need the same, as they were given."""
    turns = [Turn(drill, seed) for seed in seeds for drill in drills]
    order: dict[tuple[int, Needs], int] = {}
    for turn in turns:
        order.setdefault(_key(turn), len(order))
    turns.sort(key=lambda turn: order[_key(turn)])
    return [part for (_, needs), group in groupby(turns, _key) for part in _parts(needs, group)]


def _key(turn: Turn) -> tuple[int, Needs]:
    return turn.seed, turn.drill.needs


def _parts(needs: Needs, turns: Iterator[Turn]) -> Iterator[list[Turn]]:
    size, found = 1 if needs.alone else SHARED_BY, list(turns)
    return (found[start : start + size] for start in range(0, len(found), size))


class Series:
    """Plays turns; `folder` is where stages go, `say` hears of progress."""

    def __init__(
        self,
        folder: Path | None = None,
        troupe: Troupe = Troupe(),  # noqa: B008  immutable
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="relevo-drill-")) if folder is None else folder
        self._troupe, self._say = troupe, say
        self._stages = 0

    async def run(self, drills: Sequence[Drill], seeds: Sequence[int], jobs: int = 1) -> AsyncIterator[Verdict]:
        """The verdicts, as they come, of as many stages side by side as there are `jobs`."""
        parts, found = iter(plan(drills, seeds)), asyncio.Queue[Verdict | None]()
        lanes = [asyncio.create_task(self._lane(parts, found), name=f"drills {number}") for number in range(jobs)]
        try:
            for _ in lanes:
                while (verdict := await found.get()) is not None:
                    yield verdict
            await asyncio.gather(*lanes)
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if self._folder.exists() and not any(self._folder.iterdir()):
            self._folder.rmdir()

    async def _lane(self, parts: Iterator[list[Turn]], found: asyncio.Queue[Verdict | None]) -> None:
        """Stages one after the other, while there are any; says None at its end, whatever ended it."""
        try:
            for part in parts:
                left = part
                while left:
                    async for verdict in self._on_a_stage(left):
                        left = left[1:]
                        found.put_nowait(verdict)
        finally:
            found.put_nowait(None)

    async def _on_a_stage(self, turns: Sequence[Turn]) -> AsyncIterator[Verdict]:
        """Up to and with the first that fails."""
        self._stages += 1
        folder, failed = self._folder / f"stage-{self._stages}", False
        try:
            async with AsyncExitStack() as stack:
                stage = await stack.enter_async_context(self._stage(folder, turns[0]))
                before: Report | None = None
                for number, turn in enumerate(turns):
                    self._say(f"{turn.drill.name}, seed {turn.seed}: {turn.drill.what}")
                    played = await play(stage, self._fitted(turn.drill), turn.seed, number, before)
                    if failed := not played.verdict.passed:
                        yield await self._kept(stage, played)
                        break
                    before = played.report
                    yield played.verdict
        except CANNOT_BE_SET as error:
            failed = True
            yield self._unset(turns[0], error, folder)
        finally:
            self._tidy(folder, failed=failed)

    def _stage(self, folder: Path, turn: Turn) -> Stage:
        needs, troupe = turn.drill.needs, self._troupe
        return Stage(
            folder,
            troupe.tenants,
            seed=turn.seed,
            profile=needs.profile,
            say=self._say,
            on_exit=lambda ended: self._say(_told(ended)),
            env=QUICK | {clock.VARIABLE: str(folder / CLOCK)} | dict(needs.env),
            agents=troupe.agents,
            tenant_file=troupe.tenant_file,
            programs=dict(needs.programs),
            broker=dict(needs.broker),
            network=Network() if needs.network else None,
            disk_bytes=needs.disk_bytes,
            templates=troupe.templates,
        )

    def _fitted(self, drill: Drill) -> Drill:
        """The drill as these agents can play it."""
        return drill if self._troupe.handoff else replace(drill, load=replace(drill.load, handoff=False))

    async def _kept(self, stage: Stage, played: Played) -> Verdict:
        kept = played._replace(verdict=_with_folder(played.verdict, stage.folder))
        await asyncio.to_thread(evidence.keep, stage, kept)
        return kept.verdict

    def _unset(self, turn: Turn, error: Exception, folder: Path) -> Verdict:
        return Verdict(
            drill=turn.drill.name,
            verdict="fail",
            counts={},
            violations=[f"the stage could not be set: {error}"],
            seed=turn.seed,
            folder=str(folder),
        )

    def _tidy(self, folder: Path, *, failed: bool) -> None:
        if failed:
            evidence.drop_broker(folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def _told(ended: Exit) -> str:
    why = f" ({ended.why})" if ended.why else ""
    return f"{ended.name} ended with {ended.code}{why}; it is started again"


def _with_folder(verdict: Verdict, folder: Path) -> Verdict:
    return msgspec.structs.replace(verdict, folder=str(folder))
