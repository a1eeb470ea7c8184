"""What people wrote is read strictly; what is wrong is named with its place and a way to mend it, never quoted."""

from __future__ import annotations

from typing import Any, Literal

import pytest

from processors.agents.reading import Problem, read, shown
from schemas.record import Frozen


class Part(Frozen, forbid_unknown_fields=True):
    text: str
    kind: Literal["a", "b"] = "a"


class Whole(Frozen, forbid_unknown_fields=True):
    part: Part | None = None
    listed: list[Part | str] = []
    named: dict[str, Part] = {}


@pytest.mark.parametrize(
    ("value", "where", "what"),
    [
        ({"prat": {}}, "prat", "no such field; did you mean `part`?"),
        ({"xyz": {}}, "xyz", "no such field; there are `part`, `listed`, `named`"),
        ({"part": {"txet": 1}}, "part.txet", "no such field; did you mean `text`?"),
        ({"part": {}}, "part", "Object missing required field `text`"),
        ({"part": {"text": 5}}, "part.text", "Expected `str`, got `int`"),
        ({"listed": ["x", {"text": "x", "kind": "Juan"}]}, "listed[1].kind", "must be one of a, b"),
        ({"listed": [{"texto": "x"}]}, "listed[0].texto", "no such field; did you mean `text`?"),
        ({"named": {"w": {"text": "a"}, "x": {"knid": "a"}}}, "named.x.knid", "no such field; did you mean `kind`?"),
        ({"x" * 500: 1}, "x" * 64, "no such field; there are `part`, `listed`, `named`"),
    ],
)
def test_a_mistake_has_its_place_and_what_to_write(value: Any, where: str, what: str) -> None:
    found, problem = read(value, Whole)
    assert found is None
    assert problem is not None
    assert (shown(problem.path), problem.what) == (where, what)


def test_what_is_right_is_read() -> None:
    assert read({"part": {"text": "x"}}, Whole) == (Whole(part=Part(text="x")), None)
    assert shown(Problem(("a", 0, "b"), "x").path) == "a[0].b"
