"""What stands still by a record of its own, and what a record that nobody can read does."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from runtime.pauses import Standing
from schemas.pause import Pause
from schemas.record import encode


class Message(NamedTuple):
    """A record as confluent-kafka gives it."""

    k: bytes | str | None
    v: bytes | str | None
    o: int = 0

    def key(self) -> bytes | str | None:
        return self.k

    def value(self) -> bytes | str | None:
        return self.v

    def offset(self) -> int:
        return self.o


def standing_record(pause: Pause, *, ends: bool = False) -> Message:
    return Message(pause.key.encode(), None if ends else encode(pause))


ALL = Pause(scope="all", since_ms=1, by="ana", why="the bill")
ACME = Pause(scope="tenant", tenant="acme", since_ms=1, by="ana")


def test_everybody_and_one_tenant_are_paused_and_resumed_apart() -> None:
    standing = Standing()
    assert standing.holding("acme") == []
    standing.apply([standing_record(ALL), standing_record(ACME)])
    assert (standing.holding("acme"), standing.holding("other")) == (["all", "tenant|acme"], ["all"])
    assert standing.holding("") == ["all"], "also a line that nobody has"
    standing.apply([standing_record(ALL, ends=True)])
    assert (standing.holding("acme"), standing.holding("other"), len(standing)) == (["tenant|acme"], [], 1)
    standing.apply([standing_record(ACME, ends=True), standing_record(ACME, ends=True)])
    assert len(standing) == 0


@pytest.mark.parametrize("value", [b"{", b"[]", encode(ALL)])
def test_a_record_that_cannot_be_read_pauses_what_its_key_names(value: bytes) -> None:
    standing = Standing()
    standing.apply([Message(b"tenant|acme", value)])
    assert (standing.holding("acme"), standing.holding("other")) == (["tenant|acme"], [])
    standing.apply([Message("tenant|acme", None)])
    assert standing.holding("acme") == []


@pytest.mark.parametrize("key", [b"", b"tenant", b"tenant|", b"line|569", None])
def test_a_key_that_names_nothing_pauses_nobody(key: bytes | None) -> None:
    standing = Standing()
    standing.apply([Message(key, encode(ALL))])
    assert len(standing) == 0
