"""The page about people: its example runs as it stands, and every step and figure is explained on it."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from typer.testing import CliRunner

from relevo.cli.people import read
from relevo.cli.program import app
from sandbox.chattigo.server import Chattigo
from sandbox.people.script import DEEDS, Persona, Script, Step, loads
from sandbox.people.tally import Summary
from tests.builders.bot import answering
from tests.unit.sandbox.conftest import CLOUD

PAGE = (Path(__file__).parents[3] / "docs" / "people.md").read_text()
EXAMPLE = PAGE.split("```yaml\n")[1].split("```")[0]


def test_every_field_is_explained() -> None:
    for kind in (Step, Script, Persona, Summary):
        assert [name for name in kind.__struct_fields__ if f"`{name}`" not in PAGE] == []
    assert set(DEEDS) < set(Step.__struct_fields__)


async def test_the_example_is_played_by_the_command(chattigo: Chattigo, tmp_path: Path) -> None:
    script = tmp_path / "shop.yaml"
    script.write_text(EXAMPLE)
    assert set(loads(EXAMPLE.encode()).personas) == {"buyer", "newcomer"}
    words = ["sandbox", "people", str(script), "--turns", "120", "--rate", "60", "--people", "30", "--patience", "20"]
    words += ["--url", chattigo.base_url, "--did", CLOUD]
    async with answering(chattigo, CLOUD) as bot:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"])
        assert done.exit_code == 0, done.output
        summary = msgspec.json.decode(done.stdout.splitlines()[-1], type=Summary)
        assert (summary.done, summary.said, summary.unheard) == (True, 120, 0)
        assert {"say", "choose", "burst", "react"} <= set(summary.by_kind)
        read = await asyncio.to_thread(CliRunner().invoke, app, words)
        assert read.exit_code == 0
        for word in ("said: 120 turns", "rate: ", "late: the generator itself", "answered: ", "in vain: ", "choose"):
            assert word in read.stdout
        bot.answers = lambda message: []
        alone = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--turns", "3", "--patience", "0.2"])
        assert alone.exit_code == 1
        assert "never heard anything: 3 people" in alone.stdout


def test_the_commands_options_replace_what_the_script_says(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text("turns: 7\nrate: 3\npersonas: {a: {visit: [{say: hola}]}}")
    alone, longer, both = (read(file, *given) for given in (("", {"rate": 5.0}), ("90s", {}), ("2min", {"turns": 9})))
    assert (alone.turns, alone.rate) == (7, 5.0)
    assert (longer.turns, longer.for_s, longer.rate) == (0, 90.0, 3)
    assert (both.turns, both.for_s) == (9, 120.0)
    assert len(read(None, "", {"rate": None}).personas) > 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", "http://127.0.0.1:9"], "no sandbox answers"),
        (["--rate", "0"], "out of bounds: rate"),
        (["--for", "soon"], "no time span"),
    ],
)
def test_what_is_wrong_is_a_line(words: list[str], said: str, capfd: pytest.CaptureFixture[str]) -> None:
    done = CliRunner().invoke(app, ["sandbox", "people", *words])
    assert done.exit_code == 1
    assert said in done.output + capfd.readouterr().err
