"""Rules and dashboards are what the code declares, and speak of what is there: metrics, runbooks, boards."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from relevo.monitoring import __main__ as command
from relevo.monitoring import files
from relevo.monitoring.alerts import GROUPS, alerts
from relevo.monitoring.dashboards import DASHBOARDS
from relevo.monitoring.dashboards.board import Board, Panel, problems
from relevo.monitoring.objectives import ACK_S, AGENT_S, BURNS, OBJECTIVES, SENT_S, WINDOWS
from relevo.monitoring.rule import Alert, Recorded, grew
from runtime import metrics
from runtime.metrics import CATALOGUE
from tests.builders.board_picture import Drawn, picture
from tests.builders.prometheus import scaled

ROOT = Path(__file__).parents[3]
NAMED = re.compile(r"\brelevo_[a-z_]+[a-z]")
KINDS = {metric.name: metric.kind for metric in CATALOGUE}


def declared(name: str) -> bool:
    """Whether a series of that name can be there."""
    base = re.sub(r"_(bucket|sum|count)$", "", name)
    return name in KINDS or KINDS.get(base) == "histogram"


def test_what_is_committed_is_what_the_code_says() -> None:
    assert files.stale() == []


def test_the_command_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check", "--chart", str(tmp_path)]) == 1
    assert "alerts.yaml is stale" in capsys.readouterr().err
    assert command.main(["--write", "--chart", str(tmp_path)]) == 0
    assert command.main(["--check", "--chart", str(tmp_path)]) == 0
    assert yaml.safe_load((tmp_path / "files/rules/alerts.yaml").read_text())["groups"]
    assert command.main(["--write", "--chart", str(tmp_path)]) == 0
    assert "nothing changed" in capsys.readouterr().out


@pytest.mark.parametrize("rule", [rule for group in GROUPS for rule in group.rules], ids=lambda rule: rule.name)
def test_a_rule_asks_for_series_that_there_are(rule: Alert | Recorded) -> None:
    assert [name for name in NAMED.findall(rule.expr) if not declared(name)] == []
    recorded = {one.name for group in GROUPS for one in group.rules if isinstance(one, Recorded)}
    assert set(re.findall(r"relevo:[a-z_:0-9]+", rule.expr)) <= recorded


@pytest.mark.parametrize("rule", [rule for group in GROUPS for rule in group.rules], ids=lambda rule: rule.name)
def test_a_rule_names_labels_that_its_metric_has(rule: Alert | Recorded) -> None:
    labels = {metric.name: set(metric.labels) for metric in CATALOGUE}
    for name, inside in re.findall(r"(relevo_[a-z_]+)\{([^}]*)\}", rule.expr):
        base = name if name in labels else re.sub(r"_(bucket|sum|count)$", "", name)
        asked = set(re.findall(r"([a-z_]+)(?:=~|!~|!=|=)", inside))
        assert asked <= labels[base] | {"le"}, name


def test_the_limits_of_objectives_are_edges_of_buckets() -> None:
    """Otherwise what is asked for is no series."""
    assert ACK_S in metrics.INGRESS_ACK_SECONDS.buckets
    assert AGENT_S in metrics.AGENT_DELAY_SECONDS.buckets
    assert SENT_S in metrics.EGRESS_DUE_SECONDS.buckets


def test_every_window_of_an_alert_is_recorded_and_can_be_reached() -> None:
    for burns in BURNS.values():
        assert {window for long, short, _ in burns for window in (long, short)} <= set(WINDOWS)
        assert all(pace * (1 - objective.target) < 1 for objective in OBJECTIVES for _, _, pace in burns)


def test_there_are_many_alerts_each_with_a_runbook_and_no_runbook_is_of_none() -> None:
    names = {alert.name for alert in alerts()}
    assert len(names) >= 20
    runbooks = {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} - {"README"}
    assert runbooks == names


def test_a_counter_that_is_new_has_grown_too() -> None:
    assert grew("a_total", "b") == (
        "sum by (b) (increase(a_total[15m])) > 0 or sum by (b) (a_total unless a_total offset 15m) > 0"
    )


@pytest.mark.parametrize(("name", "summary"), [("chattigo_down", "It is."), ("RelevoDown", "no sentence")])
def test_an_alert_with_a_name_or_words_of_another_kind_is_refused(name: str, summary: str) -> None:
    with pytest.raises(ValueError, match=name):
        Alert(name, "up == 0", "5m", "warning", "relevo-overview", summary)


# Boards


def panels() -> list[tuple[str, Panel]]:
    return [(board.uid, panel) for board in DASHBOARDS for panel in board.panels()]


@pytest.mark.parametrize("board", DASHBOARDS, ids=lambda board: board.uid)
def test_a_board_keeps_the_rules_of_boards(board: Board) -> None:
    assert problems(board.model()) == []


@pytest.mark.parametrize(("uid", "panel"), panels(), ids=lambda one: one if isinstance(one, str) else one.title)
def test_a_panel_asks_for_series_that_there_are(uid: str, panel: Panel) -> None:
    asked = " ".join(query.expr for query in panel.queries)
    assert [name for name in NAMED.findall(asked) if not declared(name)] == []
    recorded = {one.name for group in GROUPS for one in group.rules if isinstance(one, Recorded)}
    assert set(re.findall(r"relevo:[a-z_:0-9]+", asked)) <= recorded


def test_a_zero_stands_in_only_where_there_is_nothing() -> None:
    """`or vector(0)` beside series with labels is a line more, without a name, in every panel."""
    asked = [query.expr for _, panel in panels() for query in panel.queries]
    assert [expr for expr in asked if re.search(r"\bby \([^)]*\).* or vector\(0\)$", expr)] == []


def test_every_metric_is_on_some_board() -> None:
    asked = " ".join(query.expr for _, panel in panels() for query in panel.queries)
    shown = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAMED.findall(asked)} | set(NAMED.findall(asked))
    assert sorted(metric.name for metric in CATALOGUE if metric.name not in shown) == []


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_the_board_of_an_alert_shows_what_it_is_about(alert: Alert) -> None:
    if alert.name == "RelevoObjectiveMissing":
        return
    [board] = [board for board in DASHBOARDS if board.uid == alert.dashboard]
    asked = " ".join(query.expr for panel in board.panels() for query in panel.queries)
    recorded = {one.name: one.expr for group in GROUPS for one in group.rules if isinstance(one, Recorded)}
    told = alert.expr
    for _ in range(2):  # a series that is reckoned may be reckoned from another that is
        for name, expr in recorded.items():
            told = told.replace(name, expr)
    names = {re.sub(r"_(bucket|sum|count)$", "", name) for name in NAMED.findall(told)} - {"relevo_service_build_info"}
    names |= {
        name for name in ("relevo_service_build_info", "process_start_time_seconds", "process_open_fds") if name in told
    }
    assert any(name in asked for name in names)


def broken(change: Callable[[dict[str, Any]], None]) -> list[str]:
    model = DASHBOARDS[0].model()
    change(model)
    return problems(model)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("datasource", {"uid": "prometheus"}, "a Prometheus of its own"),
        ("fieldConfig", {"defaults": {}}, "no unit"),
        ("description", "", "no description"),
        ("targets", [], "asks nothing"),
        ("gridPos", {"x": 0, "y": 0, "w": 24, "h": 8}, "lie on one another"),
        ("title", "Live", "twice"),
    ],
)
def test_a_board_that_breaks_a_rule_is_named(part: str, value: Any, said: str) -> None:
    found = broken(lambda model: model["panels"][1].update({part: value}))
    assert any(said in one for one in found)


@pytest.mark.parametrize(
    ("part", "value", "said"),
    [
        ("expr", 'up{tenant=~"$tenant"}', "is no variable"),
        ("legendFormat", "", "without a name"),
        ("datasource", {"uid": "b"}, "two sources"),
    ],
)
def test_a_query_that_breaks_a_rule_is_named(part: str, value: Any, said: str) -> None:
    found = broken(lambda model: model["panels"][-1]["targets"][0].update({part: value}))
    assert any(said in one for one in found)


# Runbooks


@pytest.mark.parametrize("name", sorted({alert.name for alert in alerts()}))
def test_a_runbook_says_what_it_means_whom_it_hurts_how_to_look_and_what_to_do(name: str) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text(encoding="utf-8")
    assert re.findall(r"^#+ (.*)$", text, re.MULTILINE) == [name, "Meaning", "Impact", "Diagnosis", "Mitigation"]
    parts = re.split(r"^## .*$", text, flags=re.MULTILINE)
    assert all(len(part.split()) >= 5 for part in parts[1:])
    assert "```sh\n" in parts[3], "diagnosis has commands"
    mine = [alert for alert in alerts() if alert.name == name]
    [board] = {board.title for board in DASHBOARDS if board.uid in {alert.dashboard for alert in mine}}
    said = " and ".join(dict.fromkeys(alert.severity for alert in mine)).capitalize()
    assert f"\n{said}. Board: *{board}*.\n" in text


@pytest.mark.parametrize("name", sorted({alert.name for alert in alerts()}))
def test_a_panel_that_a_runbook_names_is_on_a_board(name: str) -> None:
    text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", " ".join(text.split()))) - {
        board.title for board in DASHBOARDS
    }
    titles = {panel.title for _, panel in panels()} | {"Status, Targets"}
    assert named <= titles, named - titles


# Watching faster than in earnest


def test_windows_offsets_and_holds_are_shortened_and_nothing_else_is() -> None:
    rules = "expr: rate(a[1h]) > 3600 and b offset 1d\nfor: 5m\nfor: 0m\nexpr: rate(a[30s])"
    assert scaled(rules) == "expr: rate(a[180s]) > 3600 and b offset 4320s\nfor: 15s\nfor: 0s\nexpr: rate(a[3s])"


def test_a_picture_has_every_panel_and_draws_no_number_that_is_none() -> None:
    board = DASHBOARDS[0]
    first = next(iter(board.panels()))
    drawn = picture(board, {first.title: [Drawn("a<b", [(0, float("nan")), (1, 0.25)])]}, 60)
    assert all(f">{panel.title}<" in drawn for panel in board.panels())
    assert ">25%<" in drawn
    assert not re.search(r"\bnan\b", drawn)
