"""A tenant's settings of its CRM, read and checked.

Leaves to `template`, `hubspot` and `rest` what their parts mean; docs/crm.md explains them to who writes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

import msgspec

from processors.agents.builtin.crm.hubspot import HubSpot
from processors.agents.builtin.crm.moments import KNOWN, MOMENTS
from processors.agents.builtin.crm.recipe import Recipe
from processors.agents.builtin.crm.rest import METHODS, Rest, Step, names
from processors.agents.builtin.crm.template import Template, TemplateError
from processors.agents.checks import Problem, own
from processors.agents.outgoing import address_problem, header_problems, secret_problems
from processors.agents.reading import read, shown
from runtime.hooks import header_problem
from runtime.secrets import Secret

_OF_STEPS = {
    "upsert": {"id", "key", "properties"},
    "note": {"id", "key", "crm_id", "text", "moment", "at", "at_ms"},
}


class Typed(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A template, and the type that its value is to have."""

    value: str
    type: str = ""


class _File(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    recipe: Literal["hubspot", "rest"]
    url: str = ""
    plain: bool = False
    token: str = ""
    secret: str | list[str] = []
    headers: dict[str, str] = {}
    id: str = "{contact}"
    map: dict[str, str | Typed] = {}
    notes: dict[str, str] = {}
    id_property: str = "whatsapp_id"
    note_id_property: str = ""
    upsert: Step | None = None
    note: Step | None = None
    answer_id: str = "id"
    idempotency_header: str = "Idempotency-Key"


_NAMES = frozenset(_File.__struct_fields__)


class Settings(NamedTuple):
    """How to speak to the CRM, and what is said: `person` names the contact, `fields` its properties, `notes` the text
    of each moment. `headers` go along with each call, which `secrets` sign."""

    recipe: Recipe
    person: Template
    fields: Mapping[str, Template]
    notes: Mapping[str, Template]
    headers: Mapping[str, str]
    secrets: tuple[str, ...]

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Settings:
        """Of an event's tenant; a newer version may know more of them. Raises ValueError, with all that is wrong."""
        file, wrong = _checked({name: value for name, value in given.items() if name in _NAMES})
        if file is None or wrong:
            raise ValueError("; ".join(f"{shown(one.path)}: {one.what}" for one in wrong))
        return cls(
            recipe=_recipe(file),
            person=Template(file.id, "text"),
            fields={name: _template(value) for name, value in file.map.items()},
            notes={moment: Template(text, "text") for moment, text in file.notes.items()},
            headers=({"Authorization": f"Bearer {file.token!s}"} if file.token else {}) | file.headers,
            secrets=tuple(str(one) for one in _listed(file.secret)),
        )


def _recipe(file: _File) -> Recipe:
    if file.recipe == "hubspot" or file.upsert is None:
        return HubSpot(file.url, file.id_property, file.note_id_property)
    return Rest(file.url, file.upsert, file.note, file.answer_id, file.idempotency_header)


def _template(value: str | Typed) -> Template:
    return Template(value) if isinstance(value, str) else Template(value.value, value.type)


def _listed(secret: str | list[str]) -> list[str]:
    return [secret] if isinstance(secret, str) else secret


def problems(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong, with its place among the settings."""
    return _checked(own(given))[1]


def _checked(given: Mapping[str, Any]) -> tuple[_File | None, list[Problem]]:
    if not given:
        return None, [Problem(("recipe",), "say which CRM it is: `recipe: hubspot` or `recipe: rest`")]
    file, problem = read(dict(given), _File)
    if file is None:
        return None, [problem] if problem else []
    own = _hubspot_problems if file.recipe == "hubspot" else _rest_problems
    return file, [*_secret_problems(file), *_address_problems(file), *_template_problems(file), *own(file)]


def _secret_problems(file: _File) -> Iterator[Problem]:
    if file.token and not isinstance(file.token, Secret):
        yield Problem(("token",), "stands outside the file: {env: NAME} or {file: PATH}")
    yield from secret_problems(file.secret) if file.secret else ()
    yield from header_problems(file.headers)
    if what := header_problem(file.idempotency_header or "X", ""):
        yield Problem(("idempotency_header",), what)
    if file.token and (what := header_problem("Authorization", file.token)):
        yield Problem(("token",), what)


def _address_problems(file: _File) -> Iterator[Problem]:
    if not file.url and file.recipe == "hubspot":
        return
    if what := address_problem(file.url, plain=file.plain):
        yield Problem(("url",), what)
    elif "?" in file.url or "#" in file.url:
        yield Problem(("url",), "ends with a path, to which others are added: https://crm.example/api")


def _template_problems(file: _File) -> Iterator[Problem]:
    texts: list[tuple[tuple[str | int, ...], str, str]] = [(("id",), file.id, "")]
    for name, value in file.map.items():
        own = Typed(value) if isinstance(value, str) else value
        texts.append((("map", name), own.value, own.type))
    for moment, text in file.notes.items():
        if moment not in MOMENTS:
            yield Problem(("notes", moment), f"no such moment; there are {', '.join(MOMENTS)}")
        texts.append((("notes", moment), text, ""))
    for path, text, kind in texts:
        try:
            asked = {name.partition(".")[0] for name in Template(text, kind).names}
        except TemplateError as error:
            yield Problem(path, str(error))
            continue
        if unknown := sorted(asked - KNOWN):
            yield Problem(path, f"nothing is called {', '.join(unknown)}; there are {', '.join(sorted(KNOWN))}")


def _hubspot_problems(file: _File) -> Iterator[Problem]:
    if not file.token:
        yield Problem(("token",), "HubSpot needs the token of a private app: {env: NAME} or {file: PATH}")
    if file.id_property == "email":
        yield Problem(
            ("id_property",),
            "HubSpot takes no partial upserts by email; make a contact property with unique values (whatsapp_id)",
        )
    if file.id_property in file.map:
        yield Problem(("map", file.id_property), "is set by `id` already")
    for name in ("upsert", "note"):
        if getattr(file, name) is not None:
            yield Problem((name,), "belongs to `recipe: rest`; HubSpot needs none")


def _rest_problems(file: _File) -> Iterator[Problem]:
    if file.upsert is None:
        yield Problem(("upsert",), "say how a contact is set: {method: PUT, path: /contacts/{id}, body: {…}}")
    if file.notes and file.note is None:
        yield Problem(("note",), "there are `notes`, so say how one is written: {path: …, body: {…}}")
    for name, known in _OF_STEPS.items():
        step: Step | None = getattr(file, name)
        if step is None:
            continue
        if step.method not in METHODS:
            yield Problem((name, "method"), f"one of {', '.join(METHODS)}")
        try:
            unknown = sorted({asked.partition(".")[0] for asked in names(step)} - known)
        except TemplateError as error:
            yield Problem((name,), str(error))
            continue
        if unknown:
            yield Problem((name,), f"nothing is called {', '.join(unknown)}; there are {', '.join(sorted(known))}")
