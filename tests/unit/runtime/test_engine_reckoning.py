"""The judge of the engine's tests sees each way in which a run can be wrong."""

import json

import pytest

from tests.engine_apps.reckoning import EXACT, Reckoning, State, Verdict, table


class ARead:
    def __init__(self, key: bytes, value: bytes | None, headers: dict[str, bytes] | None = None) -> None:
        self._fields = (key, value, headers)

    def key(self) -> bytes:
        return self._fields[0]

    def value(self) -> bytes | None:
        return self._fields[1]

    def headers(self) -> list[tuple[str, bytes]] | None:
        return list((self._fields[2] or {}).items())


def fed(key: bytes, *events: str) -> list[ARead]:
    return [ARead(key, f"{event} body".encode(), {"event": event.encode()}) for event in events]


def sent(event: str, count: int, key: bytes = b"k") -> ARead:
    return ARead(key, f"{event} body".encode(), {"event": event.encode(), "count": b"%d" % count})


SOURCE = fed(b"k", "e1", "e2", "e1", "e3")
RIGHT = [sent("e1", 1), sent("e2", 2), sent("e3", 3)]
STATE: State = {"count": 3, "seen": ["e1", "e2", "e3"]}
NO_HEADERS = ARead(b"k", b"e2 body")


def test_what_the_input_asks_for_is_exact() -> None:
    reckoning = Reckoning(SOURCE)
    assert reckoning.duplicates == 1
    assert reckoning.judge(RIGHT, {b"k": STATE}) == EXACT


@pytest.mark.parametrize(
    ("outputs", "verdict"),
    [
        ([RIGHT[0], RIGHT[2]], Verdict(lost=1, wrong_order=1)),
        ([*RIGHT, sent("e1", 4)], Verdict(doubled=1, wrong_order=1)),
        ([*RIGHT, sent("e9", 1, b"other")], Verdict(doubled=1, wrong_order=1)),
        ([RIGHT[1], RIGHT[0], RIGHT[2]], Verdict(wrong_order=1)),
        ([RIGHT[0], sent("e2", 7), RIGHT[2]], Verdict(wrong_order=1)),
        ([RIGHT[0], NO_HEADERS, RIGHT[2]], Verdict(wrong_order=1)),
        ([], Verdict(lost=3, wrong_order=1)),
    ],
)
def test_wrong_outputs_are_seen(outputs: list[ARead], verdict: Verdict) -> None:
    assert Reckoning(SOURCE).judge(outputs, {b"k": STATE}) == verdict


@pytest.mark.parametrize(
    "states",
    [{}, {b"k": STATE | {"count": 4}}, {b"k": STATE | {"seen": ["e2", "e3"]}}, {b"k": STATE, b"stranger": STATE}],
)
def test_wrong_states_are_seen(states: dict[bytes, State]) -> None:
    assert Reckoning(SOURCE).judge(RIGHT, states) == Verdict(wrong_states=1)


def test_a_key_that_is_forgotten_begins_anew() -> None:
    reckoning = Reckoning(fed(b"k", "e1", "forget", "e1"))
    assert reckoning.judge([sent("e1", 1), sent("e1", 1)], {b"k": {"count": 1, "seen": ["e1"]}}) == EXACT
    assert Reckoning(fed(b"k", "e1", "forget")).judge([sent("e1", 1)], {}) == EXACT


def test_a_ring_forgets_what_is_older() -> None:
    reckoning = Reckoning(fed(b"k", "e1", "e2", "e1"), ring=1)
    outputs = [sent("e1", 1), sent("e2", 2), sent("e1", 3)]
    assert reckoning.judge(outputs, {b"k": {"count": 3, "seen": ["e1"]}}) == EXACT


def test_a_changelog_leaves_the_last_value_of_each_key() -> None:
    changes = [ARead(key, json.dumps({"count": n}).encode()) for n, key in enumerate((b"a", b"b", b"a"))]
    assert table([*changes, ARead(b"b", None)]) == {b"a": {"count": 2}}
