"""`relevo doctor`: is everything there that the services need? Each failing line says what to do."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer
from rich.markup import escape

from relevo import doctor as checks
from relevo.cli.console import out

_SIGNS = {"ok": "[green]ok[/]  ", "warning": "[yellow]warn[/]", "failed": "[red]FAIL[/]"}


def doctor(
    login: Annotated[bool, typer.Option(help="Also log in to each account of Chattigo, once.")] = False,
) -> None:
    """Check settings, Kafka, topics, clock, keys, tenants, and with --login the accounts."""
    failed = 0
    for finding in asyncio.run(checks.examine(login=login)):
        out.print(f"{_SIGNS[finding.state]} {escape(f'{finding.what}: {finding.detail}')}", soft_wrap=True)
        if finding.advice:
            out.print(f"       {finding.advice}", soft_wrap=True, markup=False)
        failed += finding.state == "failed"
    if failed:
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Add the verb to the program."""
    app.command("doctor")(doctor)
