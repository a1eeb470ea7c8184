"""`relevo drill`: breaks something on purpose while everything runs, and proves that no promise broke."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from relevo.cli.console import err, fail, out, say
from relevo.drills import own
from relevo.drills.catalogue import drills
from relevo.drills.drill import Drill
from relevo.drills.series import Series, Troupe
from relevo.drills.verdict import Verdict, line

SHOWN = 10


def drill(
    names: Annotated[list[str] | None, typer.Argument(help="Which drills; `--list` has them.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Print all drills and what each does.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Every drill.")] = False,
    brief: Annotated[bool, typer.Option("--brief", help="Those that run on every change.")] = False,
    family: Annotated[str, typer.Option(help="Those of a family, as `--list` shows it.")] = "",
    seed: Annotated[int, typer.Option(help="Of the load and of the moment of the fault.")] = 1,
    seeds: Annotated[str, typer.Option(help="Several, separated by commas: each drill runs once for each.")] = "",
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="How many stages stand side by side.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON for each verdict.")] = False,
    config: Annotated[
        list[Path] | None,
        typer.Option(exists=True, dir_okay=False, help="A tenant's file, to play with your own. May be repeated."),
    ] = None,
    agent: Annotated[
        list[str] | None, typer.Option(help="Where agents of a type are: `type=module:function`. May be repeated.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where data, logs and the ledger go; a new one if not given.")
    ] = None,
) -> None:
    """Start everything, break something at a named point, recover, audit. Exit code 0 only if every drill passes."""
    known = drills()
    if listed:
        _list(list(known.values()), as_json=as_json)
        return
    chosen = _chosen(known, names or [], family, every=every, brief=brief)
    if agent and not config:
        fail("--agent goes with --config: which tenants are theirs?", 2)
    players = own.troupe(config, agent or []) if config else Troupe()
    if folder is not None and folder.exists() and any(folder.iterdir()):
        fail(f"{folder} holds an earlier run; give another --folder", 2)
    series = Series(folder, players, _teller(as_json))
    asyncio.run(_run(series.run(chosen, _seeds(seed, seeds), jobs), as_json=as_json))


def _list(found: Sequence[Drill], *, as_json: bool) -> None:
    if as_json:
        told = [{"drill": one.name, "what": one.what} for one in found]
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return
    for one in found:
        say(f"{one.name:40} {one.family:10} {one.what}")


def _chosen(known: dict[str, Drill], names: list[str], family: str, *, every: bool, brief: bool) -> list[Drill]:
    unknown = [name for name in names if name not in known]
    if unknown:
        fail(f"no drill {', '.join(unknown)}; `relevo drill --list` has them", 2)
    chosen = [known[name] for name in dict.fromkeys(names)]
    chosen += [
        one
        for one in known.values()
        if one not in chosen and (every or (brief and one.brief) or (family and one.family == family))
    ]
    if not chosen:
        fail("which drill? Give a name, --family, --brief or --all; `relevo drill --list` has them", 2)
    return chosen


def _seeds(seed: int, seeds: str) -> list[int]:
    try:
        return [int(one) for one in seeds.split(",")] if seeds else [seed]
    except ValueError:
        fail(f"--seeds {seeds}: whole numbers, separated by commas", 2)


def _teller(as_json: bool) -> Callable[[str], None]:
    """Who hears of progress: standard output is the verdicts' alone where they are JSON."""
    console = err if as_json else out
    return lambda text: console.print(text, style="dim", markup=False, soft_wrap=True)


async def _run(verdicts: AsyncIterator[Verdict], *, as_json: bool) -> None:
    failed = 0
    async for verdict in verdicts:
        failed += not verdict.passed
        _show(verdict)
        if as_json:
            sys.stdout.write(line(verdict) + "\n")
            sys.stdout.flush()
    if failed:
        raise typer.Exit(1)


def _show(verdict: Verdict) -> None:
    style = "green" if verdict.passed else "red"
    said = f"{verdict.drill}, seed {verdict.seed}: {verdict.verdict} in {verdict.seconds:.0f} s"
    err.print(said, style=style, markup=False, soft_wrap=True)
    for violation in verdict.violations[:SHOWN]:
        err.print(f"  {violation}", style="red", markup=False, soft_wrap=True)
    if len(verdict.violations) > SHOWN:
        err.print(f"  and {len(verdict.violations) - SHOWN} more", style="red")
    if verdict.folder:
        err.print(f"  logs, ledger, records and the audit are in {verdict.folder}", markup=False, soft_wrap=True)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("drill")(drill)
