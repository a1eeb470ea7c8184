"""The reference pages say what the code declares."""

import re
from pathlib import Path

import pytest

from relevo import reference
from runtime import metrics
from runtime.metrics import CATALOGUE, Metric
from runtime.settings import AREAS, Area, EgressSettings, IngressSettings, KafkaSettings, ServiceSettings


def test_no_page_is_stale() -> None:
    assert reference.stale() == [], "run python -m relevo.reference --write"


ROOT = Path(reference.__file__).parent.parent
_WRITTEN = "\n".join(
    path.read_text(encoding="utf-8")
    for folder in ("schemas", "runtime", "ingress", "processors", "egress", "sandbox", "relevo")
    for path in (ROOT / folder).rglob("*.py")
    if path.parent not in (ROOT / "runtime" / "settings", ROOT / "runtime" / "metrics" / "catalogue")
)


@pytest.mark.parametrize("area", AREAS)
def test_every_setting_is_read_by_some_code(area: type[Area]) -> None:
    """A setting that nothing reads is a promise that nobody keeps."""
    unread = [name for name in area.model_fields if not re.search(rf"\.{name}\b", _WRITTEN)]
    assert not unread


def test_every_metric_is_counted_by_some_code() -> None:
    names = [name for name, value in vars(metrics).items() if isinstance(value, Metric)]
    assert len(names) == len(CATALOGUE)
    assert not [name for name in names if not re.search(rf"\b{name}\b", _WRITTEN)]


@pytest.mark.parametrize("name", reference.PAGES)
def test_a_page_that_is_missing_or_was_edited_is_stale(tmp_path: Path, name: str) -> None:
    assert name in reference.stale(tmp_path)
    assert name in reference.write(tmp_path)
    assert reference.stale(tmp_path) == []
    page = tmp_path / name
    page.write_text(page.read_text() + "by hand")
    assert reference.stale(tmp_path) == [name]


def test_the_command_checks_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reference.main(["--check"], tmp_path) == 1
    assert "settings.md is stale" in capsys.readouterr().err
    assert reference.main(["--write"], tmp_path) == 0
    assert "wrote settings.md" in capsys.readouterr().out
    assert reference.main(["--write"], tmp_path) == 0
    assert reference.main(["--check"], tmp_path) == 0
    assert "nothing changed" in capsys.readouterr().out


def test_every_setting_and_metric_has_its_row() -> None:
    settings, metrics = reference.settings_page(), reference.metrics_page()
    for area in AREAS:
        assert all(f"`{area.variable(name)}`" in settings for name in area.model_fields)
    assert "`RELEVO_KAFKA_SASL_PASSWORD_FILE`" in settings
    assert all(f"| `{metric.name}` | {metric.kind} |" in metrics for metric in CATALOGUE)


@pytest.mark.parametrize(
    ("area", "field", "text"),
    [
        (EgressSettings, "plan_deadline_s", "number, above 0 to 60"),
        (EgressSettings, "batch_max", "integer, from 1 to 1000"),
        (KafkaSettings, "sasl_password", "secret"),
        (KafkaSettings, "ssl_ca_file", "file"),
        (KafkaSettings, "profile", "`laptop` or `production` or `mock`"),
        (KafkaSettings, "bootstrap", "text"),
        (IngressSettings, "allowed_networks", "networks"),
        (ServiceSettings, "admin_port", "integer, from 0 to 65535"),
    ],
)
def test_types_are_told_with_their_bounds(area: type[Area], field: str, text: str) -> None:
    assert reference.type_text(area.model_fields[field]) == text


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    assert reference.table(("a", "b"), [("x|y", "z")]).splitlines()[-1] == "| x\\|y | z |"
