"""The command line of the chart's files: `python -m relevo.kubernetes --write`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from relevo.kubernetes.files import CHART, stale, write


def main(arguments: list[str] | None = None, chart: Path = CHART) -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m relevo.kubernetes", description="Make or check the chart's files.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail when a file is not what the code says")
    what.add_argument("--write", action="store_true", help="write the files")
    parser.add_argument("--chart", type=Path, default=chart, help="the chart's folder, where it is not ours")
    given = parser.parse_args(arguments)
    chart = given.chart
    if given.write:
        print("\n".join(f"wrote {name}" for name in write(chart)) or "nothing changed")
        return 0
    old = stale(chart)
    for name in old:
        print(f"{name} is stale: run python -m relevo.kubernetes --write", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
