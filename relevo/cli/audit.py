"""`relevo audit`: nothing lost, nothing sent twice, proved from the topics."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from relevo.audit import report as reports
from relevo.audit.bounded import Question
from relevo.audit.bounded import audit as look
from relevo.audit.provider import stream
from relevo.audit.report import Report
from relevo.cli.console import err, fail, out
from relevo.cli.span import parsed
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, ProcessorSettings, load


def audit(
    ledger: Annotated[Path | None, typer.Option(exists=True, help="The sandbox's ledger, to join with.")] = None,
    since: Annotated[str, typer.Option(help="How far back to look: 1h, 24h, 7d; without it all that is kept.")] = "",
    tenant: Annotated[str, typer.Option(help="Of this tenant alone; not with --ledger.")] = "",
    logs: Annotated[
        list[Path] | None, typer.Option(exists=True, dir_okay=False, help="A log, to look for people and secrets in.")
    ] = None,
    folder: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Where facts are kept meanwhile.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Join what came in with what became of it. Exit code 1 when an invariant is broken; reads only."""
    if ledger and (tenant or since):
        fail("--ledger is of all tenants and all the time: leave out --tenant and --since", 2)
    if ledger:
        _check(ledger)
    try:
        begin_ms = now_ms() - parsed(since) if since else 0
    except ValueError as wrong:
        fail(str(wrong), 2)
    question = Question(load(ProcessorSettings).agents, begin_ms, tenant, ledger, tuple(logs or ()))
    result = look(load(KafkaSettings), question, folder)
    if as_json:
        sys.stdout.write(reports.as_json(result).decode() + "\n")
    else:
        _show(result)
    for violation in result.violations[: reports.SHOWN]:
        err.print(violation, style="red", markup=False, soft_wrap=True)
    if not result.clean:
        err.print(f"{len(result.violations)} violations", style="red")
        raise typer.Exit(1)


def _show(result: Report) -> None:
    out.print(reports.table(result))
    out.print(reports.verdicts(result))
    for one in result.unseen:
        out.print(f"not seen: {one.topic}/{one.partition} before offset {one.offset}; retention took it", markup=False)
    if result.not_judged:
        out.print(f"{result.not_judged} began before what was read, and are not judged", markup=False)


def _check(ledger: Path) -> None:
    """Tell what is no ledger before Kafka is read."""
    try:
        for _ in stream(ledger):
            pass
    except (OSError, msgspec.MsgspecError) as wrong:
        fail(f"{ledger} is not a ledger of the sandbox: {wrong}", 2)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("audit")(audit)
