"""Opt-out words: a message that is one of them and nothing else, however it is typed and however long it is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.conversations.terms import says_only
from processors.text import fold

WORDS = ["baja", "no molestar", "stop", "отписка"]


@pytest.mark.parametrize("said", ["BAJA", " ¡Baja! ", "b́aja", "no   molestar.", "Baja" + "!" * 500, "." * 500 + "stop"])
def test_a_word_is_heard_whatever_signs_stand_around_it(said: str) -> None:
    assert says_only(said, WORDS)


@pytest.mark.parametrize("said", ["", "   ", "👍", "dar de baja", "baja por favor" * 50, "no molestarme", "baj"])
def test_anything_more_or_less_is_no_optout(said: str) -> None:
    assert not says_only(said, WORDS)
    assert not says_only(said, [])
    assert not says_only(said, [""])


@given(
    st.lists(st.sampled_from([*WORDS, "!", "…", "́", " ", "x", "." * 40, "ﷺ", "ß", "👍", "_", "7"]), max_size=12).map(
        "".join
    )
)
def test_the_beginning_of_a_text_tells_what_the_whole_would(said: str) -> None:
    assert says_only(said, WORDS) == (fold(said) in WORDS)
