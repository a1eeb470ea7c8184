"""What the commands share: printing, and how a command gives up."""

from __future__ import annotations

import getpass
import os
import sys
from typing import NoReturn

import typer
from rich.console import Console

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def say(text: str, style: str | None = None) -> None:
    """One line on standard output as it stands: brackets are no markup, and a pipe's width does not break it."""
    out.print(text, style=style, markup=False, soft_wrap=True)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say why on standard error and exit."""
    err.print(message, style="red", markup=False, soft_wrap=True)
    sys.exit(code)


def sure(would: str, question: str, *, yes: bool) -> None:
    """Asks before what cannot be undone; gives up unless a person agrees, or has said so."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{would}, which cannot be undone; nothing was done. Say --yes")
    if not typer.confirm(f"{question}? It cannot be undone", err=True):
        fail("nothing was done")


def who() -> str:
    """Who gives the command, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return f"uid {os.getuid()}"
