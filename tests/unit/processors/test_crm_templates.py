"""Templates of the CRM's settings: what is known is filled in, keeps its type, and is left out where it is not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.agents.builtin.crm.template import MISSING, Template, TemplateError

KNOWN = {
    "name": "Ana",
    "empty": "",
    "none": None,
    "at_ms": 1_700_000_000_000,
    "fields": {"stage": 2, "tags": ["a", "b"]},
}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("{name}", "", "Ana"),
        ("Hola {name}!", "", "Hola Ana!"),
        ("{fields.stage}", "", 2),
        ("nr {fields.stage}", "", "nr 2"),
        ("{fields.tags}", "text", "a;b"),
        ("{fields.gone}", "", MISSING),
        ("Hola {fields.gone}", "", MISSING),
        ("{empty}", "", MISSING),
        ("{none}", "", MISSING),
        ("{empty|amiga}", "", "amiga"),
        ("{none|}", "", ""),
        ("{{name}} {name}", "", "{name} Ana"),
        ("{name.upper}", "", MISSING),
        ("{fields.__class__}", "", MISSING),
        ("fixed", "", "fixed"),
        ("", "", ""),
        ("12.50", "number", 12.5),
        ("12", "number", 12),
        ("doce", "number", MISSING),
        ("nan", "number", MISSING),
        ("sí", "boolean", True),
        ("maybe", "boolean", MISSING),
        ("{at_ms}", "datetime", "2023-11-14T22:13:20Z"),
        ("{at_ms}", "date", "2023-11-14"),
        ("2026-01-02T10:00:00-03:00", "datetime", "2026-01-02T13:00:00Z"),
        ("mañana", "date", MISSING),
    ],
)
def test_a_template_is_filled_with_what_is_known(text: str, kind: str, value: Any) -> None:
    assert Template(text, kind).value(KNOWN) == value


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{}", "{0}", "{name!r}", "{name:>9}", "{a b}", "{name"])
def test_what_is_no_template_says_what_to_write(text: str) -> None:
    with pytest.raises(TemplateError, match="write"):
        Template(text)


@given(st.text())
def test_what_a_person_wrote_is_never_read_as_a_template(said: str) -> None:
    assert Template("<{name}>").value({"name": said}) == (f"<{said}>" if said else MISSING)
