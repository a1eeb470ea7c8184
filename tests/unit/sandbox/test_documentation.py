"""The page about the sandbox: its example loads, and every knob, route and ledger line stands in it."""

from pathlib import Path

import msgspec
import pytest

from sandbox.chattigo import ledger
from sandbox.chattigo.config import Config
from sandbox.chattigo.faults import Fault
from sandbox.chattigo.knobs import Knobs
from sandbox.chattigo.server import routes

PAGE = (Path(__file__).parents[3] / "docs" / "sandbox.md").read_text()


def names() -> list[str]:
    flat: list[str] = []
    for name, value in msgspec.to_builtins(Knobs()).items():
        flat += [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]
    return flat


@pytest.mark.parametrize("name", names())
def test_every_knob_has_its_place(name: str) -> None:
    assert f"`{name}`" in PAGE


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
    assert [line.kind for line in config.lines] == ["cloud", "flat"]
