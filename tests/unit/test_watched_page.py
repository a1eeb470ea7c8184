"""The page on operations says of faults and alerts what is played, and names every alert that no fault brings about."""

from __future__ import annotations

import re
from pathlib import Path

from relevo import reference
from relevo.monitoring.alerts import alerts
from tests.builders.prometheus import scaled
from tests.watched.page import BEGIN, END, seen, table, unseen
from tests.watched.table import ROWS

PAGE = (Path(reference.__file__).parent.parent / "docs" / "operations.md").read_text(encoding="utf-8")
NAMES = {alert.name for alert in alerts()}
# `Relevo` is left out on the page.
_NAMES = re.compile(r"`([A-Z]\w+)`")


def test_the_table_of_the_page_is_what_is_played() -> None:
    told = PAGE.split(BEGIN)[1].split(END)[0].strip()
    assert told == table(), "put in what tests.watched.page.table() gives"


def test_rows_name_alerts_that_there_are_and_each_fault_once() -> None:
    named = {name for row in ROWS for name in (*row.must, *row.may)}
    assert named <= NAMES
    assert all(row.must for row in ROWS)
    assert len({row.what for row in ROWS}) == len(ROWS)
    assert not [row.what for row in ROWS if set(row.must) & set(row.may)]


def test_the_page_says_of_every_other_alert_why_no_fault_here_brings_it_about() -> None:
    told = PAGE.split(END)[1].split("\n## ")[0]
    assert {f"Relevo{name}" for name in _NAMES.findall(told)} == unseen()
    assert seen() | unseen() == NAMES


def test_at_the_raised_speed_times_are_shorter_and_nothing_else_is_changed() -> None:
    rules = (Path(reference.__file__).parent.parent / "deploy/helm/relevo/files/rules/alerts.yaml").read_text()
    fast = scaled(rules)
    assert rules.count(" < 900\n") == fast.count(" < 45\n") == 2
    assert "for: 5m" not in fast
    assert "[1h]" not in fast
    assert len(fast.splitlines()) == len(rules.splitlines())
    limits = re.compile(r"> ([\d.]+)")
    assert limits.findall(fast) == limits.findall(rules)
