"""`relevo audit`: nothing lost, nothing sent twice, proved from the topics."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from relevo.audit import report as reports
from relevo.audit.gathered import gather
from relevo.audit.provider import Provider, read_ledger
from relevo.cli.console import err, fail, out
from runtime.settings import KafkaSettings, ProcessorSettings, load


def audit(
    ledger: Annotated[Path | None, typer.Option(exists=True, help="The sandbox's ledger, to join with.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Join what came in with what became of it. Exit code 1 when an invariant is broken; reads only."""
    settings, agents = load(KafkaSettings), load(ProcessorSettings).agents
    # First the ledger: what is acknowledged after it was read cannot be missed in Kafka.
    provider = _provider(ledger) if ledger else None
    result = reports.report(gather(settings, agents), provider)
    if as_json:
        sys.stdout.write(reports.as_json(result).decode() + "\n")
    else:
        out.print(reports.table(result))
    for violation in result.violations[: reports.SHOWN]:
        err.print(violation, style="red", markup=False, soft_wrap=True)
    if not result.clean:
        err.print(f"{len(result.violations)} violations", style="red")
        raise typer.Exit(1)


def _provider(ledger: Path) -> Provider:
    try:
        return read_ledger(ledger)
    except (OSError, msgspec.MsgspecError) as wrong:
        fail(f"{ledger} is not a ledger of the sandbox: {wrong}", 2)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("audit")(audit)
