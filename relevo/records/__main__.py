"""`python -m relevo.records`: what records of each version are like, for the test that compares them."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from pathlib import Path

from relevo import generated
from relevo.records import version

PROGRAM = "relevo.records"


def main(arguments: list[str] | None = None, folder: Path = version.FOLDER) -> int:
    """The command line; gives the exit code."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {PROGRAM}", description="Make, check or keep examples of records."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail when an example of `next` is not what the code says")
    what.add_argument("--write", action="store_true", help="write the examples of `next`")
    what.add_argument("--release", metavar="VERSION", help="keep `next` as this version, for good")
    given = parser.parse_args(arguments)
    if given.release is None:
        return generated.act(PROGRAM, given.write, partial(version.write, folder), partial(version.stale, folder))
    try:
        kept = version.release(given.release, folder)
    except version.ReleasedError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"kept {len(kept)} files of {given.release}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
