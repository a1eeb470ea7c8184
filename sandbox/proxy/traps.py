"""Traps: what happens to a connection at a chosen request, or at the answer to it. Pure.

A request is known by words that it holds (`POST /message/inbound`), or by the number of a Kafka request (26: the
end of a transaction). Promises: the `nth` request that matches is hit, then further ones up to `count`; at `request`
it has not left, at `answer` it has, and its answer does not arrive.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

import msgspec

# Of a Kafka request: length, number, version, and the name that its answer begins with behind its own length.
_REQUEST, _ANSWER = 12, 8
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


class Frames:
    """The heads of Kafka's requests, or of its answers, in what comes one way of a connection, piece by piece."""

    def __init__(self, head: int) -> None:
        self._size = head
        self._head = b""
        self._rest = 0

    def heads(self, data: bytes) -> Iterator[bytes]:
        """Each head that is complete with this piece."""
        at = 0
        while at < len(data):
            if self._rest:
                step = min(self._rest, len(data) - at)
                self._rest -= step
                at += step
                continue
            step = min(self._size - len(self._head), len(data) - at)
            self._head += data[at : at + step]
            at += step
            if len(self._head) == self._size:
                yield self._head
                length = int.from_bytes(self._head[:4], "big")
                self._rest, self._head = max(0, length - (self._size - 4)), b""


class Watch:
    """One connection under the traps of its proxy. Kafka says with each answer which request it is to; of others the
    next piece that comes back is the answer."""

    def __init__(self, traps: list[Armed]) -> None:
        self._traps = traps
        self._requests, self._answers = Frames(_REQUEST), Frames(_ANSWER)
        self._next: Then | None = None
        self._named: dict[bytes, Then] = {}

    def up(self, data: bytes) -> Then | None:
        """A piece of what is asked, before it leaves: what happens instead, if anything does."""
        requests = [(int.from_bytes(head[4:6], "big"), head[8:12]) for head in self._requests.heads(data)]
        for armed in self._traps:
            trap = armed.trap
            if trap.kafka is None:
                if trap.words.encode() in data and armed.springs():
                    if trap.at == "request":
                        return trap.then
                    self._next = trap.then
                continue
            for number, name in requests:
                if number == trap.kafka and armed.springs():
                    if trap.at == "request":
                        return trap.then
                    self._named[name] = trap.then
        return None

    def down(self, data: bytes) -> Then | None:
        """A piece of an answer is here."""
        then, self._next = self._next, None
        for head in self._answers.heads(data):
            then = self._named.pop(head[4:8], None) or then
        return then
