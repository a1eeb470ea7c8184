"""`relevo menu`: check menus, play them in the terminal, draw them. Nothing of it needs Kafka."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from relevo.cli.chat import typed
from relevo.cli.console import err, fail, say
from relevo.tenants.yaml_source import YamlSource
from runtime.clock import now_ms

if TYPE_CHECKING:  # imported where they are needed: the other commands start faster without the agents
    from processors.agents.builtin.menu import Menu, TenantFacts
    from relevo.menus.playing import Playing

app = typer.Typer(help="Menus: check them, play them, draw them.", no_args_is_help=True)

_Tenant = Annotated[
    Path | None,
    typer.Option("--tenant", exists=True, dir_okay=False, help="The tenant's file: its hours, templates, languages."),
]
_File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A menu (YAML).")]


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Menus (YAML).")],
    tenant: _Tenant = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON list.")] = False,
) -> None:
    """Every mistake with its line, column and what to do. Exits with 1 if there is an error."""
    from relevo.menus.report import report, summary

    facts = _facts(tenant)
    reports = [report(file, facts) for file in files]
    if as_json:
        sys.stdout.write(msgspec.json.encode([one.plain() for one in reports]).decode() + "\n")
    else:
        for line in (line for one in reports for line in one.lines()):
            say(line)
        err.print(summary(reports), markup=False)
    if any(one.errors or (strict and one.warnings) for one in reports):
        raise typer.Exit(1)


@app.command()
def play(
    file: _File,
    tenant: _Tenant = None,
    name: Annotated[str, typer.Option(help="The person's name.")] = "Ana",
    at: Annotated[str, typer.Option(help="When it begins, such as 2026-12-25T11:00, by the menu's clock.")] = "",
    language: Annotated[str, typer.Option(help="What the person is known to write in.")] = "",
    script: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="Play what is written there, and compare.")
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write what came out into the script.")] = False,
) -> None:
    """Chat with a menu: what you type is said by the person. With a script, exits with 1 if something else came out."""
    from relevo.menus.playing import HELP

    playing = _playing(file, tenant, name, at, language)
    if script is not None:
        _scripted(script, playing, write=write)
        return
    err.print(HELP, markup=False)
    for line in typed(name):
        for answer in playing.types(line):
            say(answer)


@app.command()
def draw(file: _File) -> None:
    """The menu as a Mermaid flowchart."""
    from relevo.menus.draw import mermaid

    sys.stdout.write(mermaid(_usable(file, _text(file))))


@app.command()
def schema() -> None:
    """The JSON Schema of a menu file, for editors."""
    from relevo.menus.schema import schema_text

    sys.stdout.write(schema_text())


def _facts(tenant: Path | None) -> TenantFacts | None:
    from relevo.tenants.dry import facts_of

    return facts_of(YamlSource.read(tenant)) if tenant else None


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8 text")


def _usable(file: Path, text: str) -> Menu:
    from processors.agents.builtin.menu import check as check_menu

    done = check_menu(text)
    if done.menu is None or not done.usable:
        fail("\n".join(f"{file}: {one}" for one in done.problems if one.severity == "error"))
    return done.menu


def _playing(file: Path, tenant: Path | None, name: str, at: str, language: str) -> Playing:
    from relevo.menus.playing import Playing

    text = _text(file)
    _usable(file, text)
    playing = Playing(text, _facts(tenant), name, now_ms())
    if at:
        try:
            datetime.fromisoformat(at)
        except ValueError:
            fail(f"--at {at!r} is no time; write 2026-12-25T11:00", 2)
        list(playing.types(f"/at {at}"))
    if language:
        list(playing.types(f"/language {language}"))
    return playing


def _scripted(script: Path, playing: Playing, *, write: bool) -> None:
    from relevo.menus.script import ScriptError
    from relevo.menus.script import play as play_script

    try:
        played = play_script(_text(script), playing, str(script))
    except ScriptError as error:
        fail(f"{script}: {error}")
    if write:
        script.write_text(played.text, encoding="utf-8")
        return
    for line in played.text.splitlines() if played.same else played.difference:
        say(line)
    if not played.same:
        raise typer.Exit(1)
