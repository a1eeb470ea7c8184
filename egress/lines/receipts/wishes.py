"""Wishes: people who told WhatsApp itself that they want no marketing from this line (131050). Pure.

`optouts` is written by conversations alone, so such a wish goes there as an order, once, in the transaction of the
receipt that told of it. Promises: until it has come back on `optouts` the line keeps to it all the same, also a new
owner, for it stands in `lines.state` as long: the last `TOLD_MAX` of them, so that the record always fits into Kafka.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from msgspec.structs import replace

from egress.lines.work import Work
from runtime.kafka.record import Record
from schemas import keys, topics
from schemas.headers import Headers
from schemas.inbound import OptOut
from schemas.optout import Optout
from schemas.record import encode

OPTED_OUT = "131050"
MARKETING = "marketing"
TOLD_MAX = 10_000
BY = "egress"


class Wish(NamedTuple):
    """Who, and by the failure of which message it is known."""

    tenant: str
    contact: str
    message_id: str


class Wishes:
    """Those of one line that are not on `optouts` yet."""

    def __init__(self) -> None:
        self._open: dict[str, None] = {}
        self._fresh: list[Wish] = []

    def restore(self, contacts: Iterable[str]) -> None:
        """As an earlier owner knew them: their orders are written."""
        self._open.update(dict.fromkeys(contacts))

    def add(self, wish: Wish, known: Optout | None) -> None:
        """A person's wish; one that is on its way, or on record, is no news."""
        if wish.contact not in self._open and not _covers(known):
            self._open[wish.contact] = None
            self._fresh.append(wish)

    def heard(self, contact: str, record: Optout | None) -> None:
        """The topic says something of this person: the wish, or that it is over."""
        if record is None or _covers(record):
            self._open.pop(contact, None)

    def __len__(self) -> int:
        return len(self._open)

    def all(self) -> list[str]:
        """What a new owner must know of them."""
        return list(islice(self._open, max(0, len(self._open) - TOLD_MAX), None)) if self._open else []

    def joined(self, contact: str, known: Optout | None, tenant: str, at_ms: int) -> Optout | None:
        """What the person does not want, by the topic and by the wish."""
        if contact not in self._open or _covers(known):
            return known
        if known is None:
            return Optout(tenant=tenant, since_ms=at_ms, why=OPTED_OUT, categories=[MARKETING])
        return replace(known, categories=[*known.categories, MARKETING])

    def tell(self, did: str, now_ms: int, work: Work) -> None:
        """Writes the orders of the new ones."""
        fresh, self._fresh = self._fresh, []
        for wish in fresh:
            work.write(order_of(did, wish, now_ms))


def order_of(did: str, wish: Wish, now_ms: int) -> Record:
    """The order to the conversation; its id is of the message, so that it is obeyed once."""
    command = OptOut(
        id=f"{OPTED_OUT}-{wish.message_id}",
        tenant=wish.tenant,
        did=did,
        contact=wish.contact,
        at_ms=now_ms,
        by=BY,
        categories=[MARKETING],
        why=OPTED_OUT,
    )
    headers = Headers(
        id=command.id, type="command", tenant=wish.tenant, at_ms=now_ms, did=did, contact=wish.contact
    ).to_kafka()
    key = keys.conversation(did, wish.contact)
    return Record(topics.INBOUND_CONVERSATIONS.name, encode(command), key.encode(), headers)


def _covers(record: Optout | None) -> bool:
    return record is not None and (not record.categories or MARKETING in record.categories)
