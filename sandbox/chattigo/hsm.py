"""The HSM service: one template to 1 to 1000 recipients, accepted as a whole (Chattigo's facts, section 3).

Promises: a body that lacks what Chattigo requires is refused with 400; whatever can only be known per recipient
(a number that is none, a template that is missing) comes later as a receipt (Q7). A repeat of a batch is sent
again (Q12).
"""

import hashlib
from typing import Any, NamedTuple

import orjson

from sandbox.chattigo import ledger
from sandbox.chattigo.answers import Invalid, Verdict, flat_error, ok
from sandbox.chattigo.bot import read_message
from sandbox.chattigo.calls import Call, Route
from sandbox.chattigo.config import BASES
from sandbox.chattigo.isv import owns, template_fate
from sandbox.chattigo.knobs import Knobs
from sandbox.chattigo.messages import Json
from sandbox.chattigo.numbers import is_number, person
from sandbox.chattigo.world import Sent, World

BASE = BASES["hsm"]
MOST = 1000
_BITS = {"int31": 31, "int53": 53}


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
    kinds = ("HSM", "template") if knobs.hsm_type_alias else ("HSM",)
    if body.get("type") not in kinds:
        raise Invalid("type must be HSM")
    for name in ("did", "channel"):
        if not isinstance(body.get(name), str) or not body[name]:
            raise Invalid(f"{name} is mandatory")
    hsm = body.get("hsm")
    if not isinstance(hsm, dict):
        raise Invalid("hsm is mandatory")
    return Batch(
        _root_id(body.get("id"), knobs),
        _text(hsm, "template"),
        _text(hsm, "languageCode"),
        _optional(hsm, "namespace", str) or "",
        _optional(hsm, "botAttention", bool),
        _strings(hsm.get("parameters"), "hsm.parameters"),
        _destinations(body, hsm, knobs),
    )


def _text(holder: Json, name: str) -> str:
    value = holder.get(name)
    if not isinstance(value, str) or not value:
        raise Invalid(f"hsm.{name} is mandatory")
    return value


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
    if not isinstance(found, list) or not 1 <= len(found) <= MOST:
        raise Invalid(f"destinations must be a list of 1 to {MOST}, {knobs.hsm_form}")
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


def send(world: World, call: Call) -> Verdict:
    """POST /message/inbound: the whole batch or nothing."""
    try:
        batch = read(call.body, world.knobs)
    except Invalid as wrong:
        return flat_error(wrong.reason)
    if not owns(world, call, "hsm"):
        if world.knobs.foreign_did == "lost":
            return _accepted(world, reason="did of another account: answered 200, delivers nothing")
        return flat_error("the number is not yours", int(world.knobs.foreign_did), auth="foreign")
    entries = tuple(_recipient(world, call, batch, position, one) for position, one in enumerate(batch.destinations))

    def then() -> None:
        for one, entry in zip(batch.destinations, entries, strict=True):
            world.promise_receipts(world.fated(_sent(world, batch, one, entry)))

    return _accepted(world, accepted=True, entries=entries, then=then, recipients=len(entries))


def _accepted(world: World, **more: Any) -> Verdict:
    return ok({"success": True} if world.knobs.hsm_answer == "success" else None, **more)


def _recipient(world: World, call: Call, batch: Batch, position: int, one: Json) -> ledger.Recipient:
    content = [batch.parameters, one.get("parameters"), one.get("headerParameters"), one.get("buttonsParameters")]
    return ledger.Recipient(
        call=call.number,
        account=call.username,
        did=call.did,
        destination=one["destination"],
        contact=person(one["destination"]),
        destination_id=one.get("id"),
        root_id=None if batch.root_id is None else str(batch.root_id),
        template=batch.template,
        language=batch.language,
        namespace=batch.namespace,
        bot_attention=batch.bot_attention,
        parameters=hashlib.blake2b(orjson.dumps(content), digest_size=12).hexdigest(),
        wamid=world.wamid(call.did, one["destination"]),
        position=position,
        filled=_filled(batch, one),
    )


def _filled(batch: Batch, one: Json) -> dict[str, list[Any]]:
    found = {
        "body": one.get("parameters") or batch.parameters,
        "header": one.get("headerParameters"),
        "buttons": one.get("buttonsParameters"),
    }
    return {name: values for name, values in found.items() if values}


def _sent(world: World, batch: Batch, one: Json, entry: ledger.Recipient) -> Sent:
    parameters = one.get("parameters") or batch.parameters
    category, code = template_fate(world, batch.template, batch.language, len(parameters))
    if not is_number(one["destination"]):
        code = 131026
    client_id = one.get("id") if world.knobs.destination_ids and one.get("id") else batch.root_id
    forms: dict[str, tuple[Any, ...]] = {
        "flat": ("flat",), "cloud": ("cloud",), "both": ("flat", "cloud"), "none": (),
    }  # fmt: skip
    kinds = forms[world.knobs.receipts.hsm]
    return Sent(entry.did, entry.destination, entry.wamid, client_id, kinds, category, None, code)


def message(world: World, call: Call) -> Verdict:
    """POST /message/inbound/message: one session text (1.4)."""
    return read_message(world, call, "hsm")


ROUTES = (
    Route("hsm.send", "hsm", "POST", f"{BASE}/inbound", "hsm", send),
    Route("hsm.message", "hsm", "POST", f"{BASE}/inbound/message", "hsm", message),
)
