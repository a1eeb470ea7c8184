"""What a record of `outbound.parked` says of itself: the headers that it has beside those of the input it copies.

Key and headers are all that an owner reads of it until there is room: its place in the queue, and when it may go.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

from schemas.record import Frozen

Kind = Literal["reply", "urgent", "bulk"]
Why = Literal[
    "backlog",
    "line_paused",
    "line_stopped",
    "not_before",
    "paused",
    "waits",
    "withheld",
    "send_window",
    "daily_cap",
]

_DID, _KIND, _FROM, _KEY = "did", "parked_kind", "parked_from", "parked_key"
_WHY, _AT, _UNTIL = "parked_why", "parked_at", "parked_until"
_AFTER, _FLOW = "parked_after", "parked_flow"
_BASE, _DONE = "parked_base", "parked_done"
_OURS = frozenset((_KIND, _FROM, _KEY, _WHY, _AT, _UNTIL, _AFTER, _FLOW))
_KINDS: dict[bytes | None, Kind] = {b"reply": "reply", b"urgent": "urgent"}


class After(Frozen):
    """The attempt that a copy will be: it follows `plan`, which failed with the provider's code `failed`.

    Of a campaign's recipient `chunk` and `place` say which one; -1 where an earlier version did not note that.
    """

    plan: str
    attempt: int
    failed: str
    first_attempt: int = 1
    spared: int = 0
    campaign: str = ""
    chunk: int = -1
    place: int = -1


class Flow(NamedTuple):
    """What shares one turn among a line's bulk: a campaign, or single messages of one template and class."""

    campaign: str = ""
    send_class: str = ""
    template: str = ""
    language: str = ""


_AFTERS, _FLOWS = msgspec.json.Decoder(After), msgspec.json.Decoder(Flow)
_ANY = Flow()


class Parked(Frozen):
    """`kind` is the queue (a reply keeps its person's order, a one-time password is urgent), and `flow` with what it
    takes turns there; `source` is the input, as `topic-partition-offset`.

    `key` is the input's, `at_ms` when it was parked, `not_before_ms` when it may go at the earliest (0: at once).
    With `after` it is a copy of a message that was sent and failed, and goes again.
    """

    did: str
    kind: Kind
    source: str
    why: str
    at_ms: int
    not_before_ms: int = 0
    key: bytes = b""
    after: After | None = None
    flow: Flow = _ANY

    def headers(self, original: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
        """The input's headers and these."""
        fields = (
            (_DID, self.did),
            (_KIND, self.kind),
            (_FROM, self.source),
            (_WHY, self.why),
            (_AT, str(self.at_ms)),
            (_UNTIL, str(self.not_before_ms or "")),
        )
        kept = [pair for pair in unparked(original) if pair[0] != _DID]
        own = [(name, value.encode()) for name, value in fields if value]
        if self.after is not None:
            own.append((_AFTER, msgspec.json.encode(self.after)))
        if self.flow != _ANY:
            own.append((_FLOW, _flow_text(self.flow)))
        return kept + own + ([(_KEY, self.key)] if self.key else [])

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Parked:
        """What a record says; missing fields are empty, and a kind that nobody knows is `bulk`."""
        found = dict(headers)
        return cls(
            did=_text(found.get(_DID)),
            kind=_KINDS.get(found.get(_KIND), "bulk"),
            source=_text(found.get(_FROM)),
            why=_text(found.get(_WHY)),
            at_ms=_number(found.get(_AT)),
            not_before_ms=_number(found.get(_UNTIL)),
            key=found.get(_KEY) or b"",
            after=_after(found.get(_AFTER)),
            flow=_flow(found.get(_FLOW)),
        )

    @property
    def origin(self) -> tuple[str, int]:
        """The input's topic and offset; an empty topic where the record does not say."""
        topic, _, place = self.source.partition("-")
        offset = place.rpartition("-")[2]
        return (topic, int(offset)) if offset.isascii() and offset.isdigit() else ("", -1)


class Done(NamedTuple):
    """A record without a value that says which places from `base` on are done, so that nobody need remember them.

    `done` is one byte a place, compressed: 0 for one that is done.
    """

    base: int
    done: bytes

    def headers(self, at_ms: int) -> list[tuple[str, bytes]]:
        own = [("id", b"done"), ("type", b"done"), ("tenant", b""), ("at", str(at_ms).encode())]
        return [*own, (_AT, str(at_ms).encode()), (_BASE, str(self.base).encode()), (_DONE, self.done)]

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> Done | None:
        """What a record says; None when it is no such note."""
        found = {name: value or b"" for name, value in headers if name in (_BASE, _DONE)}
        return cls(_number(found[_BASE]), found[_DONE]) if len(found) == 2 else None


def unparked(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """The headers without what parking added."""
    return [(name, value or b"") for name, value in headers if name not in _OURS]


def names_line(headers: Iterable[tuple[str, bytes | None]]) -> bool:
    """Whether a record says which line it is of."""
    return any(name == _DID and value for name, value in headers)


def _after(value: bytes | None) -> After | None:
    """None also for one that cannot be read: then the record is a copy of what is known, and is done."""
    try:
        return _AFTERS.decode(value) if value else None
    except msgspec.MsgspecError:
        return None


@lru_cache(maxsize=4096)
def _flow_text(flow: Flow) -> bytes:
    return msgspec.json.encode(flow)


@lru_cache(maxsize=4096)
def _flow(value: bytes | None) -> Flow:
    """That of all which say none, also for one that cannot be read."""
    try:
        return _FLOWS.decode(value) if value else _ANY
    except msgspec.MsgspecError:
        return _ANY


def _text(value: bytes | None) -> str:
    return value.decode("utf-8", "replace") if value else ""


def _number(value: bytes | None) -> int:
    return int(value) if value and value.isdigit() else 0
