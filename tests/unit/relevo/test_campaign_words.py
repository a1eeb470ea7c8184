"""What is asked on the command line: options of a bundle, times and shares as people write them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.testing import CliRunner

from relevo.campaigns.mapping import Wanted
from relevo.cli.bundle import bundled
from relevo.cli.campaign_asked import STDIN, Asked, _share, _time
from schemas.campaign import Canary, Ramp, StopRule

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


def asked(**fields: Any) -> Asked:
    return Asked(**({"file": Path("a.csv"), "tenant": "t", "template": "p"} | fields))


def test_the_terms_are_those_of_the_words() -> None:
    plain = asked().terms(NOW)
    assert (plain.canary, plain.ramp, plain.stop, plain.start_ms) == (None, None, StopRule(), 0)
    terms = asked(
        ramp="0.1, 50%", ramp_step="60s", canary=5, canary_wait="2min", stop_on="5%", stop_codes="1,2", at="1h"
    ).terms(NOW)
    assert (terms.ramp, terms.canary) == (Ramp(shares=[0.1, 0.5], step_s=60), Canary(count=5, wait_s=120))
    assert (terms.stop, terms.start_ms) == (StopRule(failed_share=0.05, codes=["1", "2"]), NOW + 3_600_000)
    with pytest.raises(typer.BadParameter, match="no time span"):
        asked(canary_wait="soon").terms(NOW)


def test_flags_win_over_the_mapping_file(tmp_path: Path) -> None:
    file = tmp_path / "m.yaml"
    file.write_text("to: tel\nbody: [a]\n")
    assert asked(mapping=file, body=["b"], country="CL").wanted == Wanted(to="tel", body=["b"], country="CL")


def test_the_report_of_standard_input_stands_here() -> None:
    assert asked(file=STDIN).report == Path("stdin.rejected.csv")
    assert asked().report is None
    assert asked(file=STDIN, rejected=Path("x")).report == Path("x")


@dataclass(frozen=True)
class _Said:
    word: Annotated[str, typer.Argument(help="A word.")]
    times: Annotated[int, typer.Option("--times", min=1, help="How often.")] = 1
    more: Annotated[list[str] | None, typer.Option(help="More.")] = None


def test_each_field_of_a_bundle_is_an_option_of_its_command() -> None:
    heard: list[_Said] = []
    app = typer.Typer()

    @app.command()
    @bundled(_Said)
    def speak(said: _Said) -> None:
        """Says it."""
        heard.append(said)

    runner = CliRunner()
    assert runner.invoke(app, ["hola", "--times", "2", "--more", "a", "--more", "b"]).exit_code == 0
    assert runner.invoke(app, ["adiós"]).exit_code == 0
    assert heard == [_Said("hola", 2, ["a", "b"]), _Said("adiós")]
    assert runner.invoke(app, []).exit_code == 2
    assert runner.invoke(app, ["hola", "--times", "0"]).exit_code == 2
    told = runner.invoke(app, ["--help"]).stdout
    assert "Says it." in told
    assert "How often." in told
