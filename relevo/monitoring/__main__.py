"""The command line of the monitoring's files: `python -m relevo.monitoring --write`."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from relevo import generated
from relevo.monitoring.files import CHART, stale, write

PROGRAM = "relevo.monitoring"


def main(arguments: list[str] | None = None, chart: Path = CHART) -> int:
    """Gives the exit code."""
    parser = generated.options(PROGRAM, "rules and dashboards", "file")
    parser.add_argument("--chart", type=Path, default=chart, help="the chart's folder, where it is not ours")
    given = parser.parse_args(arguments)
    return generated.act(PROGRAM, given.write, partial(write, given.chart), partial(stale, given.chart))


if __name__ == "__main__":
    sys.exit(main())
