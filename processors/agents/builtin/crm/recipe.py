"""What recipes have in common: a delivery as requests one after the other, and what an answer means. Pure.

A recipe is a generator: it yields a request, is sent the answer, and returns what became of the delivery. So it makes
no calls itself, and a test plays it without any.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from processors.agents.deliveries import Result
from runtime.hooks import Answer

SAID_MAX = 2000  # characters of an answer that are kept
DENIED = frozenset((401, 403))


class Request(NamedTuple):
    """One call. `url` is whole; `body` is JSON or nothing; `key` is the idempotency key of this call alone."""

    method: str
    url: str
    key: str
    body: Any = None
    headers: Mapping[str, str] = {}

    def sent(self) -> bytes:
        """The body's bytes."""
        return b"" if self.body is None else msgspec.json.encode(self.body)


Steps = Generator[Request, Answer, Result]
DELIVERED = Result("delivered")


class Note(NamedTuple):
    """What is to be noted at a contact: when it happened, in which moment (`closed`, say)."""

    text: str
    at_ms: int
    moment: str


class Recipe(Protocol):
    """How a CRM is spoken to. `person` is what its contact is known by on our side."""

    def upsert(self, key: str, person: str, fields: Mapping[str, Any]) -> Steps:
        """Set fields of the contact; make it if there is none."""
        ...

    def note(self, key: str, person: str, note: Note) -> Steps:
        """Write a note at the contact."""
        ...


def body_of(answer: Answer) -> Any:
    """The answer's JSON; None if it is none."""
    try:
        return msgspec.json.decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def inside(value: Any, path: str) -> Any:
    """`data.0.id` inside an answer; None where there is nothing."""
    for part in path.split("."):
        if isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def judged(answer: Answer, story: str = "", after_s: float = 0) -> Result:
    """What an answer that is not what was hoped for means. A token that is not taken may be mended, so that waits."""
    error = answer.why + (f": {story}" if story else "")
    said = answer.body.decode("utf-8", "replace")[:SAID_MAX]
    asked_s = max(answer.retry_after_s or 0, after_s)
    if answer.status in DENIED:
        return Result("later", "denied", f"{error}: is the token right?", said, asked_s)
    if answer.again:
        return Result("later", answer.outcome, error, said, asked_s)
    return Result("refused", answer.outcome if answer.outcome != "ok" else "not_understood", error, said)
