"""`relevo keys`: the key ring that encrypts passwords and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from relevo.cli.console import fail, say
from runtime.secrets import KeyRing, generate_key

app = typer.Typer(help="The key ring that encrypts passwords and tokens.", no_args_is_help=True)


@app.command()
def new(
    file: Annotated[Path, typer.Argument(help="The key ring's file; made when it is not there.")],
    key_id: Annotated[str, typer.Option("--id", help="The new key's id.")] = "k1",
) -> None:
    """Put a new key first: it encrypts from now on, and the older ones still decrypt."""
    rest = file.read_text(encoding="utf-8") if file.exists() else ""
    text = f"{generate_key(key_id)}\n{rest}"
    ring = KeyRing.parse(text)
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    say(f"{file} holds keys {', '.join(ring.ids)}; {ring.ids[0]} encrypts. Keep it as you keep passwords.")


@app.command("ls")
def list_keys(file: Annotated[Path, typer.Argument(help="The key ring's file.")]) -> None:
    """The ids of the keys, the encrypting one first."""
    if not file.exists():
        fail(f"{file} is not there; make one with: relevo keys new {file}")
    for key_id in KeyRing.load(file).ids:
        say(key_id)
