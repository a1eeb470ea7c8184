"""Whatever a menu that passes the check says, and whatever people send to it: it never breaks, and it fits WhatsApp."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from processors.agents.builtin.menu import check
from processors.agents.builtin.menu.agent import menu
from processors.agents.builtin.menu.place import BYTES_MAX, Place, kept, recalled
from relevo.testing import Chat
from schemas import content as c
from tests.builders.menus import menus, sayings, unfit

_SLOW = [HealthCheck.filter_too_much, HealthCheck.too_slow, HealthCheck.data_too_large]
_moves = st.one_of(
    sayings(),
    st.sampled_from(["advance", "resumes", "closes", "human", "language"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=_SLOW)
@given(menus(), st.lists(_moves, min_size=1, max_size=12))
def test_a_menu_that_passes_never_breaks_and_shows_what_whatsapp_takes(text: str, moves: list[object]) -> None:
    assume(check(text).usable)
    chat = Chat(menu, config={"menu": text}, name="Ana María " * 9)
    for move in moves:
        match move:
            case "advance":
                actions = chat.advance(60)
            case "resumes":
                actions = chat.resumes()
            case "closes":
                actions = chat.closes()
            case "human":
                actions = chat.human_says("hola")
            case "language":
                chat.facts["language"] = "pt"
                continue
            case _:
                assert isinstance(move, c.Content)
                actions = chat.sends(move)  # type: ignore[arg-type]
        assert list(unfit(actions)) == []


@pytest.mark.parametrize("show", ["auto", "list", "numbers", "buttons"])
@pytest.mark.parametrize("length", [3, 20, 21, 24, 25, 80])
@pytest.mark.parametrize("count", [1, 3, 4, 10, 11, 30])
def test_as_many_choices_as_there_may_be_fit_whatsapp(count: int, length: int, show: str) -> None:
    titles = [f"{number:02}".ljust(length, "x") for number in range(count)]
    listed = ", ".join(f"{{title: {title}, to: a}}" for title in titles)
    options = f"start: a\nnodes: {{a: {{text: '{'y' * 1024}', show: {show}, options: [{listed}]}}}}"
    question = (
        f"start: a\nnodes: {{a: {{text: x, to: a, ask: {{save: v, type: one_of, show: {show}, values: {titles}}}}}}}"
    )
    for text in (options, question):
        most, longest = {"buttons": (3, 20), "list": (10, 24)}.get(show, (30, 80))
        assert check(text).usable is (count <= most and length <= longest)
        if check(text).usable:
            assert list(unfit(Chat(menu, config={"menu": text}).says("hola"))) == []


@settings(max_examples=50, deadline=None)
@given(menus())
def test_a_check_of_any_menu_ends_and_says_where(text: str) -> None:
    for problem in check(text).problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.what


@settings(max_examples=25, deadline=None, suppress_health_check=_SLOW)
@given(menus(), menus(), st.lists(sayings(), min_size=1, max_size=5), st.lists(sayings(), min_size=1, max_size=5))
def test_a_dialogue_goes_on_in_any_other_menu(before: str, after: str, first: list[object], then: list[object]) -> None:
    assume(check(before).usable and check(after).usable)
    chat = Chat(menu, config={"menu": before})
    for content in first:
        chat.sends(content)  # type: ignore[arg-type]
    other = Chat(menu, config={"menu": after}, memory=chat.memory)
    other.advance(60)
    for content in then:
        assert list(unfit(other.sends(content))) == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "memory", [{"at": 7}, {"at": {"node": []}}, {"at": {"path": [1]}}, {"at": None}, {"at": {"x": 1}}]
)
def test_a_memory_that_cannot_be_read_begins_anew(memory: dict[str, object]) -> None:
    chat = Chat(menu, memory=memory)
    chat.says("hola")
    assert chat.texts == ["¡Hola Ana! 👋 ¿En qué te podemos ayudar?"]


def test_what_is_remembered_stays_within_an_agents_bounds() -> None:
    names = [f"v{index}" for index in range(40)]
    full = Place(node="a", path=["ñ" * 100] * 20, answers=dict.fromkeys(names, "😀" * 500))
    place = recalled({"at": kept(full, names)}, "at")
    assert set(place.answers) == set(names)
    assert sum(len(value.encode()) for value in place.answers.values()) < BYTES_MAX
    assert (place.node, place.path) == ("a", [])
    many = [f"v{index}" for index in range(3000)]
    place = recalled({"at": kept(Place(node="a", answers=dict.fromkeys(many, "😀" * 500)), many)}, "at")
    assert 100 < len(place.answers) < 3000
    assert "v2999" in place.answers
