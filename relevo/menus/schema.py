"""The JSON Schema of a menu file and the tables of its fields, made from the types that read it.

Editors complete and check with the schema: put `# yaml-language-server: $schema=…/menu.schema.json` into the first line
of a menu. It says less than `relevo menu check`, which knows what leads where.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from processors.agents.builtin.menu import Menu
from processors.agents.builtin.menu import model as m
from processors.agents.builtin.menu.reader import default_of, info_of
from relevo.tables import MADE, table
from schemas.tenant import Hours

TITLE = "A menu of Relevo"
PARTS: tuple[Any, ...] = (
    m.Menu,
    m.Node,
    m.Option,
    m.Ask,
    m.Value,
    m.Branch,
    m.When,
    m.Test,
    m.Anywhere,
    m.Idle,
    m.Timeout,
    m.MenuMedia,
    m.Spot,
    m.TemplateUse,
    m.GiveOver,
)


def schema_text() -> str:
    """The schema as its file has it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def schema() -> dict[str, Any]:
    """The schema: unknown fields are refused, and a text may be of one language or by language."""
    (top,), parts = msgspec.json.schema_components([Menu], ref_template="#/$defs/{name}")
    everything: tuple[Any, ...] = (*PARTS, Hours)
    for part in everything:
        _closed(part, parts[part.__name__])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": TITLE, **top, "$defs": _loose(parts)}


def _closed(part: Any, made: dict[str, Any]) -> None:
    made["additionalProperties"] = False
    for field in _fields(part):
        name, extra = field.encode_name, _extra(field)
        if isinstance(made["properties"][name].get("default"), dict):
            del made["properties"][name]["default"]
        if extra.get("hidden"):
            del made["properties"][name]
        elif "most" in extra:
            _bound(made["properties"][name], extra["most"])
    if part is m.Node:
        made["description"] = _says(part)


def _bound(text: dict[str, Any], most: int) -> None:
    for one in text.get("anyOf", []):
        inner = one.get("additionalProperties", one)
        if inner.get("type") == "string":
            inner["maxLength"] = most


def _loose(value: Any) -> Any:
    """What is written as a text may look like a number or a yes in YAML: `[no, 0]` are words like any other."""
    if isinstance(value, dict):
        made = {key: _loose(inner) for key, inner in value.items()}
        if made.get("type") == "string" and "enum" not in made:
            made["type"] = ["string", "number", "boolean"]
        if made.get("type") == "array":
            return {"anyOf": [made, made["items"]]} if _scalar(made.get("items", {})) else made
        return made
    return [_loose(inner) for inner in value] if isinstance(value, list) else value


def _scalar(items: dict[str, Any]) -> bool:
    return items.get("type") == ["string", "number", "boolean"]


def fields_page() -> str:
    """Every field of every part, as tables."""
    parts = [MADE, "# The fields of a menu", "What they mean together, with examples: [menu.md](../menu.md)."]
    for part in PARTS:
        parts += [f"## {_title(part)}", _says(part)]
        parts.append(table(("field", "is", "default", "what it is"), _rows(part)))
    return "\n\n".join(parts) + "\n"


def _rows(part: Any) -> Iterator[tuple[str, ...]]:
    for field in _fields(part):
        if _extra(field).get("hidden"):
            continue
        default = "needed" if field.required else _told(default_of(field))
        yield f"`{field.encode_name}`", kind(field.type), default, _description(field)


def kind(info: Any) -> str:
    """A type for people."""
    match info:
        case inspect.Metadata():
            most = (info.extra or {}).get("most")
            return kind(info.type) + (f", up to {most} characters" if most else "")
        case inspect.UnionType(types=types):
            kinds = [one for one in types if not isinstance(one, inspect.NoneType)]
            if {type(one) for one in kinds} == {inspect.StrType, inspect.DictType}:
                return "text, or one a language"
            if any(isinstance(one, inspect.DictType) for one in kinds):
                return "words, or those of each language"
            return " or ".join(map(kind, kinds))
        case inspect.ListType():
            return f"list of {kind(info.item_type)}"
        case inspect.DictType():
            return f"{kind(info.value_type)} by name"
        case inspect.StructType():
            return (
                f"[{_title(info.cls).lower()}](#{_title(info.cls).lower().replace(' ', '-')})"
                if info.cls in PARTS
                else "hours"
            )
        case inspect.LiteralType(values=values):
            return " or ".join(f"`{value}`" for value in values)
        case inspect.IntType(ge=least, le=most):
            return f"whole number, {least} to {most}"
        case inspect.FloatType(ge=least, le=most):
            return f"number, {least:g} to {most:g}"
        case inspect.BoolType():
            return "`true` or `false`"
        case _:
            return "text"


_TITLES: dict[Any, str] = {
    m.MenuMedia: "Media", m.GiveOver: "Hand-off", m.TemplateUse: "Template", m.Spot: "Location", m.Ask: "Question",
    m.Test: "Comparison", m.When: "Conditions", m.Idle: "Silence", m.Timeout: "Time-out",
}  # fmt: skip


def _title(part: Any) -> str:
    return _TITLES.get(part, str(part.__name__))


def _fields(part: Any) -> Any:
    info: Any = info_of(part)
    return info.fields


def _extra(field: Any) -> dict[str, Any]:
    return (field.type.extra or {}) if isinstance(field.type, inspect.Metadata) else {}


def _description(field: Any) -> str:
    extra = field.type.extra_json_schema if isinstance(field.type, inspect.Metadata) else None
    return str((extra or {}).get("description", ""))


def _says(part: Any) -> str:
    return " ".join((part.__doc__ or "").split())


def _told(default: Any) -> str:
    if default in ("", [], {}, None, False) or isinstance(default, msgspec.Struct):
        return ""
    return f"`{', '.join(default)}`" if isinstance(default, list) else f"`{default}`"
