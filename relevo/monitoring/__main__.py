"""The command line of the monitoring's files: `python -m relevo.monitoring --write`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from relevo.monitoring.files import CHART, stale, write


def main(arguments: list[str] | None = None, chart: Path = CHART) -> int:
    """Gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m relevo.monitoring", description="Make or check rules and boards.")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--check", action="store_true", help="fail when a file is not what the code says")
    what.add_argument("--write", action="store_true", help="write the files")
    parser.add_argument("--chart", type=Path, default=chart, help="the chart's folder, where it is not ours")
    given = parser.parse_args(arguments)
    if given.write:
        print("\n".join(f"wrote {name}" for name in write(given.chart)) or "nothing changed")
        return 0
    old = stale(given.chart)
    for name in old:
        print(f"{name} is stale: run python -m relevo.monitoring --write", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
