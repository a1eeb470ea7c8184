"""`relevo sandbox people`: people of a script write at a rate, and how long they waited is told."""

from __future__ import annotations

import asyncio
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from relevo.cli.console import err, fail, out, say
from relevo.cli.span import parsed

if TYPE_CHECKING:
    from sandbox.people.script import Script
    from sandbox.people.spread import Quantiles
    from sandbox.people.tally import Summary

INTERRUPTED = 130


class Arrivals(StrEnum):
    """How turns lie in time."""

    poisson = "poisson"
    even = "even"


def people(
    script: Annotated[
        Path | None,
        typer.Argument(
            exists=True, dir_okay=False, help="YAML; docs/people.md tells of it. Without: people of all kinds."
        ),
    ] = None,
    rate: Annotated[float | None, typer.Option(help="Turns a second; nobody waits for an answer.")] = None,
    for_: Annotated[str, typer.Option("--for", help="For how long: 90s, 5min.")] = "",
    turns: Annotated[int | None, typer.Option(min=1, help="So many turns, whatever --for says.")] = None,
    count: Annotated[int | None, typer.Option("--people", min=1, help="How many people at a time.")] = None,
    arrivals: Annotated[Arrivals | None, typer.Option(help="By chance in time, or at equal distances.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of all chance: the same seed plays the same.")] = None,
    patience: Annotated[float | None, typer.Option(help="Seconds that a person waits for an answer.")] = None,
    did: Annotated[list[str] | None, typer.Option(help="A line; several times for several. Without: all.")] = None,
    url: Annotated[str, typer.Option(help="Where the simulated Chattigo listens.")] = "http://127.0.0.1:8090",
    as_json: Annotated[bool, typer.Option("--json", help="The summary as one JSON object, on the last line.")] = False,
) -> None:
    """People write at a rate, whatever is answered; says how many got an answer, and after how long.

    Exit code 1 if nobody was answered.
    """
    # Imported here: the other commands start faster without the simulator.
    import msgspec

    from sandbox.control import SandboxError

    given: dict[str, Any] = {"rate": rate, "turns": turns, "people": count, "seed": seed, "patience_s": patience}
    given |= {"arrivals": arrivals and arrivals.value, "lines": did or None}
    try:
        wanted = read(script, for_, given)
        summary = asyncio.run(_drive(url, wanted))
    except KeyboardInterrupt:
        fail("they stopped writing", INTERRUPTED)
    except SandboxError as failed:
        fail(f"{failed}: relevo sandbox chattigo")
    except (msgspec.MsgspecError, ValueError) as wrong:
        fail(f"{script or 'the script'}: {wrong}")
    _show(wanted, summary, as_json=as_json)
    if summary.stopped:
        fail(f"it ended before its end: {summary.stopped}")
    if not summary.answered:
        fail("nobody was answered; does each line have its webhook? relevo sandbox webhook ADDRESS")


def read(file: Path | None, length: str, given: dict[str, Any]) -> Script:
    """The script with what was said on the command line in place of its own. Raises ValueError or MsgspecError."""
    from sandbox.people.script import load, standard

    changes = {name: value for name, value in given.items() if value is not None}
    if length:
        changes = {"turns": 0, **changes, "for_s": parsed(length) / 1000}
    return standard(**changes) if file is None else load(file, **changes)


async def _drive(url: str, script: Script) -> Summary:
    from sandbox.people.driving import Driver

    length = f"{script.turns} turns" if script.turns else f"{script.for_s:g} s"
    err.print(f"{script.people} people write: {script.rate:g} turns a second, {length}", markup=False)
    async with Driver(url) as driver:
        return await driver.run(script)


def _show(script: Script, summary: Summary, *, as_json: bool) -> None:
    import msgspec

    if as_json:
        sys.stdout.write(msgspec.json.encode(summary).decode() + "\n")
        sys.stdout.flush()
        return
    for line in lines(script, summary):
        say(line)
    table = Table("turns", *(("said", "answered", "in vain")))
    for name, kind in sorted(summary.by_kind.items(), key=lambda pair: -pair[1].said):
        table.add_row(name, str(kind.said), str(kind.answered), str(kind.silent))
    out.print(table)


def lines(script: Script, summary: Summary) -> list[str]:
    """What a person reads of a summary."""
    found = [
        f"said: {summary.said} turns in {summary.messages} messages by {summary.people} people",
        f"rate: {summary.rate:g} turns a second of {script.rate:g}, in {summary.seconds:g} s",
        f"late: the generator itself by {spread(summary.late_s)}; {summary.late} turns by more than 0.1 s",
        f"answered: {summary.answered} turns" + (f", after {spread(summary.latency_s)}" if summary.answered else ""),
        f"in vain: {summary.silent} turns waited for {script.patience_s:g} s; {summary.uncalled} call for no answer",
    ]
    if summary.overtaken:
        found.append(f"{summary.overtaken} turns came before the one before them had its answer: see docs/people.md")
    if summary.unheard:
        found.append(f"never heard anything: {summary.unheard} people, as {', '.join(summary.unheard_some[:3])}")
    return found


def spread(times: Quantiles) -> str:
    """Quantiles in words, in seconds."""
    return f"p50 {times.p50:.3f} s, p90 {times.p90:.3f} s, p99 {times.p99:.3f} s, at most {times.most:.3f} s"
