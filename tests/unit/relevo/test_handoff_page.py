"""The page about humans shows what is taken, and what is sent."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from processors.agents.builtin.desk.answers import obeyed
from processors.agents.checks import problems
from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import YamlSource
from runtime.hooks import Answer, new_secret
from runtime.secrets import KeyRing, generate_key
from schemas import inbound
from tests.builders.office import Office

PAGE = (Path(__file__).parents[3] / "docs" / "handoff.md").read_text("utf-8")
YAML = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
JSON = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
REST = """tenant: acme
secrets: {webhook: [auto]}
lines: [{did: "56911111111"}, {did: "56911111112"}]
hours: {office: {zone: America/Santiago, week: {mon-fri: ["09:00-18:00"]}}}
"""


@pytest.mark.parametrize("block", YAML)
def test_each_part_of_a_tenants_file_is_taken(block: str) -> None:
    made = TenantFile(
        YamlSource("acme.yaml", REST + block), KeyRing.parse(generate_key("k")), {"DESK_SECRET": new_secret()}
    )
    assert made.tenant(None, 1).tenant.tenant == "acme"


def test_what_the_tables_name_is_what_the_agent_takes() -> None:
    (settings,) = [yaml.safe_load(block)["agents"]["handoff"] for block in YAML if "handoff:\n" in block]
    assert problems("handoff", settings) == []
    assert {f"`{name}`" for name in settings} <= set(re.findall(r"`\w+`", PAGE))


def test_the_answer_is_obeyed() -> None:
    call, answer = JSON
    assert [action.kind for action in obeyed(answer.encode())] == ["human_says", "give_back"]
    assert msgspec.json.decode(call)["type"] == "handoff.started"


def test_calls_have_what_the_page_says_and_no_more() -> None:
    office = Office(lambda call: Answer(outcome="ok", status=200))
    office.says("humano")
    office.says("¿hola?")
    office.orders(inbound.Resume)
    rows = dict(re.findall(r"^\| `([a-z.]+)` \| .*? \| (.*) \|$", PAGE, re.MULTILINE))
    every = set(re.findall(r"`(\w+)`", PAGE.split("All have `handoff`")[1].split("\n\n")[0])) | {"handoff"}
    for hook in office.hooks:
        data: dict[str, Any] = hook["data"]
        named = set(re.findall(r"`(\w+)`", rows[hook["type"]])) | every
        assert set(data) <= named, hook["type"]
        assert every <= set(data)
    assert set(msgspec.json.decode(JSON[0])["data"]) <= set(office.hooks[0]["data"])
