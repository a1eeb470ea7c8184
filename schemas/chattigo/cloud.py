"""The Cloud API envelope that Chattigo passes through (Chattigo's facts, sections 2.1, 2.2 and 6.1).

    {object, entry: [{id, changes: [{field, value: {metadata, contacts?, messages?, statuses?, errors?}}]}]}

Everything may stand more than once, and a POST may mix lines, people, messages and statuses. A line is known by
`metadata.display_phone_number`. A person may have a phone, a business-scoped user id, or both.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas import phone
from schemas.chattigo.cloud_content import content_of
from schemas.chattigo.inbound import Arrival, Piece, Receipt, ReceiptError, ReceiptState
from schemas.chattigo.values import flag, obj, objs, rest, seconds_as_ms, text
from schemas.content import NumberChanged
from schemas.inbound import Context

_STATES: dict[str, ReceiptState] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_MESSAGE_FIELDS = ("from", "from_user_id", "id", "timestamp", "type", "context", "referral", "to")
_LISTS = {"messages": "message", "message_echoes": "message", "statuses": "receipt", "errors": "notice"}


def is_cloud(body: Any) -> bool:
    """Whether a body has the envelope's shape."""
    return isinstance(body, dict) and isinstance(body.get("entry"), list)


def _changes(body: dict[str, Any]) -> Iterator[tuple[int, int, dict[str, Any]]]:
    """(entry, change, change object) for each change; positions are those of the original arrays."""
    for i, entry in enumerate(body["entry"]):
        changes = obj(entry).get("changes")
        for j, change in enumerate(changes if isinstance(changes, list) else []):
            if isinstance(change, dict):
                yield i, j, change


def line_of(value: dict[str, Any]) -> str:
    """The line's number of a change's value: digits, or empty."""
    return phone.digits(text(obj(value.get("metadata")).get("display_phone_number")))


def _person(value: dict[str, Any], item: dict[str, Any], sender: str) -> dict[str, Any]:
    """The entry of `contacts` that belongs to a message; empty when there is none."""
    contacts = objs(value.get("contacts"))
    user_id = text(item.get("from_user_id"))
    for contact in contacts:
        if sender and text(contact.get("wa_id")) == sender:
            return contact
        if user_id and text(contact.get("user_id")) == user_id:
            return contact
    return contacts[0] if len(contacts) == 1 and len(objs(value.get("messages"))) == 1 else {}


def _identity(value: dict[str, Any], item: dict[str, Any]) -> tuple[str, str, str]:
    """(contact, address to reply to, user id) of a message's sender, or of an echo's receiver."""
    sender = text(item.get("from"))
    if sender and phone.digits(sender) == line_of(value) and item.get("to"):
        sender = text(item.get("to"))
    person = _person(value, item, sender)
    user_id = text(item.get("from_user_id")) or text(person.get("user_id"))
    sender = sender or text(person.get("wa_id"))
    if phone.digits(sender):
        return phone.canonical(sender), phone.digits(sender), user_id
    return user_id, user_id, user_id


def _recipient(status: dict[str, Any]) -> str:
    """Who a status is about: the canonical phone if there is one, else the user id."""
    number = text(status.get("recipient_id"))
    return phone.canonical(number) if phone.digits(number) else text(status.get("recipient_user_id"))


def pieces(body: dict[str, Any]) -> Iterator[Piece]:
    """Every message, status and notice, in the order of the body.

    A change of another `field` than messages is one notice; an item that is not an object becomes a notice, too,
    so that nothing of a body is unaccounted for.
    """
    for i, j, change in _changes(body):
        value = obj(change.get("value"))
        did = line_of(value)
        if not any(isinstance(value.get(name), list) for name in _LISTS):
            yield Piece("notice", did, "", "", (i, j), change)
            continue
        for name, kind in _LISTS.items():
            items = value.get(name)
            for k, item in enumerate(items if isinstance(items, list) else []):
                yield _piece(kind, did, value, item, (i, j, name, k))


def _piece(kind: str, did: str, value: dict[str, Any], item: Any, at: tuple[int | str, ...]) -> Piece:
    if not isinstance(item, dict):
        return Piece("notice", did, "", "", at, {"item": item})
    if kind == "message":
        return Piece("message", did, _identity(value, item)[0], text(item.get("id")), at, item)
    if kind == "receipt":
        return Piece("receipt", did, _recipient(item), text(item.get("id")), at, item)
    return Piece("notice", did, "", "", at, item)


def carve(body: dict[str, Any], wanted: Sequence[Piece]) -> dict[str, Any]:
    """An envelope that holds these pieces of `body` alone, each under its own entry and change."""
    chosen: dict[tuple[int | str, ...], dict[str, list[int]] | None] = {}
    for piece in wanted:
        place = piece.at[:2]
        if len(piece.at) == 2:
            chosen[place] = None
            continue
        lists = chosen.setdefault(place, {})
        if lists is not None:
            lists.setdefault(str(piece.at[2]), []).append(int(piece.at[3]))
    entries: dict[int, dict[str, Any]] = {}
    for (i, j), lists in chosen.items():
        source = body["entry"][i]
        entry = entries.setdefault(int(i), {**source, "changes": []})
        change = source["changes"][j]
        entry["changes"].append(change if lists is None else _carved_change(change, lists))
    return {**body, "entry": list(entries.values())}


def _carved_change(change: dict[str, Any], lists: dict[str, list[int]]) -> dict[str, Any]:
    """A change with only the chosen items, and only those of `contacts` that they are about."""
    value = change["value"]
    kept = rest(value, (*_LISTS, "contacts"))
    for name, positions in lists.items():
        kept[name] = [value[name][k] for k in positions]
    items = [item for name in lists for item in objs(kept[name])]
    people = [
        _person(value, item, text(item.get("from"))) for item in items if "from" in item or "from_user_id" in item
    ]
    contacts = [contact for contact in objs(value.get("contacts")) if any(contact is person for person in people)]
    return {**change, "value": {**kept, "contacts": contacts} if contacts else kept}


def arrivals(body: dict[str, Any]) -> Iterator[Arrival]:
    """Every message of the body, in order."""
    for i, j, change in _changes(body):
        value = obj(change.get("value"))
        for name in ("messages", "message_echoes"):
            for item in objs(value.get(name)):
                yield _arrival(value, item, echo=name == "message_echoes", place=f"{i}.{j}")


def _arrival(value: dict[str, Any], item: dict[str, Any], *, echo: bool, place: str) -> Arrival:
    content, unnamed = content_of(item)
    contact, reply_to, user_id = _identity(value, item)
    person = _person(value, item, text(item.get("from")))
    extra = rest(item, (*_MESSAGE_FIELDS, text(item.get("type")), "errors"))
    if unnamed:
        extra[text(item.get("type"))] = unnamed
    return Arrival(
        id=text(item.get("id")),
        did=line_of(value),
        contact=contact,
        reply_to=reply_to,
        user_id=user_id,
        kind="echo" if echo else "system" if isinstance(content, NumberChanged) else "message",
        at_ms=seconds_as_ms(item.get("timestamp")),
        content=content,
        context=_context(item.get("context")),
        referral=item["referral"] if isinstance(item.get("referral"), dict) else None,
        profile_name=text(obj(person.get("profile")).get("name")),
        extra=extra,
    )


def _context(value: Any) -> Context | None:
    found = obj(value)
    if not found:
        return None
    return Context(
        id=text(found.get("id")),
        sender=text(found.get("from")),
        forwarded=flag(found.get("forwarded")),
        frequently_forwarded=flag(found.get("frequently_forwarded")),
        referred_product=obj(found.get("referred_product")),
    )


def receipts(body: dict[str, Any]) -> Iterator[Receipt]:
    """Every status of the body, in order."""
    for _, _, change in _changes(body):
        value = obj(change.get("value"))
        for status in objs(value.get("statuses")):
            yield _receipt(line_of(value), status)


def _receipt(did: str, status: dict[str, Any]) -> Receipt:
    pricing = obj(status.get("pricing"))
    billable = pricing.get("billable")
    state = text(status.get("status"))
    return Receipt(
        id=text(status.get("id")),
        did=did,
        contact=_recipient(status),
        state=_STATES.get(state.lower(), "other"),
        at_ms=seconds_as_ms(status.get("timestamp")),
        format="cloud",
        errors=[ReceiptError(code=text(e.get("code")), title=text(e.get("title"))) for e in objs(status.get("errors"))],
        billable=billable if isinstance(billable, bool) else None,
        category=text(pricing.get("category")),
        opaque=text(status.get("biz_opaque_callback_data")),
        raw="" if state.lower() in _STATES else state,
    )
