"""The read model of lines' states: the last word of each owner, and no record that cannot be read."""

from __future__ import annotations

from typing import NamedTuple

from runtime.line_states import LineStates
from runtime.settings import KafkaSettings
from schemas.line_state import LineState
from schemas.record import encode


class Said(NamedTuple):
    text: str
    data: bytes | None

    def key(self) -> bytes:
        return self.text.encode()

    def value(self) -> bytes | None:
        return self.data

    def offset(self) -> int:
        return 7


def state(did: str, paid: int) -> LineState:
    return LineState(did=did, tenant="acme", at_ms=1, day="2026-11-26", paid=paid)


def test_the_last_word_of_each_line_stands_and_each_is_told() -> None:
    heard: list[LineState] = []
    model = LineStates(KafkaSettings(), heard.append)
    said = [state("1", 5), state("2", 6), state("1", 7)]
    model.apply(Said(one.did, encode(one)) for one in said)
    assert heard == said
    assert model.states == {"1": said[2], "2": said[1]}


def test_what_cannot_be_read_leaves_the_one_before_and_a_tombstone_nothing() -> None:
    heard: list[LineState] = []
    model = LineStates(KafkaSettings(), heard.append)
    model.apply([Said("1", encode(state("1", 5))), Said("1", b"{"), Said("2", encode(state("2", 6))), Said("2", None)])
    assert model.states == {"1": state("1", 5)}
    assert [one.did for one in heard] == ["1", "2"]
