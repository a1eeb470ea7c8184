"""The page of the menu: its menus have nothing wrong, and play as it shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from processors.agents.builtin.menu import check
from processors.agents.builtin.menu import model as m
from processors.agents.builtin.menu.conditions import GIVEN
from relevo.menus.playing import Playing
from relevo.menus.script import play

PAGE = (Path(__file__).parents[3] / "docs" / "menu.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```yaml\n(start: .*?)```\n\n```text\n(.*?)```", PAGE, re.DOTALL)


def test_every_menu_of_the_page_is_played_on_it() -> None:
    assert len(SHOWN) == len(re.findall(r"^start: ", PAGE, re.MULTILINE)) == 7


@pytest.mark.parametrize(("menu", "script"), SHOWN)
def test_the_page_shows_what_comes(menu: str, script: str) -> None:
    assert [str(one) for one in check(menu).problems] == []
    played = play(script, Playing(menu), "menu.md")
    assert played.difference == []
    assert "< " in script


@pytest.mark.parametrize("part", [m.Node, m.Menu, m.When, m.Ask, m.Idle], ids=lambda part: part.__name__)
def test_every_field_is_named_on_the_page(part: type[m.Part]) -> None:
    words = set(re.findall(r"[a-z_]+", PAGE))
    assert set(part.__struct_encode_fields__) - {"kinds"} - words == set()


def test_every_type_of_answer_and_every_given_variable_is_named_on_the_page() -> None:
    assert [one for one in (*get_args(m.AskType), *GIVEN) if f"`{one}`" not in PAGE] == []


def test_the_numbers_of_the_page_are_those_of_the_code() -> None:
    from processors.agents.builtin.menu import answers, place
    from processors.agents.builtin.menu.checks import ways

    for number, words in (
        (ways.ACTIONS_MAX, "at most {} messages and orders"),
        (m.VARIABLES_MAX, "up to\n{}. An empty value"),
        (answers.ANSWER_MAX, "up to {} characters"),
        (place.PATH_MAX, "a step back (up to {})"),
        (m.BUTTONS_MAX, "as buttons (up to {}, titles"),
        (m.ROWS_MAX, "as a list (up to {},"),
        (m.NUMBERS_MAX, "numbered text (up to\n{}, up to 80)"),
    ):
        assert words.format(number) in PAGE
    assert place.CALLS_MAX == 5
