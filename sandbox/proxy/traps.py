"""Traps: what happens to a connection at a chosen request, or at the answer to it. Pure.

A request is known by words that it holds (`POST /message/inbound`), or by the number of a Kafka request (26: the
end of a transaction). Promises: the `nth` request that matches is hit, then further ones up to `count`; at `request`
it has not left, at `answer` it has, and its answer has not come. Requests of one connection are answered in order.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

_HEAD = 8  # of a Kafka request: its length, its number, its version
Then = Literal["reset", "close", "swallow"]


class Trap(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One trap. `words` or `kafka`; `then` resets or closes the connection, or lets it stand and swallows all that
    would still arrive on it."""

    name: str = ""
    words: str = ""
    kafka: int | None = None
    at: Literal["request", "answer"] = "answer"
    nth: Annotated[int, msgspec.Meta(ge=1)] = 1
    count: Annotated[int, msgspec.Meta(ge=1)] = 1
    then: Then = "reset"

    def __post_init__(self) -> None:
        if (not self.words) == (self.kafka is None):
            raise ValueError("a trap needs either words or the number of a Kafka request")


class Armed(msgspec.Struct):
    """A trap with how many requests matched, and how many it hit."""

    trap: Trap
    seen: int = 0
    hits: int = 0

    def springs(self) -> bool:
        """A request matches: whether this one is hit."""
        if self.hits >= self.trap.count:
            return False
        self.seen += 1
        if self.seen < self.trap.nth:
            return False
        self.hits += 1
        return True


class Requests:
    """The Kafka requests in what one connection sends, piece by piece."""

    def __init__(self) -> None:
        self._head = b""
        self._rest = 0

    def numbers(self, data: bytes) -> Iterator[int]:
        """The number of each request whose head is complete with this piece."""
        at = 0
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
                at += step
                continue
            step = min(_HEAD - len(self._head), len(data) - at)
            self._head += data[at : at + step]
            at += step
            if len(self._head) == _HEAD:
                size = int.from_bytes(self._head[:4], "big")
                yield int.from_bytes(self._head[4:6], "big")
                self._rest, self._head = max(0, size - (_HEAD - 4)), b""


class Watch:
    """One connection under the traps of its proxy."""

    def __init__(self, traps: list[Armed]) -> None:
        self._traps = traps
        self._requests = Requests()
        self._waiting: Then | None = None

    def up(self, data: bytes) -> Then | None:
        """A piece of what is asked, before it leaves: what happens instead, if anything does."""
        numbers = set(self._requests.numbers(data))
        for armed in self._traps:
            trap = armed.trap
            meant = trap.kafka in numbers if trap.kafka is not None else trap.words.encode() in data
            if meant and armed.springs():
                if trap.at == "request":
                    return trap.then
                self._waiting = trap.then
        return None

    def down(self) -> Then | None:
        """A piece of an answer is here."""
        then, self._waiting = self._waiting, None
        return then
