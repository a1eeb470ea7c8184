"""Plays of a menu that are written down: what the person does, and what must come of it.

A line that begins with `>` is typed, one with `<` is what the menu says then, one with `#` or nothing on it is for
people. A script is its own golden copy: played again, the lines with `<` must come out the same.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import NamedTuple

from relevo.menus.playing import Playing


class ScriptError(ValueError):
    """A line that is none of a script's; the message has its number."""


class Played(NamedTuple):
    """The script as it came out. `same` when it is what was written, or nothing was expected."""

    text: str
    same: bool
    difference: list[str]


def play(script: str, playing: Playing, name: str = "script") -> Played:
    """Plays all lines. Raises ScriptError."""
    came = "\n".join(_played(script, playing)) + "\n"
    expected = any(line.startswith("<") for line in script.splitlines())
    same = not expected or came == script
    written, found = script.splitlines(), came.splitlines()
    difference = [] if same else list(difflib.unified_diff(written, found, name, "played", lineterm=""))
    return Played(came, same, difference)


def _played(script: str, playing: Playing) -> Iterator[str]:
    for number, line in enumerate(script.splitlines(), 1):
        if line.startswith(">"):
            yield line
            yield from (f"< {said}".rstrip() for said in playing.types(line[1:].strip()))
        elif line.startswith("#") or not line.strip():
            yield line
        elif not line.startswith("<"):
            raise ScriptError(f"line {number}: begin a line with > (typed), < (answered) or #")
