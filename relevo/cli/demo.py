"""`relevo demo`: the whole pipeline on this machine, with figures and an audit."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from relevo.cli.console import err, fail, out
from relevo.demo import captured as captures
from relevo.demo import figures, scenario
from relevo.demo.play import QUIET_OF_A_PROFILE_S, QUIET_S, play
from relevo.demo.progress import Progress
from relevo.demo.stage import Stage, StageError
from runtime.clock import now_ms
from sandbox.kafka import BrokerFailed, KafkaUnavailable


def demo(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line of stdout.")] = False,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    mock: Annotated[bool, typer.Option("--mock", help="librdkafka's mock instead of a genuine Kafka.")] = False,
    captured: Annotated[
        Path | None,
        typer.Option("--input", exists=True, file_okay=False, help="Webhook bodies to play instead, one a file."),
    ] = None,
    as_captured: Annotated[
        bool, typer.Option("--as-captured", help="Keep the times of captured bodies; old messages get no reply.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option(help="Where data, logs and the ledger go; a new one if not given.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the simulated Chattigo's troubles.")] = 7,
    profile: Annotated[
        str, typer.Option(help="Of the simulated Chattigo: gentle, typical, harsh, or a YAML file of knobs.")
    ] = "",
) -> None:
    """Start Kafka, a simulated Chattigo and all services; play; audit. Exit code 0 only if nothing is lost or twice."""
    place = folder or Path(tempfile.mkdtemp(prefix="relevo-demo-"))
    if (place / "ledger.ndjson").exists():
        fail(f"{place} holds an earlier run; give another --folder", 2)
    try:
        bodies = _bodies(captured, retime=not as_captured)
        found = asyncio.run(_run(place, bodies, keep=keep, mock=mock, seed=seed, profile=profile, as_json=as_json))
    except KafkaUnavailable as failed:
        fail(str(failed))
    except BrokerFailed as failed:
        fail(f"{failed}\nWithout a genuine Kafka the demo still runs: relevo demo --mock")
    except StageError as failed:
        fail(str(failed))
    if found["violations"] or found["pending"]:
        raise typer.Exit(1)


def _bodies(folder: Path | None, *, retime: bool) -> list[captures.Captured]:
    """The captured bodies, if a folder was given."""
    if folder is None:
        return []
    try:
        return captures.read(folder, now_ms(), scenario.SHOP.lines[0].did, retime=retime)
    except ValueError as wrong:
        fail(str(wrong))


async def _run(
    folder: Path, bodies: list[captures.Captured], *, keep: bool, mock: bool, seed: int, profile: str, as_json: bool
) -> dict[str, Any]:
    tenants = scenario.with_lines([one.did for one in bodies])
    console = Console(stderr=True, highlight=False) if as_json else out
    with Progress(console) as progress:
        on_exit = lambda ended: progress.say(f"{ended.name} ended with {ended.code}; starting it again")  # noqa: E731
        async with Stage(
            folder, tenants, mock=mock, seed=seed, profile=profile, say=progress.say, on_exit=on_exit
        ) as stage:
            watcher = asyncio.create_task(progress.follow(stage))
            ending = await play(stage, bodies, progress.say, QUIET_OF_A_PROFILE_S if profile else QUIET_S)
            watcher.cancel()
            progress.stop()
            found = figures.figures(ending, stage.ledger, progress.seconds)
            _show(console, found)
            if as_json:
                sys.stdout.write(figures.as_json(found) + "\n")
                sys.stdout.flush()
            if keep:
                await _stay(stage, console)
    return found


def _show(console: Console, found: dict[str, Any]) -> None:
    console.print(figures.table(found))
    for violation in found["violations"][: figures.SHOWN]:
        err.print(violation, style="red", markup=False, soft_wrap=True)
    if found["pending"]:
        err.print(f"{found['pending']} events or messages were still on their way at the end", style="red")


async def _stay(stage: Stage, console: Console) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    environment = " \\\n  ".join(f"{name}={value}" for name, value in stage.environment().items())
    did, url = next(iter(stage.webhooks.items()))
    say = f'curl -d \'{{"did": "{did}", "contact": "56912345678", "message": "hola"}}\''
    console.print(
        f"\neverything keeps running until Ctrl-C; logs are in {stage.folder}/logs\n"
        f"the services' environment, for other relevo commands:\n  export {environment}\n"
        f"a customer writes:\n  {say} {stage.chattigo}/_sandbox/customers/say\n"
        f"a customer writes and hears the answer:\n  relevo sandbox say hola --did {did} --url {stage.chattigo}\n"
        f"a page to play customers on, and to see what Chattigo saw:\n  {stage.chattigo}/_sandbox/\n"
        f"what Chattigo saw:\n  curl '{stage.chattigo}/_sandbox/ledger?type=message'\n"
        f"the webhook of line {did}:\n  {url}",
        soft_wrap=True,
        markup=False,
    )
    await stop.wait()


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("demo")(demo)
