"""The settings that a deployment may give, as a JSON Schema, which refuses a misspelt or impossible one at once.

Leaves out what the chart sets itself (where things are, names, secrets) and what only fits a person's machine.
"""

from __future__ import annotations

from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from runtime.settings import AREAS, KafkaSettings, KeysSettings, ServiceSettings
from runtime.settings.area import is_secret

SET_BY_THE_CHART = frozenset(
    {
        *(KafkaSettings.variable(name) for name in KafkaSettings.model_fields),
        *(KeysSettings.variable(name) for name in KeysSettings.model_fields),
        *(
            ServiceSettings.variable(name)
            for name in ("instance", "admin_host", "admin_port", "stop_s", "ending_file", "log_level", "log_format")
        ),
        "RELEVO_INGRESS_HOST",
        "RELEVO_INGRESS_PORT",
        "RELEVO_INGRESS_TRUSTED_PROXIES",
        "RELEVO_INGRESS_TLS_CERT_FILE",
        "RELEVO_INGRESS_TLS_KEY_FILE",
        "RELEVO_PROCESSOR_AGENTS",
        "RELEVO_TENANTS_PRIVATE_NETWORKS",
    }
)
_KINDS = {int: "integer", float: "number", bool: "boolean"}
_BOUNDS = {
    "Ge": ("ge", "minimum"),
    "Gt": ("gt", "exclusiveMinimum"),
    "Le": ("le", "maximum"),
    "Lt": ("lt", "exclusiveMaximum"),
}


def settings_schema() -> dict[str, Any]:
    """An object whose properties are the variables that may be given."""
    properties = {
        area.variable(name): _property(field)
        for area in AREAS
        for name, field in area.model_fields.items()
        if area.variable(name) not in SET_BY_THE_CHART and not is_secret(field)
    }
    return {
        "type": "object",
        "description": "Settings of the services (docs/reference/settings.md) that are not the defaults.",
        "additionalProperties": False,
        "properties": properties,
    }


def _property(field: FieldInfo) -> dict[str, Any]:
    made: dict[str, Any] = {"description": field.description or "", **_kind(field.annotation)}
    for bound in field.metadata:
        if type(bound).__name__ in _BOUNDS:
            attribute, keyword = _BOUNDS[type(bound).__name__]
            made[keyword] = getattr(bound, attribute)
    return made


def _kind(annotation: Any) -> dict[str, Any]:
    if get_origin(annotation) is Literal:
        return {"enum": list(get_args(annotation))}
    members = [one for one in get_args(annotation) if one is not type(None)]
    if members and (get_origin(annotation) is Union or type(annotation).__name__ == "UnionType"):
        return _kind(members[0])
    return {"type": _KINDS.get(annotation, "string")}
