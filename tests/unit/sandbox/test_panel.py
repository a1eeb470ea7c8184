"""The knobs as the page shows them: each with its words, and what was turned told apart from what a profile set."""

from typing import Any

import aiohttp
import pytest

from sandbox.chattigo import control
from sandbox.chattigo.knobs import Knobs, declared, merged
from sandbox.chattigo.page.panel import EVIDENCE, QUESTIONS, Panel, described
from sandbox.chattigo.server import Chattigo


@pytest.mark.parametrize("knob", described(), ids=lambda knob: knob["name"])
def test_every_knob_is_described_with_its_question_its_evidence_and_what_it_takes(knob: dict[str, Any]) -> None:
    assert QUESTIONS[knob["question"]]
    assert EVIDENCE[knob["evidence"]].startswith(("assumption", "invention")) == knob["assumed"]
    assert "enum" in knob["schema"] or knob["schema"]["type"] in {
        "boolean", "number", "integer", "string", "array", "object",
    }  # fmt: skip


def test_none_is_left_out_and_no_question_is_without_a_knob() -> None:
    assert [knob["name"] for knob in described()] == [knob.name for knob in declared(Knobs())]
    assert {knob["question"] for knob in described()} == set(QUESTIONS)


def turned(panel: Panel) -> set[str]:
    standing = panel.standing()
    assert set(standing["values"]) == set(standing["usual"]) == {knob.name for knob in declared(Knobs())}
    return {name for name, value in standing["values"].items() if value != standing["usual"][name]}


async def test_a_knob_counts_as_turned_since_the_last_profile_alone(chattigo: Chattigo) -> None:
    panel = Panel(chattigo.world)
    assert turned(panel) == set()
    chattigo.turn(echo=False, receipts={"lost": 0.5})
    assert turned(panel) == {"echo", "receipts.lost"}
    control.switch(chattigo.world, "harsh")
    assert turned(panel) == set()
    assert panel.standing()["profile"] == "harsh"
    chattigo.turn(single_session=False)
    assert turned(panel) == {"single_session"}
    chattigo.turn(single_session=True)
    assert turned(panel) == set()
    control.switch(chattigo.world, "mine", {"media": {"refused": {"*": 131053}}})
    assert turned(panel) == set()


async def test_what_was_turned_before_a_restart_counts_no_more(chattigo: Chattigo) -> None:
    control.switch(chattigo.world, "harsh")
    control.profiles.apply(chattigo.world.knobs, {}, chattigo.world.always)  # as a start sets them
    assert turned(Panel(chattigo.world)) == set()


def test_a_knob_that_is_an_object_is_set_as_a_whole() -> None:
    before = {"media": {"refused": {"a": 1}, "kinds": True}, "echo": True}
    assert merged(before, {"media": {"refused": {}}}) == {"media": {"refused": {}, "kinds": True}, "echo": True}


async def test_the_page_asks_how_they_stand(chattigo: Chattigo) -> None:
    async with aiohttp.request("GET", f"{chattigo.base_url}/_sandbox/page/knobs") as answer:
        found = await answer.json()
    assert {"gentle", "harsh", "typical"} <= set(found["profiles"])
    assert found["values"]["webhooks.acks"] == found["usual"]["webhooks.acks"] == "200"
