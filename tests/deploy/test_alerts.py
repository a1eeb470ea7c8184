"""Every alert fires when it must, with the words that are expected, and not when it is almost so."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo.monitoring.alerts import alerts
from relevo.monitoring.rule import DASHBOARDS, RUNBOOKS
from tests.deploy.cases import CASES
from tests.deploy.cases.shapes import Case, Fired, Series
from tests.deploy.conftest import CHART, HOME

PROMTOOL = HOME / "prometheus" / "root" / "usr" / "bin" / "promtool"
RULES = CHART / "files" / "rules" / "alerts.yaml"
BOARDS = {alert.name: alert.dashboard for alert in alerts()}


def looked_at(case: Case, series: Series, expected: tuple[Fired, ...]) -> dict[str, Any]:
    """One of promtool's tests."""
    alert, at = case.alert, case.at
    return {
        "name": alert,
        "interval": f"{case.step}m",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "alert_rule_test": [
            {"eval_time": f"{at}m", "alertname": alert, "exp_alerts": [said(alert, one) for one in expected]}
        ],
    }


def said(alert: str, fired: Fired) -> dict[str, Any]:
    annotations = {
        "summary": fired.summary,
        "dashboard": f"{DASHBOARDS}{BOARDS[alert]}",
        "runbook_url": f"{RUNBOOKS}{alert}.md",
    }
    return {"exp_labels": {"severity": fired.severity, **fired.labels}, "exp_annotations": annotations}


def alone(alert: str, text: str) -> str:
    """Of the rules this alert, and the series that it is reckoned from: all of them would take promtool minutes."""
    groups = yaml.safe_load(text)["groups"]
    mine = [rule for group in groups for rule in group["rules"] if rule.get("alert") == alert]
    asked = " ".join(rule["expr"] for rule in mine)
    recorded = [rule for group in groups for rule in group["rules"] if "record" in rule]
    needed = [rule for rule in recorded if rule["record"] in asked]
    asked += " ".join(rule["expr"] for rule in needed)
    first = [rule for rule in recorded if rule["record"] in asked and rule not in needed]
    return yaml.safe_dump({"groups": [{"name": "alone", "rules": [*first, *needed, *mine]}]})


def promtool(tmp_path: Path, case: Case, tests: list[dict[str, Any]], text: str = "") -> tuple[int, str]:
    """What promtool says of all these."""
    file, rules = tmp_path / "tests.yaml", tmp_path / "rules.yaml"
    rules.write_text(alone(case.alert, text or RULES.read_text()))
    every = {"rule_files": [str(rules)], "evaluation_interval": f"{case.step}m", "tests": tests}
    file.write_text(yaml.safe_dump(every))
    command = [str(PROMTOOL), "test", "rules", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=170, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.alert)
def test_it_fires_when_it_must_and_not_when_it_is_almost_so(tmp_path: Path, case: Case) -> None:
    fires = looked_at(case, case.fires, case.fired)
    silent = looked_at(case, case.silent, ())
    code, told = promtool(tmp_path, case, [fires, silent])
    assert code == 0, told


def test_every_alert_has_its_case() -> None:
    assert {case.alert for case in CASES} == {alert.name for alert in alerts()}
    severities: Mapping[str, set[str]] = {}
    for case in CASES:
        severities = {**severities, case.alert: severities.get(case.alert, set()) | {f.severity for f in case.fired}}
    assert all(alert.severity in severities[alert.name] for alert in alerts())


def test_an_alert_that_cannot_fire_or_says_something_else_is_noticed(tmp_path: Path) -> None:
    case = next(case for case in CASES if case.alert == "RelevoChattigoDown")
    fires = looked_at(case, case.fires, case.fired)
    for before, after in (("state[2m])) == 2", "state[2m])) == 3"), ("to send waits", "to send is lost")):
        text = RULES.read_text()
        other = yaml.safe_dump(yaml.safe_load(text), width=10_000).replace(before, after)
        assert after in other
        code, told = promtool(tmp_path, case, [fires], other)
        assert code != 0
        assert "FAILED" in told
