"""`relevo campaign`: mass sends from a file."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from relevo.campaigns import submit as submission
from relevo.campaigns.recipients import open_csv, read_rows
from relevo.cli.console import fail, say
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load
from schemas.campaign import Recipient

app = typer.Typer(help="Mass sends from a file.", no_args_is_help=True)

SHOWN = 20


@app.command()
def submit(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header row.")],
    tenant: Annotated[str, typer.Option(help="Whose campaign it is.")],
    template: Annotated[str, typer.Option(help="The template's name.")],
    language: Annotated[str, typer.Option(help="The template's language.")] = "es",
    line: Annotated[str, typer.Option(help="The sending number; the first that sends templates.")] = "",
    to: Annotated[str, typer.Option(help="The column of the numbers.")] = "",
    body: Annotated[list[str] | None, typer.Option(help="A column for a body parameter; in order.")] = None,
    button: Annotated[list[str] | None, typer.Option(help="A column for a button's parameter; in order.")] = None,
    header: Annotated[str, typer.Option(help="The column for the header's parameter.")] = "",
    campaign: Annotated[str, typer.Option("--id", help="The campaign's id; made from the file when not given.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report only.")] = False,
) -> None:
    """Submit a campaign. The same file for the same line and template is refused the second time."""
    settings = load(KafkaSettings)
    owner = read_tenants(settings).get(tenant)
    if owner is None:
        fail(f"no tenant {tenant!r}; see: relevo tenants ls")
    columns: dict[str, str | list[str]] = {"to": to, "body": body or [], "buttons": button or [], "header": header}
    wanted = submission.order(
        file, owner, line=line, template=template, language=language, campaign=campaign, columns=columns
    )
    if dry_run:
        _report_rows(wanted)
        return
    done = asyncio.run(submission.Submission(settings, wanted, now_ms()).run())
    for row in done.bad[:SHOWN]:
        say(f"{file}:{row.line}: not sent, {row.reason}: {row.detail}")
    say(
        f"campaign {done.campaign} on line {wanted.line.did}: {done.total} recipients in {done.chunks} chunks, "
        f"{done.refused} rows left out"
    )


def _report_rows(wanted: submission.Order) -> None:
    good = bad = 0
    with wanted.file.open(encoding="utf-8-sig", newline="") as stream:
        for row in read_rows(open_csv(stream), wanted.mapping):
            if isinstance(row, Recipient):
                good += 1
                continue
            bad += 1
            if bad <= SHOWN:
                say(f"{wanted.file}:{row.line}: would not be sent, {row.reason}: {row.detail}")
    seconds = good / wanted.line.rate
    say(f"campaign {wanted.campaign}: {good} recipients, {bad} rows left out, about {seconds:.0f} s to send")
