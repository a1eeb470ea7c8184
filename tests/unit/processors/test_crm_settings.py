"""Settings of the CRM that cannot be used are named with their place before they are stored."""

from __future__ import annotations

from typing import Any

import pytest

from processors.agents.builtin.crm.settings import Settings, problems
from runtime.secrets import Secret
from tests.builders.hooks import SECRET

HUBSPOT: dict[str, Any] = {
    "recipe": "hubspot",
    "token": Secret("t"),
    "map": {"firstname": "{name}", "stage": {"value": "{fields.stage}", "type": "number"}},
    "notes": {"closed": "{transcript}"},
}
REST: dict[str, Any] = {
    "recipe": "rest",
    "url": "https://crm.example/api",
    "headers": {"X-Api-Key": Secret("k")},
    "secret": [Secret(SECRET)],
    "map": {"name": "{name}"},
    "upsert": {"method": "PUT", "path": "/contacts/{id}", "body": {"properties": "{properties}"}},
}


@pytest.mark.parametrize("given", [HUBSPOT, REST])
def test_good_settings_have_no_problem(given: dict[str, Any]) -> None:
    assert problems(given) == []
    assert Settings.of(given).headers in ({"Authorization": "Bearer t"}, {"X-Api-Key": "k"})


@pytest.mark.parametrize(
    ("given", "path", "word"),
    [
        ({}, ("recipe",), "hubspot"),
        ({"recipe": "sap"}, ("recipe",), "hubspot"),
        (HUBSPOT | {"tokn": "x"}, ("tokn",), "token"),
        (HUBSPOT | {"token": "plain"}, ("token",), "outside"),
        ({**HUBSPOT, "token": ""}, ("token",), "private app"),
        (REST | {"url": "http://crm.example"}, ("url",), "plain"),
        (REST | {"secret": SECRET}, ("secret",), "outside"),
        (HUBSPOT | {"id_property": "email"}, ("id_property",), "unique"),
        (HUBSPOT | {"map": {"a": "{nome}"}}, ("map", "a"), "nome"),
        (HUBSPOT | {"map": {"a": "{name"}}, ("map", "a"), "alone"),
        (HUBSPOT | {"map": {"a": {"value": "x", "type": "float"}}}, ("map", "a"), "number"),
        (HUBSPOT | {"map": {"whatsapp_id": "x"}}, ("map", "whatsapp_id"), "already"),
        (HUBSPOT | {"notes": {"close": "x"}}, ("notes", "close"), "closed"),
        (HUBSPOT | {"upsert": {"path": "/x"}}, ("upsert",), "rest"),
        (REST | {"url": "crm.example"}, ("url",), "https"),
        (REST | {"upsert": None}, ("upsert",), "method"),
        (REST | {"upsert": {"path": "/x", "method": "GET"}}, ("upsert", "method"), "PUT"),
        (REST | {"upsert": {"path": "/{person}"}}, ("upsert",), "person"),
        (REST | {"notes": {"closed": "x"}}, ("note",), "written"),
        (REST | {"secret": Secret("short")}, ("secret",), "whsec_"),
        (REST | {"headers": ["x"]}, ("headers",), "object"),
    ],
)
def test_a_problem_names_its_place_and_what_to_write(given: dict[str, Any], path: tuple[str, ...], word: str) -> None:
    (found,) = problems(given)
    assert found.path == path
    assert word in found.what
    if path != ("tokn",):  # which a newer version may know
        with pytest.raises(ValueError, match=word):
            Settings.of(given)
