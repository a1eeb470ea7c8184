"""A text is said in the conversation's language, as far as the tenant gave it."""

from __future__ import annotations

import pytest

from processors.agents.wording import strange, worded

TEXTS = {"pt": "oi", "es": "hola", "pt_BR": "olá"}


@pytest.mark.parametrize(
    ("texts", "language", "said"),
    [
        ("hola", "pt", "hola"),
        (TEXTS, "pt", "oi"),
        (TEXTS, "pt_BR", "olá"),
        (TEXTS, "pt_PT", "oi"),
        (TEXTS, "fr", "hola"),
        (TEXTS, "", "hola"),
        ({"en": "hi"}, "fr", "hi"),
        ({}, "es", ""),
    ],
)
def test_the_nearest_language_is_taken(texts: str | dict[str, str], language: str, said: str) -> None:
    assert worded(texts, language) == said


def test_what_is_no_language_is_named() -> None:
    assert strange({**TEXTS, "spanish": "x"}) == ["spanish"]
    assert strange("hola") == []
