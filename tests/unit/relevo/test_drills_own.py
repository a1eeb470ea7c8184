"""A drill with a company's own files: all of them as they are, but nothing of theirs leads to Chattigo."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from relevo.demo.scenario import PASSWORD_ENV
from relevo.drills.own import troupe
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import FileError, YamlSource
from runtime.secrets import KeyRing, generate_key

ACME = """
tenant: acme
name: Acme
secrets: {webhook: [{env: NOT_THERE}]}
accounts:
  cloud: {service: isv, base: "https://chattigo.example/isv", username: me@acme, password: {env: NOT_THERE}, auth: raw}
  chat: {service: bot, base: "https://chattigo.example/bot", username: me@acme, password: {env: NOT_THERE}}
lines: [{did: "56911111111", sends: cloud}, {did: "56911111112", sends: chat}]
agents: {menu: {file: menus/acme.yaml}, echo: {}}
routing: {route: [{to: menu}]}
"""


def given(folder: Path, text: str = ACME, name: str = "acme.yaml") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_the_lines_and_agents_are_those_of_the_file(tmp_path: Path) -> None:
    found = troupe([given(tmp_path)], ["echo=shop:echo", "extra=shop:extra"])
    (tenant,) = found.tenants
    assert (tenant.tenant, tenant.name) == ("acme", "Acme")
    assert [(line.did, line.flat) for line in tenant.lines] == [("56911111111", False), ("56911111112", True)]
    assert found.agents == ("menu", "echo=shop:echo", "extra=shop:extra")
    assert (dict(found.templates), found.handoff) == ({}, False)


def test_the_simulator_stands_in_chattigos_place_and_paths_still_lead_to_the_files(tmp_path: Path) -> None:
    (tmp_path / "menus").mkdir()
    found = troupe([given(tmp_path)], [])
    written = yaml.safe_load(found.tenant_file(found.tenants[0], "http://127.0.0.1:1"))
    assert "chattigo.example" not in str(written)
    assert "NOT_THERE" not in str(written)
    assert written["accounts"]["cloud"]["base"] == "http://127.0.0.1:1/bsp-cloud-chattigo-isv"
    assert written["accounts"]["chat"]["base"] == "http://127.0.0.1:1/api-bot"
    assert written["accounts"]["cloud"]["auth"] == "raw"
    assert written["agents"]["menu"]["file"] == str(tmp_path.resolve() / "menus" / "acme.yaml")
    assert written["routing"] == {"route": [{"to": "menu"}]}


def test_what_is_written_is_a_tenants_file(tmp_path: Path) -> None:
    found = troupe([given(tmp_path, ACME.replace("{file: menus/acme.yaml}", "{}"))], [])
    source = YamlSource("acme.yaml", found.tenant_file(found.tenants[0], "http://127.0.0.1:1"))
    ring = _ring(tmp_path)
    applied = TenantFile(source, ring, {PASSWORD_ENV: "made for the run"}, ("menu", "echo")).tenant(None, 1)
    assert len(applied.new_secrets) == 1
    assert [line.did for line in applied.tenant.lines] == ["56911111111", "56911111112"]


def _ring(folder: Path) -> KeyRing:
    keys = folder / "keys"
    keys.touch(mode=0o600)
    keys.write_text(generate_key("test") + "\n")
    return KeyRing.load(keys)


@pytest.mark.parametrize(
    ("text", "says"),
    [("[]", "begins with `tenant: NAME`"), ("tenant: acme\naccounts: {}\n", "accounts: a drill needs it")],
)
def test_a_file_that_is_no_tenants_is_refused_before_anything_starts(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(FileError, match=says):
        troupe([given(tmp_path, text)], [])
