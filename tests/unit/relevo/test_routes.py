"""`relevo routes test`: rules are tried out before they are applied, without secrets and without Kafka."""

from __future__ import annotations

import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
import pytest
from typer.testing import CliRunner

from processors.routing import Router, Subject
from relevo.cli import routes
from relevo.cli.program import app
from relevo.tenants.dry import routing_of
from relevo.tenants.yaml_source import FileError, YamlSource
from schemas.content import Text
from schemas.tenant import Hours, Line, Routing, Rule, Tenant, When

ROOT = Path(__file__).resolve().parents[3]
ACME = """\
tenant: acme
secrets: {webhook: [{env: NOBODY_HAS_IT}]}
accounts: {isv: {service: nonsense}}
lines: [{did: "56911111111"}, {did: "56911111112"}]
hours:
  office: {zone: America/Santiago, week: {mon-fri: ["09:00-18:00"]}, closed: [2026-12-25]}
routing:
  route:
    - {when: {keyword: [humano]}, to: echo}
    - {unless: {hours: office}, to: echo}
    - {when: {line: ["56911111112"], choice: [ventas]}, to: echo}
    - {when: {source_id: ["7"], language: [pt], new_contact: true}, to: echo}
"""


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "acme.yaml"
    path.write_text(ACME)
    return path


def run(*arguments: object) -> Ran:
    ran = CliRunner().invoke(app, ["routes", "test", *map(str, arguments)])
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def answer(*arguments: object) -> dict[str, Any]:
    ran = run(*arguments, "--json")
    assert ran.code == 0, ran.err
    found: dict[str, Any] = msgspec.json.decode(ran.out)
    return found


def test_a_file_is_tried_out_without_its_secrets(file: Path) -> None:
    ran = run("--file", file, "--text", "hola", "--at", "2026-11-26T11:00")
    assert ran == Ran(
        0,
        "rule 0 (to echo): no; keyword wants humano, there was text of 4 characters\n"
        "rule 1 (to echo): no; unless hours office, which holds\n"
        "rule 2 (to echo): no; line wants 56911111112, there was 56911111111; "
        "choice wants ventas, there was no choice\n"
        "rule 3 (to echo): no; new_contact wants yes, there was no; source_id wants 7, there was none; "
        "language wants pt, there was not known\n"
        "no rule matched, so the default: to menu\n"
        "hours office: open at Thu 2026-11-26 11:00 America/Santiago\n",
        "",
    )


@pytest.mark.parametrize(
    ("arguments", "rule", "open_"),
    [
        (("--text", "un humano"), 0, True),
        (("--at", "2026-12-25T11:00"), 1, False),
        (("--at", "2026-11-26T11:00+00:00"), 1, False),
        (("--line", "+56 9 1111 1112", "--choice", "ventas"), 2, True),
        (("--choice", "ventas"), -1, True),
        (("--source-type", "ad", "--source-id", "7", "--language", "pt", "--new-contact"), 3, True),
    ],
)
def test_every_condition_can_be_tried(file: Path, arguments: tuple[str, ...], rule: int, open_: bool) -> None:
    when = () if "--at" in arguments else ("--at", "2026-11-26T11:00")
    found = answer("--file", file, *arguments, *when)
    decision = {"rule": -1} | found["decision"]
    assert (decision["rule"], found["open"]) == (rule, {"office": open_})
    assert found["tried"][-1] == {"rule": rule, "to": "echo" if rule >= 0 else "menu"}


def test_an_agent_is_mute_while_a_human_owns(file: Path) -> None:
    assert answer("--file", file, "--human")["decision"]["muted"]


def test_every_mistake_of_routing_is_named_and_of_nothing_else(file: Path) -> None:
    file.write_text(ACME.replace("hours: office}", "hours: ofice}").replace("to: echo}", "to: ecko}", 1))
    with pytest.raises(FileError) as wrong:
        run("--file", file)
    assert [one.partition("acme.yaml:")[2] for one in wrong.value.mistakes] == [
        "9: routing.route[0]: no agent of type 'ecko' runs here; there are echo, menu",
        "10: routing.route[1].unless.hours: no hours 'ofice'; did you mean 'office'?",
    ]
    file.write_text(ACME.replace("language: [pt]", "language: pt").replace("when:", "wen:", 1))
    with pytest.raises(FileError) as wrong:
        run("--file", file)
    assert [one.partition("acme.yaml:")[2] for one in wrong.value.mistakes] == [
        "9: routing.route[0].wen: no such field; did you mean 'when'?",
        "12: routing.route[3].when.language: Expected `array`, got `str`",
    ]


def test_what_is_wrongly_asked_is_said(file: Path) -> None:
    assert run().code == 2
    assert run("--file", file, "--tenant", "acme").code == 2
    assert "is no time; write" in run("--file", file, "--at", "noon").err
    assert "acme has no line 1234567" in run("--file", file, "--line", "1234567").err
    file.write_text(ACME.replace("routing:", "  night: {zone: UTC, week: {mon: ['09:00-10:00']}}\nrouting:"))
    ran = run("--file", file, "--at", "2026-11-26T11:00")
    assert (ran.code, "several clocks (America/Santiago, UTC)" in ran.err) == (2, True)


def test_a_tenant_of_kafka_is_tried_as_it_stands_faults_and_all(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = [Rule(to="night", when=When(hours="office")), Rule(to="gone")]
    broken = Hours(zone="Nowhere/None", week={"mon": ["09:00-10:00"]})
    acme = Tenant(tenant="acme", lines=[Line(did="569")], routing=Routing(route=rules), hours={"office": broken})
    monkeypatch.setattr(routes, "read_tenants", lambda settings: {"acme": acme})
    ran = run("--tenant", "acme")
    assert ran.out.splitlines() == [
        "rule 0 (to night): no; it can never match (hours: the tenant has no usable hours 'office')",
        "rule 1: to gone",
    ]
    assert "hours office: zone: no time zone 'Nowhere/None'" in ran.err
    assert "no agent of type gone runs here" in ran.err
    assert "a time zone that there is not" in run("--tenant", "acme", "--at", "2026-11-26T11:00").err
    missing = run("--tenant", "acne")
    assert (missing.code, missing.err) == (1, "no tenant 'acne'; there are acme\n")


def test_the_rules_of_the_page_are_accepted_and_do_what_it_says() -> None:
    [page] = re.findall(r"^```yaml\n(.*?)^```$", (ROOT / "docs/routing.md").read_text(), re.MULTILINE | re.DOTALL)
    made = Router.of(routing_of(YamlSource("docs/routing.md", "tenant: acme\nlines: [{did: '569'}]\n" + page)))
    santiago = ZoneInfo("America/Santiago")

    def goes(said: str, at: datetime, **fields: Any) -> str:
        at_ms = int(at.replace(tzinfo=santiago).timestamp() * 1000)
        return made.decide(Subject(did="569", kind="message", content=Text(body=said), at_ms=at_ms, **fields)).agent

    open_, night = datetime(2026, 11, 26, 15, 0), datetime(2026, 12, 25, 15, 0)
    ad: dict[str, Any] = {"referral": {"source_type": "ad"}, "new_contact": True}
    assert [goes("un asesor", open_), goes("un asesor", night), goes("mi pedido 12", night)] == [
        "handoff", "closed", "orders",
    ]  # fmt: skip
    assert [goes("x", open_, **ad), goes("x", open_, language="pt-BR", **ad), goes("x", open_)] == [
        "sales", "menu", "menu",
    ]  # fmt: skip
    assert made.faults == []
