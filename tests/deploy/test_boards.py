"""Every query of every board is one that Prometheus can read; whether it finds something a running demo tells."""

from __future__ import annotations

import subprocess
from pathlib import Path

import yaml

from relevo.monitoring.dashboards import DASHBOARDS
from tests.deploy.test_alerts import PROMTOOL


def checked(folder: Path, queries: list[str]) -> tuple[int, str]:
    """What promtool says of them, as if each were recorded."""
    rules = [{"record": f"a:{place}:b", "expr": query} for place, query in enumerate(queries)]
    file = folder / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "boards", "rules": rules}]}))
    done = subprocess.run(
        [str(PROMTOOL), "check", "rules", str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_query_is_one(tmp_path: Path) -> None:
    queries = [query.expr for board in DASHBOARDS for panel in board.panels() for query in panel.queries]
    code, told = checked(tmp_path, [query.replace("$__rate_interval", "5m") for query in queries])
    assert code == 0, told
    assert f"{len(queries)} rules found" in told


def test_one_that_is_none_is_noticed(tmp_path: Path) -> None:
    code, told = checked(tmp_path, ["sum by (a (b)"])
    assert code != 0
    assert "parse" in told
