"""Reading a batch of templates as Chattigo does (Chattigo's facts, section 3): what it requires, and what it refuses.

Promises: `read` gives a batch for what Chattigo takes and raises `Invalid` for the rest; how strict it is, knobs say
(Q8, Q9, Q10). Leaves to `hsm`: what becomes of the recipients.
"""

from typing import Any, NamedTuple

from sandbox.chattigo.answers import Invalid
from sandbox.chattigo.knobs import Knobs
from sandbox.chattigo.messages import Json

MOST = 1000
_BITS = {"int31": 31, "int53": 53}
_ROOT = frozenset(("id", "did", "type", "channel", "idUser", "campaign", "msisdn", "content", "hsm", "destinations"))
_HSM = frozenset(
    ("destinations", "component", "namespace", "template", "parameters", "languageCode", "botAttention", "attends")
)


class Batch(NamedTuple):
    """A request that Chattigo takes."""

    root_id: str | int | None
    template: str
    language: str
    namespace: str
    bot_attention: bool | None
    parameters: list[str]
    destinations: list[Json]


def read(body: Any, knobs: Knobs) -> Batch:
    """The batch of a body; raises Invalid."""
    if not isinstance(body, dict):
        raise Invalid("the body must be a JSON object")
    hsm = body.get("hsm")
    if not isinstance(hsm, dict):
        raise Invalid("hsm is mandatory")
    _check_fields(body, hsm, knobs)
    return Batch(
        _root_id(body.get("id"), knobs),
        _optional(hsm, "template", str) or "",
        _optional(hsm, "languageCode", str) or "",
        _optional(hsm, "namespace", str) or "",
        _optional(hsm, "botAttention", bool),
        _strings(hsm.get("parameters"), "hsm.parameters"),
        _destinations(body, hsm, knobs),
    )


def _check_fields(body: Json, hsm: Json, knobs: Knobs) -> None:
    """The fields that must be there, and those that nobody knows (Q10)."""
    kinds = ("HSM", "template") if knobs.hsm_type_alias else ("HSM",)
    if body.get("type") not in (*kinds, None):
        raise Invalid("type must be HSM")
    for path in knobs.hsm_required:
        where, name = (hsm, path[4:]) if path.startswith("hsm.") else (body, path)
        if name != "destinations" and where.get(name) in (None, ""):
            raise Invalid(f"{path} is mandatory")
    for name in ("did", "channel"):
        if not isinstance(body.get(name, ""), str):
            raise Invalid(f"{name} must be a text")
    unknown = [name for name in body if name not in _ROOT] + [f"hsm.{name}" for name in hsm if name not in _HSM]
    if unknown and knobs.hsm_unknown != "ignore":
        raise Invalid(f"unknown: {', '.join(unknown)}", status=int(knobs.hsm_unknown))


def _optional(holder: Json, name: str, kind: type) -> Any:
    value = holder.get(name)
    if value is not None and not isinstance(value, kind):
        raise Invalid(f"hsm.{name} must be a {kind.__name__}")
    return value


def _root_id(value: Any, knobs: Knobs) -> str | int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, str | int) or len(str(value)) > 450:
        raise Invalid("id must be an integer or a text of at most 450 characters")
    if knobs.hsm_id == "text" and not isinstance(value, str):
        raise Invalid("id must be a text")
    bits = _BITS.get(knobs.hsm_id)
    if bits and (not isinstance(value, int) or not 0 <= value < 2**bits):
        raise Invalid(f"id must be an integer below 2^{bits}")
    return value


def _destinations(body: Json, hsm: Json, knobs: Knobs) -> list[Json]:
    nested, root = hsm.get("destinations"), body.get("destinations")
    found = {"nested": nested, "root": root, "both": nested if nested is not None else root}[knobs.hsm_form]
    if found is None and "hsm.destinations" not in knobs.hsm_required:
        found = []
    if not isinstance(found, list):
        raise Invalid(f"destinations must be a list, {knobs.hsm_form}")
    if not found and knobs.hsm_none == "reject":
        raise Invalid("destinations must not be empty")
    if len(found) > MOST and knobs.hsm_over == "reject":
        raise Invalid(f"destinations must be at most {MOST}")
    if knobs.hsm_over == "truncate":
        found = found[:MOST]
    for position, one in enumerate(found):
        _check_destination(one, f"destinations[{position}]")
    return found


def _check_destination(one: Any, where: str) -> None:
    if not isinstance(one, dict) or not isinstance(one.get("destination"), str) or not one["destination"]:
        raise Invalid(f"{where}.destination is mandatory")
    if not isinstance(one.get("id", ""), str):
        raise Invalid(f"{where}.id must be a text")
    _strings(one.get("parameters"), f"{where}.parameters")
    _strings(one.get("buttonsParameters"), f"{where}.buttonsParameters")
    if not isinstance(one.get("headerParameters") or [], list):
        raise Invalid(f"{where}.headerParameters must be a list")


def _strings(value: Any, where: str) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Invalid(f"{where} must be a list of texts")
    return value
