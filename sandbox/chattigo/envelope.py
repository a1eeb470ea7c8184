"""WhatsApp's webhook envelope around messages and statuses (Chattigo's facts, section 2.1), in the layouts that
Meta may use.

Promises: every message and status that goes in comes out once; the did is in `metadata.display_phone_number`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sandbox.chattigo.config import Line
from sandbox.chattigo.messages import Json

Layout = Literal["value", "changes", "entries"]
LAYOUTS: tuple[Layout, ...] = ("value", "changes", "entries")


def card(name: str, wa_id: str | None, user_id: str | None = None) -> Json:
    """An element of `value.contacts[]`; without `wa_id` the person hides the number and `user_id` names them; who never
    wrote has no name.
    """
    known = {"profile": {"name": name} if name else None, "wa_id": wa_id, "user_id": user_id}
    return {key: value for key, value in known.items() if value}


def status(
    wamid: str,
    state: str,
    recipient: str,
    at_s: int,
    *,
    category: str = "service",
    error: Json | None = None,
    user_id: str = "",
) -> Json:
    """An element of `value.statuses[]` (section 6.1); `category` is the pricing category; who hides the number has no
    `recipient`.
    """
    ids = {"recipient_id": recipient, "recipient_user_id": user_id}
    known = {name: value for name, value in ids.items() if value}
    object_: Json = {"id": wamid, "status": state, "timestamp": str(at_s), **known}
    if error is not None:
        return object_ | {"errors": [error]}
    origin = {"id": f"conv-{wamid[-12:]}", "origin": {"type": category}}
    paid = category != "service"
    kind = "regular" if paid else "free_customer_service"
    pricing = {"billable": paid, "pricing_model": "PMP", "type": kind, "category": category}
    return object_ | {"conversation": origin, "pricing": pricing}


def wrap(
    line: Line,
    messages: Sequence[tuple[Json, Json | None]] = (),
    statuses: Sequence[Json] = (),
    layout: Layout = "value",
    cards: Mapping[str, Json] = {},
) -> Json:
    """The POST's body. `messages`: (message, its card or None). `layout`: all in one value, one change each, one
    entry each. `cards`: of the people whom statuses are about, by the status's id.
    """
    told = [(one, cards.get(one["id"])) for one in statuses]
    if layout == "value":
        values = [_value(line, messages, told)]
    else:
        values = [_value(line, [pair], ()) for pair in messages] + [_value(line, (), [pair]) for pair in told]
    changes = [{"field": "messages", "value": value} for value in values]
    groups = [[change] for change in changes] if layout == "entries" else [changes]
    entries = [{"id": line.waba_id, "changes": group} for group in groups]
    return {"object": "whatsapp_business_account", "entry": entries}


def other(line: Line, field: str, value: Json) -> Json:
    """A POST's body with a change of another field than messages (Q35)."""
    change = {"field": field, "value": value}
    return {"object": "whatsapp_business_account", "entry": [{"id": line.waba_id, "changes": [change]}]}


def metadata(line: Line) -> Json:
    """What names a line in a change's value."""
    return {"display_phone_number": line.did, "phone_number_id": line.phone_number_id}


Carded = Sequence[tuple[Json, Json | None]]


def _value(line: Line, messages: Carded, statuses: Carded) -> Json:
    value: dict[str, Any] = {"messaging_product": "whatsapp", "metadata": metadata(line)}
    cards = {str(card): card for _, card in (*messages, *statuses) if card is not None}
    if cards:
        value["contacts"] = list(cards.values())
    if messages:
        value["messages"] = [message for message, _ in messages]
    if statuses:
        value["statuses"] = [status for status, _ in statuses]
    return value
