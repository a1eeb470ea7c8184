"""docs/gate.md says what the code does: every code, every limit, and the order of the rules."""

from __future__ import annotations

import re
from pathlib import Path

from egress.lines.gate import catalogue
from egress.lines.gate.verdict import CODES
from schemas.tenant import TemplateSpec

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "gate.md").read_text(encoding="utf-8")


def test_the_table_of_codes_is_the_codes() -> None:
    table = PAGE.partition("## Codes")[2].partition("##")[0]
    assert dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", table, re.MULTILINE)) == CODES


def test_every_code_of_the_gate_is_in_the_table() -> None:
    folder = Path(catalogue.__file__).parent
    code = "\n".join((folder / name).read_text(encoding="utf-8") for name in ("gate.py", "catalogue.py"))
    assert set(re.findall(r'(?:Refusal|Wait)\((?:\w+, )?"(\w+)"', code)) <= set(CODES)
    assert set(re.findall(r'"(\w+)"', code)) >= set(CODES) - {"template_parameters"}


def test_the_limits_of_templates_are_those_that_are_checked() -> None:
    for limit in (catalogue.BODY_MAX, catalogue.HEADER_MAX, catalogue.LINK_MAX, catalogue.COUPON_MAX):
        assert f"| {limit} characters |" in PAGE
    assert f"| {catalogue.PAYLOAD_MAX} characters |" in PAGE


def test_every_field_of_a_template_is_shown() -> None:
    example = PAGE.partition("## Templates")[2].partition("```yaml")[2].partition("```")[0]
    shown = set(re.findall(r"^ +(?:- )?(\w+):", example, re.MULTILINE))
    assert shown == set(TemplateSpec.__struct_fields__) - {"namespace", "bot_attention"}
