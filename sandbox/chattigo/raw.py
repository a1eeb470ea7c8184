"""Bodies that were not built here (captured traffic): which events and receipts are in them, as far as can be told."""

from collections.abc import Iterator
from typing import Any

import orjson

from sandbox.chattigo.delivery import Item
from sandbox.chattigo.flat import NOTIFICATIONS
from sandbox.chattigo.numbers import person

_STATES = {name: state for state, name in NOTIFICATIONS.items()} | {"SESSION": "session"}


def items(did: str, body: bytes, fallback: str) -> tuple[Item, ...]:
    """What the ledger lists for the body: an item an id that was found, else one item named `fallback`."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        value = None
    found = tuple(_cloud(did, value) if isinstance(value, dict) and "entry" in value else _flat(did, value))
    return found or (Item("raw", did, "", fallback, {}),)


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, dict):
            yield one


def _cloud(did: str, envelope: dict[str, Any]) -> Iterator[Item]:
    for entry in _objects(envelope.get("entry")):
        for change in _objects(entry.get("changes")):
            for value in _objects(change.get("value")):
                for message in _objects(value.get("messages")):
                    if message.get("id"):
                        yield Item("raw", did, _person(message.get("from")), str(message["id"]), message)
                for status in _objects(value.get("statuses")):
                    key = f"{status.get('id', '')}:{status.get('status', '')}"
                    yield Item("status", did, _person(status.get("recipient_id")), key, status)


def _flat(did: str, value: Any) -> Iterator[Item]:
    for one in _objects(value):
        contact, known, kind = _person(one.get("msisdn")), one.get("id"), str(one.get("type", ""))
        if kind in _STATES:
            key = f"{'' if known is None else known}:{_STATES[kind]}"
            yield Item("notification", did, contact, key, one)
        elif known is not None:
            yield Item("raw", did, contact, str(known), one)


def _person(number: Any) -> str:
    return person(number) if isinstance(number, str) else ""
