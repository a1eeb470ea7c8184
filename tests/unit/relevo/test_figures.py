"""The demo's figures: percentiles of few and of many, and one JSON object with all that was promised."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevo.audit import report as reports
from relevo.audit.gathered import sort
from relevo.demo import figures
from relevo.demo.figures import percentiles
from relevo.demo.play import Ending
from tests.builders.audit import AGENT
from tests.builders.audit_steps import history


@pytest.mark.parametrize(
    ("values", "p50", "p99"),
    [
        ([], 0, 0),
        ([7], 7, 7),
        ([0, 10], 5, 9.9),
        (list(range(101)), 50, 99),
        ([5] * 1000, 5, 5),
        ([1] * 99 + [1000], 1, 11.0),
    ],
)
def test_percentiles(values: list[int], p50: float, p99: float) -> None:
    assert percentiles(values) == {"p50": p50, "p99": p99}


@given(st.lists(st.integers(0, 100_000), min_size=1))
def test_percentiles_lie_within_what_was_measured_in_any_order(values: list[int]) -> None:
    found = percentiles(values)
    assert min(values) <= found["p50"] <= found["p99"] <= max(values)
    assert found == percentiles(sorted(values, reverse=True))


def ending(*steps: str) -> Ending:
    run = history(steps)
    found = sort(run.messages, (AGENT,))
    return Ending(found, run.provider, reports.report(found, run.provider))


def test_the_json_has_every_figure_that_was_promised() -> None:
    steps = ("routed", "repeated", "equal_texts", "batch_sent", "receipts_kept", "lost_event", "lost_receipt")
    found = msgspec.json.decode(
        figures.as_json(figures.figures(ending(*steps, "twice_as_session"), Path("x/ledger.ndjson"), 1.26))
    )
    promised = {
        "webhooks_accepted": 11,
        "duplicates_dropped": 2,
        "replies_sent": 4,
        "batches": [{"template": "order", "recipients": 2}],
        "logins": {},
        "receipts": {"sent": 2, "delivered": 1, "read": 1, "other": 1},
        "in_doubt": 0,
        "lost": 2,
        "sent_twice": 1,
        "ack_ms": {"p50": 5, "p99": 5},
        "reply_ms": {"p50": 70, "p99": 70},
        "ledger": "x/ledger.ndjson",
    }
    assert {name: found[name] for name in promised} == promised
    assert len(found["violations"]) == 3


def test_what_is_on_its_way_is_pending() -> None:
    found = figures.figures(ending("pending_event", "pending_message", "in_doubt"), Path("x"), 1)
    assert (found["pending"], found["in_doubt"], found["violations"]) == (2, 1, [])


def test_the_table_shows_sizes_of_calls_and_verdicts() -> None:
    found = figures.figures(ending("batch_sent", "batch_sent", "lost_event"), Path("x"), 1)
    names, cells = (list(column.cells) for column in figures.table(found).columns)
    shown = dict(zip(names, cells, strict=True))
    assert shown["calls for order"] == "2: 2 + 2"
    assert shown["lost"] == "[red]1[/]"
    assert shown["sent twice"] == "[green]0[/]"
