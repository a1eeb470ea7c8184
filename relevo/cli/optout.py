"""`relevo optout`: who does not want what from a tenant's lines, one by one and as lists."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, TextIO

import msgspec
import typer

from relevo.campaigns.intake import Report, private
from relevo.campaigns.passage import MAX_BAD
from relevo.cli.console import fail, say, who
from relevo.cli.conversation import Categories, Contact, Desk, LineNumber, OrderId, Wait
from relevo.cli.span import moment
from relevo.optouts.importing import Import, Taken
from relevo.optouts.listed import ALL, COLUMNS, KNOWN, Listed, Wanted
from relevo.optouts.roster import Roster
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from runtime.settings import KafkaSettings, load
from schemas.inbound import OptIn, OptOut
from schemas.tenant import Tenant

NONE_STANDS, NOT_ALL = 1, 1
STDOUT = Path("-")

app = typer.Typer(help="Who does not want what from a tenant's lines.", no_args_is_help=True)

TenantName = Annotated[str, typer.Argument(metavar="TENANT")]
Lines = Annotated[list[str] | None, typer.Option("--line", help="Only this number; several are possible.")]
AllLines = Annotated[bool, typer.Option("--all-lines", help="On every line of the tenant that has this one.")]


@app.command()
def ls(
    tenant: TenantName,
    line: Lines = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line and category.")] = False,
) -> None:
    """How many people do not want what, by line. Who they are: `export`."""
    with _roster(tenant, line) as (roster, _):
        for (did, categories), count in roster.counts().items():
            if as_json:
                found = {"line": did, "categories": categories or [ALL], "people": count}
                sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
            else:
                say(f"line {did}: {count} want {_unwanted(categories)}")


@app.command()
def show(line: LineNumber, contact: Contact) -> None:
    """What a person does not want from a line, since when and why. Exit code 1 when there is nothing."""
    desk = Desk.at(line, contact)
    with Roster([desk.person.did]) as roster:
        roster.read(desk.settings)
        found = roster.get(desk.person.did, desk.belongs.contact)
    if found is None:
        say("no opt-out stands")
        raise typer.Exit(NONE_STANDS)
    say(f"wants {_unwanted(found.categories)}, since {moment(found.since_ms)}, because of: {found.why}")


@app.command()
def add(
    line: LineNumber,
    contact: Contact,
    category: Categories = None,
    why: Annotated[str, typer.Option(help="Goes on record.")] = "",
    all_lines: AllLines = False,
    id_: OrderId = "",
    wait: Wait = 15,
) -> None:
    """Send the person no more of these."""
    for desk in _desks(line, contact, all_lines):
        desk.give(OptOut, id_, wait, categories=category or [], why=why)


@app.command()
def rm(
    line: LineNumber,
    contact: Contact,
    category: Categories = None,
    why: Annotated[str, typer.Option(help="Goes on record.")] = "",
    all_lines: AllLines = False,
    id_: OrderId = "",
    wait: Wait = 15,
) -> None:
    """Send the person these again."""
    for desk in _desks(line, contact, all_lines):
        desk.give(OptIn, id_, wait, categories=category or [], why=why)


def _desks(line: str, contact: str, all_lines: bool) -> list[Desk]:
    asked = Desk.at(line, contact)
    if not all_lines:
        return [asked]
    return [Desk.at(one.did, contact) for one in asked.person.tenant.lines]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV with a header row, or NDJSON.")],
    tenant: Annotated[str, typer.Option(help="Whose list it is.")],
    line: Lines = None,
    category: Categories = None,
    why: Annotated[str, typer.Option(help="Goes on record where a row says nothing.")] = "import",
    to: Annotated[str, typer.Option(help="The column of the numbers.")] = "",
    country: Annotated[str, typer.Option(help="Of numbers without a country code: CL.")] = "",
    encoding: Annotated[str, typer.Option(help="Of a CSV; found out when not given.")] = "",
    rejected: Annotated[Path | None, typer.Option(help="Where bad rows are reported; beside the file.")] = None,
    max_bad: Annotated[float, typer.Option(min=0, max=1, help="A larger share of bad rows refuses it.")] = MAX_BAD,
    rate: Annotated[float, typer.Option(min=1, max=50_000, help="Orders a second.")] = 2000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and report only.")] = False,
    wait: Annotated[float, typer.Option(min=0, help="Seconds to wait until all stand.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take in a list of people who opted out elsewhere, on all lines of the tenant or on some.

    A column of numbers; `categories`, `line` and `why` where there are such. What `export` wrote is taken as it is.
    """
    if unknown := set(category or []) - set(KNOWN):
        fail(f"no category is called {min(unknown)!r}; there are {', '.join(KNOWN)}", 2)
    settings = load(KafkaSettings)
    with _roster(tenant, line) as (roster, dids):
        wanted = Wanted(tenant, dids, category or [], why, f"person:{who()}", now_ms())
        listed = Listed(file, wanted, to=to, country=country, encoding=encoding)
        with Report(rejected or file.with_name(file.name + ".rejected.csv"), listed.table.titles) as report:
            passage = Import(settings, listed, roster, report)
            taken = passage.looked_at(max_bad)
        if not dry_run and taken.ordered:
            asyncio.run(passage.write(rate))
            taken = msgspec.structs.replace(taken, missing=passage.wait(wait))
    _say_taken(taken, dry_run=dry_run, as_json=as_json)
    if taken.missing:
        raise typer.Exit(NOT_ALL)


def _say_taken(taken: Taken, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(msgspec.json.encode(taken).decode() + "\n")
        return
    done = "would be ordered" if dry_run else "ordered"
    say(f"{taken.rows} rows: {taken.ordered} opt-outs {done}, {taken.stood} stood already")
    if taken.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(taken.left_out.items()))
        say(f"  left out: {reasons}; see {taken.rejected}")
    if taken.missing:
        say(
            f"  {taken.missing} are not carried out yet: conversations has much to do, or does not run "
            "(relevo serve conversations). They stand as orders and need no second import",
            "yellow",
        )


@app.command()
def export(
    tenant: TenantName,
    file: Annotated[Path, typer.Argument(help="A CSV that nobody but you may read; - for standard output.")] = STDOUT,
    line: Lines = None,
) -> None:
    """All people who opted out, as CSV, with their numbers: line, categories, since when and why."""
    with _roster(tenant, line) as (roster, _):
        with _written(file) as stream:
            writer = csv.writer(stream)
            writer.writerow(COLUMNS)
            for one in roster:
                categories = "|".join(one.categories or (ALL,))
                writer.writerow([one.contact, one.did, categories, moment(one.since_ms), one.why])
        if file != STDOUT:
            say(f"{sum(roster.counts().values())} opt-outs in {file}")


@contextmanager
def _roster(name: str, line: list[str] | None) -> Iterator[tuple[Roster, list[str]]]:
    """The roster of a tenant's lines, read, and the lines."""
    settings = load(KafkaSettings)
    tenant = read_tenants(settings).get(name)
    if tenant is None:
        fail(f"no tenant {name!r}; see: relevo tenants ls")
    dids = _dids(tenant, line or [])
    with Roster(dids) as roster:
        roster.read(settings)
        yield roster, dids


def _dids(tenant: Tenant, wanted: list[str]) -> list[str]:
    known = [line.did for line in tenant.lines]
    if unknown := [did for did in wanted if did not in known]:
        fail(f"tenant {tenant.tenant} has no line {unknown[0]!r}; it has {', '.join(known) or 'none'}")
    return wanted or known


@contextmanager
def _written(file: Path) -> Iterator[TextIO]:
    if file == STDOUT:
        yield sys.stdout
        return
    try:
        number = private(file)
    except OSError as error:
        fail(f"{file} cannot be written: {error.strerror}")
    with os.fdopen(number, "w", encoding="utf-8", newline="") as stream:
        yield stream


def _unwanted(categories: tuple[str, ...]) -> str:
    return f"no {', '.join(categories)}" if categories else "nothing but one-time passwords"
