"""A record as it was read, and the events that it holds. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

import orjson

from runtime.kafka.offsets import Partition
from schemas import topics
from schemas.chattigo import webhook
from schemas.dead_letter import Cause, source

_RUN = re.compile(rb"[A-Za-z0-9]+")
INBOUND = topics.INBOUND_CONVERSATIONS.name


class Message(Protocol):
    """What is read of a record: confluent-kafka's own message has it."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> Any: ...
    def value(self) -> Any: ...
    def headers(self) -> Any: ...


class Seen(NamedTuple):
    """A record; `at_ms` is when it was written."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: bytes
    value: bytes | None
    headers: dict[str, bytes]

    @classmethod
    def of(cls, message: Message) -> Seen:
        found = message.headers() or []
        pairs = found.items() if isinstance(found, dict) else found
        return cls(
            topic=message.topic() or "",
            partition=message.partition() or 0,
            offset=message.offset() or 0,
            at_ms=message.timestamp()[1],
            key=_bytes(message.key()) or b"",
            value=_bytes(message.value()),
            headers={name: _bytes(value) or b"" for name, value in pairs},
        )

    @property
    def place(self) -> str:
        """`topic-partition-offset`."""
        return source(self.topic, self.partition, self.offset)

    @property
    def lane(self) -> Partition:
        return self.topic, self.partition

    def header(self, name: str) -> str:
        return self.headers.get(name, b"").decode("utf-8", "replace")

    @property
    def id(self) -> str:
        return self.header("id")

    @property
    def type(self) -> str:
        return self.header("type")

    @property
    def received_ms(self) -> int:
        """When ingress had what caused it, else when it was written."""
        at = self.header("at")
        return int(at) if at.isascii() and at.isdigit() else self.at_ms

    @property
    def cause(self) -> Cause:
        """Why it is a dead letter; empty for what is none."""
        return Cause.from_headers(self.headers.items())

    @property
    def origin(self) -> str:
        """Where it stood first: a dead letter's source, else its own place."""
        return self.cause.source or self.place


class Again(NamedTuple):
    """A record as a message once more, for those who read messages."""

    seen: Seen

    def topic(self) -> str:
        return self.seen.topic

    def partition(self) -> int:
        return self.seen.partition

    def offset(self) -> int:
        return self.seen.offset

    def key(self) -> bytes | None:
        return self.seen.key or None

    def value(self) -> bytes | None:
        return self.seen.value

    def headers(self) -> list[tuple[str, bytes]]:
        return list(self.seen.headers.items())

    def timestamp(self) -> tuple[int, int]:
        return 1, self.seen.at_ms


def _bytes(value: str | bytes | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def needle(event_id: str) -> bytes:
    """The longest run of letters and digits of an id: it stands in a body as it is, however signs are escaped."""
    whole = event_id.encode()
    runs: list[bytes] = _RUN.findall(whole)
    return max(runs, key=len, default=whole)


def events(record: Seen) -> Iterator[str]:
    """The ids of the events that a record of `inbound.conversations` (or its dead letter) holds, as they are known.

    One in which nothing can be found, such as bytes that are no JSON, is an event itself, known by its place.
    """
    if record.type != "webhook":
        if record.id:
            yield record.id
        return
    nameless = 0
    found = webhook.arrivals(_body(record.value))
    if not found:
        yield record.origin
    for arrival in found:
        yield arrival.id or (f"{record.origin}.{nameless}" if nameless else record.origin)
        nameless += not arrival.id


def holds(record: Seen, event_id: str, part: bytes) -> bool:
    """Whether a record holds the event; `part` is the id's needle, which spares reading most bodies."""
    if record.type != "webhook":
        return record.id == event_id
    if part not in (record.value or b"") and not event_id.startswith(record.origin):
        return False
    return event_id in events(record)


def pieces(record: Seen) -> Iterator[str]:
    """The ids of everything in a body, also of what is no event of a conversation."""
    return (piece.id for piece in webhook.pieces(_body(record.value)) if piece.id)


def _body(value: bytes | None) -> object:
    try:
        return orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        return None
