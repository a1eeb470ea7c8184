"""The page about the sandbox: its example loads, and every knob, route and ledger line stands in it."""

from pathlib import Path

import msgspec
import pytest

from relevo.sandbox_page import EVIDENCE
from sandbox.chattigo import ledger
from sandbox.chattigo.config import Config
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.knobs import Knobs, declared
from sandbox.chattigo.knobs.declared import Declared
from sandbox.chattigo.server import routes

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "sandbox.md").read_text()
REFERENCE = (DOCS / "reference" / "sandbox.md").read_text()
QUESTIONS = {f"Q{number}" for number in range(1, 37)}


@pytest.mark.parametrize("knob", list(declared(Knobs())), ids=lambda knob: knob.name)
def test_every_knob_has_its_row(knob: Declared) -> None:
    row = next(line for line in REFERENCE.splitlines() if line.startswith(f"| `{knob.name}` | {knob.about.question} |"))
    assert EVIDENCE[knob.about.evidence] in row
    assert knob.about.assumed == ("assumption" in row or "invention" in row)
    assert knob.about.question in QUESTIONS | {""}


def test_every_question_has_a_knob() -> None:
    assert {knob.about.question for knob in declared(Knobs())} - {""} == QUESTIONS


def test_a_knob_without_its_words_is_an_error() -> None:
    class Silent(msgspec.Struct):
        loud: int = 1

    with pytest.raises(TypeError, match="loud"):
        list(declared(Silent()))


@pytest.mark.parametrize("name", [route.name for route in routes()])
def test_every_route_can_be_found(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("kind", ledger.Line.__args__)
def test_every_ledger_line_is_listed(kind: type[ledger.Entry]) -> None:
    tag = kind.__struct_config__.tag
    assert f"`{tag}`" in PAGE
    assert f"`{tag}`" in str(ledger.__doc__)
    assert kind.__doc__


@pytest.mark.parametrize("field", Fault.__struct_fields__)
def test_every_field_of_a_fault_is_explained(field: str) -> None:
    assert field == "name" or field in PAGE


def test_the_example_loads() -> None:
    text = PAGE.split("```yaml\n")[1].split("```")[0]
    config = msgspec.yaml.decode(text, type=Config).check()
    assert [line.kind for line in config.lines] == ["cloud", "flat", "channel"]
