"""Every knob turns something: what a probe sees at the default differs from what it sees with the knob turned."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from sandbox.chattigo.knobs import Knobs, declared, own, patch
from tests.builders.knobs import calls, sends, webhooks
from tests.builders.knobs.rig import TURNS, seen
from tests.unit.sandbox.conftest import Isv

PROBES = (calls, sends, webhooks)  # each registers those of its knobs


def test_no_knob_lacks_a_probe() -> None:
    assert set(TURNS) == {knob.name for knob in declared(Knobs())}


@pytest.mark.parametrize("name", sorted(TURNS))
async def test_a_knob_turns_something(name: str, isv: Isv, tmp_path: Path) -> None:
    turn = TURNS[name]
    before = await seen(turn, tmp_path / "before", isv, turned=False)
    after = await seen(turn, tmp_path / "after", isv, turned=True)
    assert before != after


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"receipts": {"lost": 2}}, "receipts.lost"),
        ({"webhooks": {"retry_s": [-1]}}, "webhooks.retry_s"),
        ({"hsm_over": "maybe"}, "hsm_over"),
        ({"no_such": 1}, "no_such"),
        ({"media": {"refused": {"*": "x"}}}, "media.refused"),
    ],
)
def test_a_wrong_value_changes_nothing_and_is_named(changes: dict[str, Any], where: str) -> None:
    knobs = Knobs()
    with pytest.raises(msgspec.ValidationError, match=where.replace(".", r"\.")):
        patch(knobs, {"echo": False} | changes)
    assert own(knobs) == {}
