"""The outcomes are declared once: names differ, errors explain themselves, and the page tells of each."""

import re
from pathlib import Path

from ingress.webhooks.outcomes import OUTCOMES

PAGE = Path(__file__).resolve().parents[3] / "docs" / "webhooks.md"
ROW = re.compile(r"^\| (\d{3}) \| `(\w+)` \| .+ \| (.+) \|$", re.MULTILINE)


def test_the_page_has_every_outcome_with_its_status_and_whether_it_is_kept() -> None:
    rows = {name: (int(status), kept) for status, name, kept in ROW.findall(PAGE.read_text())}
    assert {name: status for name, (status, _) in rows.items()} == {o.name: o.status for o in OUTCOMES}
    assert {name for name, (_, kept) in rows.items() if kept == "yes"} == {o.name for o in OUTCOMES if o.kept}


def test_names_differ_and_errors_say_what_happened() -> None:
    assert len({outcome.name for outcome in OUTCOMES}) == len(OUTCOMES)
    assert all(outcome.detail for outcome in OUTCOMES if outcome.status != 200)


def test_what_may_be_tried_again_says_when() -> None:
    assert {outcome.status for outcome in OUTCOMES if outcome.wait} == {429, 503}
    assert all(outcome.wait for outcome in OUTCOMES if outcome.status in (429, 503))
