"""Every expected error of a command is a line and an exit code, never a traceback."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from relevo.audit.facts import Became
from relevo.audit.gathered import Gathered
from relevo.audit.report import report
from relevo.audit.store import IDS
from relevo.campaigns.refused import MappingError, SubmitError
from relevo.cli import audit, doctor, tenants
from relevo.cli.console import say
from relevo.cli.program import main
from relevo.cli.verbs import MODULES, part
from relevo.doctor import Finding
from relevo.tenants.store import TenantConflict
from relevo.tenants.yaml_source import FileError
from runtime.kafka.offsets import OffsetsUnavailable
from runtime.kafka.reader import ReadFailed
from runtime.kafka.record import DeliveryError
from runtime.kafka.topics import TopicMismatch
from runtime.secrets import KeyRingError
from runtime.settings import SettingsError
from schemas.record import RecordError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["relevo", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code", "says"),
    [
        (FileError(["a.yaml:1: x", "a.yaml:2: y"]), 1, "a.yaml:1: x\na.yaml:2: y\n"),
        (TenantConflict("line 1 belongs to tenant b"), 1, "line 1 belongs to tenant b\n"),
        (MappingError("no column [x]"), 1, "no column [x]\n"),
        (SubmitError("exists " + "very " * 40 + "long"), 1, "exists " + "very " * 40 + "long\n"),
        (TopicMismatch([]), 1, "the topics are not as the catalogue says:\n"),
        (RecordError("missing field"), 1, "missing field\n"),
        (KeyRingError("no key"), 1, "no key\n"),
        (ReadFailed("tenants/0: stuck"), 1, "tenants/0: stuck\n"),
        (DeliveryError("_MSG_TIMED_OUT", True), 1, "_MSG_TIMED_OUT\n"),
        (SettingsError(["RELEVO_X: no such setting"]), 78, "wrong settings:\n  RELEVO_X: no such setting\n"),
        (OffsetsUnavailable("tenants/0: timed out"), 1, "tenants/0: timed out; is RELEVO_KAFKA_BOOTSTRAP right?"),
        (KafkaException(KafkaError(KafkaError._TRANSPORT, "gone")), 1, "gone; is RELEVO_KAFKA_BOOTSTRAP right?"),
    ],
)
def test_an_expected_error_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception, code: int, says: str
) -> None:
    def fails(settings: Any) -> Any:
        raise error

    monkeypatch.setattr(tenants, "read_tenants", fails)
    assert run(monkeypatch, "tenants", "ls") == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err


def test_an_error_that_nobody_expected_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(settings: Any) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(tenants, "read_tenants", fails)
    monkeypatch.setattr(sys, "argv", ["relevo", "tenants", "ls"])
    with pytest.raises(ZeroDivisionError):
        main()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("tenant",), "tenant"),
        (("tenants", "lst"), "lst"),
        (("tenants", "ls", "--nope"), "--nope"),
        (("audit", "--ledger", "/nowhere"), "/nowhere"),
        (("campaign", "submit", "/nowhere", "--tenant", "a", "--template", "b"), "/nowhere"),
        (("serve", "kitchen"), "no service 'kitchen'; there are "),
        (("serve", "agents"), "needs --agent TYPE"),
        (("demo", "--input", "/nowhere"), "/nowhere"),
    ],
)
def test_wrong_usage_has_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], says: str
) -> None:
    assert run(monkeypatch, *arguments) == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("state", "code"), [("ok", 0), ("warning", 0), ("failed", 1)])
def test_the_doctors_exit_code_says_whether_something_failed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], state: Any, code: int
) -> None:
    async def examine(*, login: bool) -> list[Finding]:
        return [Finding(what="x[/]", state=state, detail="[Errno 1] " + "y" * 100, advice="do [this]")]

    monkeypatch.setattr(doctor.checks, "examine", examine)
    assert run(monkeypatch, "doctor") == code
    sign = {"ok": "ok  ", "warning": "warn", "failed": "FAIL"}[state]
    assert capsys.readouterr().out == f"{sign} x[/]: [Errno 1] {'y' * 100}\n       do [this]\n"


def test_the_audits_exit_code_says_whether_an_invariant_is_broken(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = Gathered()
    monkeypatch.setattr(audit, "look", lambda settings, question, folder: report(found, None))
    assert run(monkeypatch, "audit") == 0
    found.store.put(IDS, Became("nobody's[1]" + "x" * 80, "accepted", "acme"))
    assert run(monkeypatch, "audit") == 1
    assert f"nobody's[1]{'x' * 80}\n1 violations\n" in capsys.readouterr().err


def test_what_is_no_ledger_is_told_before_kafka_is_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(audit, "look", lambda settings, question, folder: pytest.fail("Kafka was read"))
    garbage = tmp_path / "garbage[1]"
    garbage.write_text('{"type":"nobody"}\n')
    assert run(monkeypatch, "audit", "--ledger", str(garbage)) == 2
    assert f"{garbage} is not a ledger of the sandbox: Invalid value 'nobody'" in capsys.readouterr().err


def test_help_lists_the_verbs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--help") == 0
    shown = capsys.readouterr().out
    for verb in (
        "serve",
        "all",
        "demo",
        "topics",
        "tenants",
        "routes",
        "why",
        "campaign",
        "audit",
        "doctor",
        "sandbox",
        "keys",
    ):
        assert f" {verb} " in shown


def test_a_line_is_said_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    say("[red]a[1][/]" + " word" * 60)
    assert capsys.readouterr().out == "[red]a[1][/]" + " word" * 60 + "\n"


def loaded(code: str) -> set[str]:
    """The modules that a fresh Python has loaded after it."""
    ends = f"import sys\ntry:\n    {code}\nexcept SystemExit:\n    pass\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", ends], capture_output=True, text=True, timeout=60, check=True)
    return set(done.stdout.split())


def test_the_program_starts_without_what_services_alone_need() -> None:
    """Faust takes longer to load than most commands to run."""
    assert {"faust", "aiokafka", "runtime.engine"} & loaded(
        "import relevo.cli.program as p; p.app(['--help'])"
    ) == set()


def test_a_verb_is_run_without_the_modules_of_the_others() -> None:
    found = loaded("import relevo.cli.program as p; p.app(['keys', '--help'])")
    assert "relevo.cli.keys" in found
    assert {f"relevo.cli.{one}" for one in MODULES.values()} & found == {"relevo.cli.keys"}
    assert {"egress", "sandbox", "relevo.audit", "relevo.demo"} & found == set()


def test_every_verb_that_a_module_has_at_the_top_is_named() -> None:
    for module in sorted(set(MODULES.values())):
        named = {verb for verb, where in MODULES.items() if where == module}
        assert set(part(module)) == named
    assert set(MODULES.values()) == {
        one.stem
        for one in Path(audit.__file__).parent.glob("*.py")
        if re.search(r"^app = |^def add_to", one.read_text(), re.MULTILINE)
    } - {"program", "campaign_progress"}
