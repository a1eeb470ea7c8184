"""The page of the tenant file names every field, and its example is taken as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from relevo.tenants.file import TenantFile
from relevo.tenants.yaml_source import YamlSource
from runtime.secrets import KeyRing, generate_key
from schemas.tenant import Account, ButtonSpec, Handoff, Line, Prices, TemplateSpec, Tenant

PAGE = (Path(__file__).parents[3] / "docs" / "tenant-file.md").read_text("utf-8")
EXAMPLE = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]


def test_the_example_is_taken_and_says_what_the_page_says_of_it() -> None:
    ring = KeyRing.parse(generate_key("k1"))
    made = TenantFile(YamlSource("acme.yaml", EXAMPLE), ring, {"ACME_PASSWORD": "x"}, ("menu", "echo")).tenant(None, 1)
    tenant = made.tenant
    assert (tenant.tenant, len(made.new_secrets), tenant.spoken) == ("acme", 1, ["es", "pt"])
    assert [(line.rate, line.batch_max) for line in tenant.lines] == [(80, 1000), (20, 500)]
    assert tenant.lines[1].quiet is not None
    assert tenant.limits["backlog"] == 2_000_000


@pytest.mark.parametrize("kind", [Tenant, Account, Line, TemplateSpec, ButtonSpec, Prices, Handoff])
def test_every_field_is_named(kind: type) -> None:
    made_by_the_command = {"updated_ms"}
    named = {part for code in re.findall(r"`([a-z_0-9.]+)", PAGE) for part in code.split(".")}
    named |= set(re.findall(r"([a-z_0-9]+):", EXAMPLE))
    assert {field.encode_name for field in fields(kind)} - named - made_by_the_command == set()
