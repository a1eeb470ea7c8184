"""What the commands share: printing, and how a command gives up."""

from __future__ import annotations

import getpass
import os
import sys
from typing import NoReturn

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


def who() -> str:
    """Who gives the command, for the record."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return f"uid {os.getuid()}"
