"""`relevo crm preview`: what the settings would send, without secrets and without a call; the page's own examples."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

from relevo import reference
from relevo.cli.program import app
from relevo.crm.preview import without_secrets
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, generate_key

PAGE = Path(reference.__file__).parent.parent / "docs" / "crm.md"
HUBSPOT, REST = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


def shown(path: Path, *more: str) -> list[str]:
    result = CliRunner().invoke(app, ["crm", "preview", "--file", str(path), *more])
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def test_the_pages_hubspot_example_shows_its_requests_for_a_whole_conversation(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(HUBSPOT)
    lines = shown(tmp_path / "acme.yaml")
    url = "https://api.hubapi.com/crm/v3/objects"
    assert lines[0] == (
        f'message: POST {url}/contacts/batch/upsert {{"inputs":[{{"idProperty":"whatsapp_id","id":"56922222222",'
        '"properties":{"firstname":"Ana Rojas","phone":"+56922222222"}}]}'
    )
    assert '"properties":{"email":"email","lifecyclestage":"stage"}' in lines[1]
    assert [line.partition(" ")[0] for line in lines] == [
        "message:",
        "crm:",
        "handed_off:",
        "handed_off:",
        "resumed:",
        "closed:",
        "closed:",
    ]
    assert "Cliente: hola<br>Bot: ¿En qué te ayudo?" in lines[-1]
    assert "whsec_" not in "\n".join(lines)


def test_the_pages_rest_example_shows_the_requests_of_events_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text("agents:\n" + REST)
    event: dict[str, Any] = {"id": "e1", "tenant": "acme", "did": "1", "contact": "56922222222", "reply_to": "2"}
    event |= {"kind": "session", "at_ms": 0, "facts": {"profile_name": "Ana"}, "extra": {"transcript": []}}
    (tmp_path / "events.json").write_bytes(msgspec.json.encode(event))
    assert shown(tmp_path / "acme.yaml", str(tmp_path / "events.json")) == [
        'closed: PUT https://crm.example/api/people/56922222222 {"ref":"56922222222","values":{"name":"Ana"}}'
    ]


@pytest.mark.parametrize("example", [HUBSPOT, "agents:\n" + REST])
def test_the_pages_examples_can_be_applied(example: str) -> None:
    tenant = 'tenant: acme\nsecrets: {webhook: [auto]}\naccounts: {}\nlines: [{did: "56911111111"}]\n'
    ring = KeyRing.parse(generate_key("k1"))
    file = TenantFile(YamlSource("acme.yaml", tenant + example), ring, {"HUBSPOT_TOKEN": "t0ken", "CRM_KEY": "k3y"})
    applied = file.tenant(None, 1).tenant
    assert "t0ken" not in str(applied)
    assert "k3y" not in str(applied)
    assert without_secrets(applied.agents["crm"]).keys() == yaml.safe_load(example)["agents"]["crm"].keys()


def test_a_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(HUBSPOT.replace("{fields.email}", "{felds.email}"))
    result = CliRunner().invoke(app, ["crm", "preview", "--file", str(tmp_path / "acme.yaml")])
    assert isinstance(result.exception, FileError)
    assert "acme.yaml:8: agents.crm.map.email: nothing is called felds" in str(result.exception)
