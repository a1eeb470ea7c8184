"""One drill, played on a stage that is set: arm, load and strike side by side, heal, wait for quiet, audit, judge.

Promises: a fault is healed whatever happened; nothing that goes wrong on the way, be it the drill itself, makes a
verdict that passes.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import NamedTuple

from confluent_kafka import KafkaException

from relevo.audit.bounded import Question, audit
from relevo.audit.report import Report
from relevo.demo.stage import Stage
from relevo.drills import loads
from relevo.drills.drill import Drill, Fault, NotReached, Seen
from relevo.drills.scene import Scene
from relevo.drills.unheard import unheard, waiting
from relevo.drills.verdict import Verdict, counted, judge
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed

HEAL_S = 150.0
_POLL_S = 0.3
_PASSING = (OffsetsUnavailable, ReadFailed, KafkaException)


class Played(NamedTuple):
    """A verdict, the audit behind it, and a traceback where the drill itself broke."""

    verdict: Verdict
    report: Report | None
    trace: str = ""


async def play(stage: Stage, drill: Drill, seed: int, number: int = 0, before: Report | None = None) -> Played:
    """One drill on the stage, of whose earlier drills `before` is the last audit."""
    began, scene = time.monotonic(), Scene(stage, seed, number)
    report: Report | None = None
    trace = ""
    counts: Counter[str] = Counter()
    try:
        await scene.begin()
        problems = await _happens(scene, drill)
        report = await quiet(stage, drill.quiet_s)
        counts = await scene.counts()
        violations = judge(Seen(report, counts, frozenset(scene.marks), drill), problems)
    except Exception as error:  # noqa: BLE001  a drill that broke has failed, and its trace is kept
        violations, trace = [f"the drill broke: {error!r}"], traceback.format_exc()
    told = counted(report, before) if report is not None else {}
    verdict = Verdict(
        drill=drill.name,
        verdict="fail" if violations else "pass",
        counts=told | {f"ledger_{kind}": count for kind, count in sorted(counts.items()) if count},
        violations=violations,
        seed=seed,
        seconds=round(time.monotonic() - began, 1),
        reached=scene.marks,
    )
    return Played(verdict, report, trace)


async def _happens(scene: Scene, drill: Drill) -> list[str]:
    """Everything up to where all is healed; what went wrong that should not have."""
    problems: list[str] = []
    try:
        problems += await _tried([fault.arm(scene) for fault in drill.faults])
        if not problems:
            struck = [_struck(scene, fault) for fault in drill.faults]
            problems += await _tried([loads.play(scene, drill), *struck])
    finally:
        scene.over = True
        problems += await _tried([asyncio.wait_for(fault.heal(scene), HEAL_S) for fault in drill.faults])
    return problems


async def _struck(scene: Scene, fault: Fault) -> None:
    """A fault is healed as soon as it struck: the load goes on behind it."""
    await fault.strike(scene)
    await asyncio.wait_for(fault.heal(scene), HEAL_S)


async def _tried(steps: Sequence[Awaitable[None]]) -> list[str]:
    """All of them, side by side, to their end; a line for each that failed."""
    ended = await asyncio.gather(*steps, return_exceptions=True)
    problems = []
    for error in ended:
        if isinstance(error, NotReached):
            problems.append(f"not reached: {error}")
        elif isinstance(error, Exception):
            problems.append(f"the drill broke: {error!r}")
        elif error is not None:
            raise error
    return problems


async def quiet(stage: Stage, within_s: float) -> Report:
    """The audit once nothing is owed or on its way, or after `within_s`, then with what is still pending."""
    deadline = time.monotonic() + within_s
    while True:
        late = time.monotonic() > deadline
        owed = int((await stage.call("GET", "state"))["pending"])
        if not owed or late:
            report = await _audited(stage, deadline)
            if report is not None and report.quiet:
                # Ledger and topics were read one after the other: now that nothing moves they can be read as one.
                report = await _audited(stage, deadline)
            if report is not None and (report.quiet or late):
                return report
        await asyncio.sleep(_POLL_S)


async def _audited(stage: Stage, deadline: float) -> Report | None:
    """The audit as of now; None while Kafka does not answer, which raises once it is late."""
    try:
        return await asyncio.to_thread(look, stage)
    except _PASSING:
        if time.monotonic() > deadline:
            raise
        return None


def look(stage: Stage) -> Report:
    """The audit as of now, with the ledger and the services' logs; what no agent has come to is pending. Blocks."""
    report = audit(stage.kafka, Question(stage.agents, ledger=stage.ledger, logs=logs_of(stage)))
    return waiting(report, unheard(stage.kafka, stage.agents)) if report.quiet else report


def logs_of(stage: Stage) -> tuple[Path, ...]:
    """What the services wrote."""
    return tuple(sorted((stage.folder / "logs").glob("*.log")))
