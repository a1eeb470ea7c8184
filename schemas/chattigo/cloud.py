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
from schemas.chattigo.values import flag, identifier, obj, objs, rest, seconds_as_ms, text
from schemas.content import NumberChanged, Unsupported
from schemas.inbound import Context

_STATES: dict[str, ReceiptState] = {
    "sent": "sent",
    "delivered": "delivered",
    "read": "read",
    "played": "read",
    "failed": "failed",
}
_MESSAGE_FIELDS = frozenset(("from", "from_user_id", "id", "timestamp", "type", "context", "referral", "to"))
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


def _odd(body: dict[str, Any]) -> Iterator[Piece]:
    """Entries and changes of another shape: they name no line, and must not be forgotten."""
    for i, entry in enumerate(body["entry"]):
        changes = obj(entry).get("changes")
        if not isinstance(changes, list):
            yield Piece("notice", "", "", "", (i,), {"entry": entry})
            continue
        for j, change in enumerate(changes):
            if not isinstance(change, dict):
                yield Piece("notice", "", "", "", (i, j), {"change": change})


def line_of(value: dict[str, Any]) -> str:
    """The line's number of a change's value: digits, or empty."""
    return phone.digits(text(obj(value.get("metadata")).get("display_phone_number")))


class _Change:
    """One change's value, with its people by number and by user id: a POST may name thousands.

    Most name one by its number, so what that does not need is made when it is asked for.
    """

    def __init__(self, value: dict[str, Any]) -> None:
        self.value = value
        self.did = line_of(value)
        self.contacts = objs(value.get("contacts"))
        self._by_number = {text(contact.get("wa_id")): contact for contact in reversed(self.contacts)}
        self._by_user: dict[str, dict[str, Any]] | None = None
        self._places: dict[int, int] | None = None

    def person(self, item: dict[str, Any]) -> dict[str, Any]:
        """The entry of `contacts` that belongs to a message; empty when there is none."""
        sender = text(item.get("from"))
        found = self._by_number.get(sender) if sender else None
        if found is None and (user_id := text(item.get("from_user_id"))):
            found = self._user(user_id)
        return self._only() if found is None else found

    def _user(self, user_id: str) -> dict[str, Any] | None:
        if self._by_user is None:
            self._by_user = {text(contact.get("user_id")): contact for contact in reversed(self.contacts)}
        return self._by_user.get(user_id)

    def _only(self) -> dict[str, Any]:
        """The one contact of the one message, however it is named."""
        return self.contacts[0] if len(self.contacts) == 1 and len(objs(self.value.get("messages"))) == 1 else {}

    def place(self, contact: dict[str, Any]) -> int:
        """Where an entry of `contacts` stands in it."""
        if self._places is None:
            self._places = {id(contact): place for place, contact in enumerate(self.contacts)}
        return self._places[id(contact)]

    def identity(self, item: dict[str, Any], person: dict[str, Any]) -> tuple[str, str, str]:
        """(contact, address to reply to, user id) of a message's sender, or of an echo's receiver."""
        sender = text(item.get("from"))
        number = phone.digits(sender)
        if sender and number == self.did and item.get("to"):
            sender = text(item.get("to"))
            number = phone.digits(sender)
        user_id = text(item.get("from_user_id")) or text(person.get("user_id"))
        if not sender:
            number = phone.digits(text(person.get("wa_id")))
        return (phone.canonical(number), number, user_id) if number else (user_id, user_id, user_id)


def _recipient(status: dict[str, Any]) -> str:
    """Who a status is about: the canonical phone if there is one, else the user id."""
    number = text(status.get("recipient_id"))
    return phone.canonical(number) if phone.digits(number) else text(status.get("recipient_user_id"))


def pieces(body: dict[str, Any]) -> Iterator[Piece]:
    """Every message, status and notice, in the order of the body; oddities last.

    A change of another `field` than messages is one notice; an entry, change or item of another shape becomes a
    notice, too, so that nothing of a body is unaccounted for.
    """
    for i, j, change in _changes(body):
        value = obj(change.get("value"))
        if not any(isinstance(value.get(name), list) for name in _LISTS):
            yield Piece("notice", line_of(value), "", "", (i, j), change)
            continue
        known = _Change(value)
        for name, kind in _LISTS.items():
            items = value.get(name)
            for k, item in enumerate(items if isinstance(items, list) else []):
                yield _piece(kind, known, item, (i, j, name, k))
    yield from _odd(body)


def _piece(kind: str, change: _Change, item: Any, at: tuple[int | str, ...]) -> Piece:
    if not isinstance(item, dict):
        return Piece("notice", change.did, "", "", at, {"item": item})
    if kind == "message":
        contact, _, _ = change.identity(item, change.person(item))
        return Piece("message", change.did, contact, identifier(item.get("id")), at, item)
    if kind == "receipt":
        return Piece("receipt", change.did, _recipient(item), identifier(item.get("id")), at, item)
    return Piece("notice", change.did, "", "", at, item)


class Carver:
    """Cuts envelopes out of one body; what it learns of a change serves all envelopes that are cut out of it."""

    def __init__(self, body: dict[str, Any]) -> None:
        self._body = body
        self._known: dict[tuple[int, int], _Change] = {}

    def __call__(self, wanted: Sequence[Piece]) -> dict[str, Any]:
        """An envelope that holds these pieces alone, each under its own entry and change."""
        chosen: dict[int, dict[int, dict[str, list[int]] | None]] = {}
        for piece in wanted:
            changes = chosen.setdefault(int(piece.at[0]), {})
            if len(piece.at) == 2:
                changes[int(piece.at[1])] = None
            elif len(piece.at) == 4 and (lists := changes.setdefault(int(piece.at[1]), {})) is not None:
                lists.setdefault(str(piece.at[2]), []).append(int(piece.at[3]))
        return {**self._body, "entry": [self._entry(i, changes) for i, changes in chosen.items()]}

    def _entry(self, i: int, chosen: dict[int, dict[str, list[int]] | None]) -> Any:
        """An entry with only the chosen changes; one of another shape stays as it is."""
        entry = self._body["entry"][i]
        if not chosen:
            return entry
        changes = entry["changes"]
        kept = [changes[j] if lists is None else self._change((i, j), lists) for j, lists in chosen.items()]
        return {**entry, "changes": kept}

    def _change(self, place: tuple[int, int], lists: dict[str, list[int]]) -> dict[str, Any]:
        """A change with only the chosen items, and only those of `contacts` that they are about."""
        change = self._body["entry"][place[0]]["changes"][place[1]]
        known = self._known.get(place) or self._known.setdefault(place, _Change(change["value"]))
        kept = rest(known.value, (*_LISTS, "contacts"))
        for name, positions in lists.items():
            kept[name] = [known.value[name][k] for k in positions]
        items = [item for name in lists if _LISTS[name] == "message" for item in objs(kept[name])]
        people = {id(person): person for person in map(known.person, items) if person}
        contacts = sorted(people.values(), key=known.place) if len(people) > 1 else list(people.values())
        return {**change, "value": {**kept, "contacts": contacts} if contacts else kept}


def arrivals(body: dict[str, Any]) -> Iterator[Arrival]:
    """Every message of the body, in order."""
    for _, _, change in _changes(body):
        known = _Change(obj(change.get("value")))
        for name in ("messages", "message_echoes"):
            for item in objs(known.value.get(name)):
                yield _arrival(known, item, echo=name == "message_echoes")


def _arrival(change: _Change, item: dict[str, Any], *, echo: bool) -> Arrival:
    content, unnamed = content_of(item)
    person = change.person(item)
    contact, reply_to, user_id = change.identity(item, person)
    extra = rest(item, _MESSAGE_FIELDS)
    extra.pop(kind := text(item.get("type")), None)
    if isinstance(content, Unsupported):
        extra.pop("errors", None)  # any other message may carry errors, too
    if unnamed:
        extra[kind] = unnamed
    return Arrival(
        id=identifier(item.get("id")),
        did=change.did,
        contact=contact,
        reply_to=reply_to,
        user_id=user_id,
        kind="echo" if echo else "system" if isinstance(content, NumberChanged) else "message",
        at_ms=seconds_as_ms(item.get("timestamp")),
        content=content,
        context=context_of(item.get("context")),
        referral=item["referral"] if isinstance(item.get("referral"), dict) else None,
        profile_name=text(obj(person.get("profile")).get("name")),
        extra=extra,
    )


def context_of(value: Any) -> Context | None:
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
        id=identifier(status.get("id")),
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
