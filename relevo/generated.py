"""The command line of what the code makes and the repository keeps: `--write` makes it, `--check` finds what is old."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence


def options(program: str, things: str, noun: str) -> argparse.ArgumentParser:
    """Exactly one of the two must be given."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=f"Make or check the {things}.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help=f"fail when a {noun} is not what the code says")
    what.add_argument("--write", action="store_true", help=f"write the {noun}s")
    return parser


def act(program: str, writes: bool, write: Callable[[], Sequence[str]], stale: Callable[[], Sequence[str]]) -> int:
    """Gives the exit code: 1 when it was to check and something is stale."""
    if writes:
        print("\n".join(f"wrote {name}" for name in write()) or "nothing changed")
        return 0
    old = stale()
    for name in old:
        print(f"{name} is stale: run python -m {program} --write", file=sys.stderr)
    return 1 if old else 0
