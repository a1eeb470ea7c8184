"""Times and shares as people write them on the command line."""

from __future__ import annotations

import pytest
import typer

from relevo.cli.campaign import _ramp, _share, _time
from schemas.campaign import Ramp

NOW = 1_000_000


@pytest.mark.parametrize(
    ("text", "at_ms"),
    [
        ("", 0),
        ("2h", NOW + 7_200_000),
        ("1970-01-02", 86_400_000),
        ("1970-01-01T01:00", 3_600_000),
        ("1970-01-01T01:00-03:00", 14_400_000),
    ],
)
def test_a_time_is_a_moment_or_a_span_from_now(text: str, at_ms: int) -> None:
    assert _time(text, NOW, "--at") == at_ms


@pytest.mark.parametrize(("text", "share"), [("5%", 0.05), ("0.05", 0.05), ("", 0), ("100%", 1)])
def test_a_share_is_a_part_or_a_percentage(text: str, share: float) -> None:
    assert _share(text, "--stop-on") == share


@pytest.mark.parametrize("text", ["5", "x%", "-1", "nan"])
def test_what_is_no_share_is_wrong_usage(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="no share"):
        _share(text, "--stop-on")


def test_what_is_no_time_is_wrong_usage() -> None:
    with pytest.raises(typer.BadParameter, match="no time"):
        _time("tomorrow", NOW, "--at")


def test_a_ramp_is_shares() -> None:
    assert _ramp("0.1, 50%", 60) == Ramp(shares=[0.1, 0.5], step_s=60)
    assert _ramp("", 60) is None
