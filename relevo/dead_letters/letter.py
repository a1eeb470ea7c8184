"""A dead letter and what was done about it, as the records of one topic say. Pure.

Promises: a letter has the address `topic:partition:offset`; it is done once a mark in its own partition names it. What
is kept here holds no text and no number of a person. Leaves to `shelf`: Kafka; to `records`: what is written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple, Protocol, get_args

import msgspec

from schemas import topics
from schemas.dead_letter import Attempt, Cause
from schemas.headers import Headers
from schemas.record import Frozen

Action = Literal["requeued", "dropped"]
ACTIONS: tuple[Action, ...] = get_args(Action)
REJECTED = topics.INBOUND_REJECTED.name
WHY, REASON = "why", "reason"


class LetterError(ValueError):
    """Nothing (more) was done; the text says why and what to do."""


class Message(Protocol):
    """What is read of a record: confluent-kafka's own message has it."""

    def topic(self) -> str | None: ...
    def partition(self) -> int | None: ...
    def offset(self) -> int | None: ...
    def value(self) -> Any: ...
    def headers(self) -> Any: ...
    def timestamp(self) -> tuple[int, int]: ...


class Address(NamedTuple):
    """Where a dead letter stands, written `topic:partition:offset`."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}:{self.partition}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Raises LetterError."""
        topic, *numbers = text.split(":")
        if len(numbers) != 2 or not topic or not all(n.isascii() and n.isdigit() for n in numbers):
            raise LetterError(f"{text!r} is no address; one is topic:partition:offset, as relevo dlq ls shows it")
        if not holds_letters(topic):
            raise LetterError(f"{topic} holds no dead letters; those of a topic T are on T{topics.DEAD_LETTERS}")
        return cls(topic, int(numbers[0]), int(numbers[1]))


class Done(Frozen):
    """What was done about a letter, in which run, when, and why."""

    action: Action
    run: str
    at_ms: int
    why: str = ""


class Letter(Frozen):
    """`at_ms` is when it was given up, `kind` the record's header `type`; `size` is None for a tombstone.

    `attempts` are the calls that were made for it, oldest first.
    """

    address: Address
    reason: str
    error: str
    source: str
    by: str
    at_ms: int
    tenant: str
    kind: str
    size: int | None
    attempts: list[Attempt] = []
    done: Done | None = None

    @property
    def topic(self) -> str:
        return self.address.topic


def holds_letters(topic: str) -> bool:
    """Whether dead letters stand on a topic of this name."""
    return topic == REJECTED or topic.endswith(topics.DEAD_LETTERS)


def pairs(message: Message) -> list[tuple[str, bytes]]:
    """The headers in their order."""
    found = message.headers() or []
    listed = found.items() if isinstance(found, dict) else found
    return [(name, value.encode() if isinstance(value, str) else value or b"") for name, value in listed]


def gathered(messages: Iterable[Message]) -> list[Letter]:
    """Every letter, newest first; in which order the partitions come does not matter."""
    letters: dict[Address, Letter] = {}
    done: dict[str, Done] = {}
    for message in messages:
        headers = dict(pairs(message))
        marked = _mark(headers, message)
        if marked is not None:
            done[marked[0]] = marked[1]
            continue
        letter = _letter(headers, message)
        letters[letter.address] = letter
    found = [_with(letter, done.get(str(letter.address))) for letter in letters.values()]
    return sorted(found, key=lambda letter: (letter.at_ms, letter.address), reverse=True)


def counted(letters: Iterable[Letter]) -> list[tuple[str, str, int]]:
    """(topic, reason, how many), by topic, the most frequent first."""
    counts = Counter((letter.topic, letter.reason) for letter in letters)
    return [(*name, count) for name, count in sorted(counts.items(), key=lambda one: (one[0][0], -one[1], one[0][1]))]


def _with(letter: Letter, done: Done | None) -> Letter:
    return letter if done is None else msgspec.structs.replace(letter, done=done)


def _text(headers: dict[str, bytes], name: str) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _mark(headers: dict[str, bytes], message: Message) -> tuple[str, Done] | None:
    """A mark has no cause of its own and names the letter in a header that is called like the action."""
    action = _text(headers, "type")
    if message.value() is not None or Cause.from_headers(headers.items()).reason or action not in headers:
        return None
    if action not in ACTIONS:
        return None
    own = Headers.from_kafka(headers.items())
    return _text(headers, action), Done(action=action, run=own.id, at_ms=own.at_ms, why=_text(headers, WHY))


def _letter(headers: dict[str, bytes], message: Message) -> Letter:
    own, cause, value = Headers.from_kafka(headers.items()), Cause.from_headers(headers.items()), message.value()
    rejected = message.topic() == REJECTED
    return Letter(
        address=Address(message.topic() or "", message.partition() or 0, message.offset() or 0),
        reason=_text(headers, REASON) if rejected else cause.reason,
        error=cause.error,
        source=cause.source,
        by="webhooks" if rejected else cause.by,
        at_ms=cause.at_ms or message.timestamp()[1],
        tenant=own.tenant,
        kind=own.type,
        size=None if value is None else len(value),
        attempts=cause.attempts,
    )
