"""The page of opt-outs says what counts, and its example is taken as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from processors.conversations.terms import FIELDS, Terms, Word, problems
from schemas.tenant import Tenant

PAGE = (Path(__file__).parents[3] / "docs" / "optout.md").read_text("utf-8")


def said(words: dict[str, Word], language: str, categories: tuple[str, ...]) -> str:
    found = [one.said for one in words.values() if (one.language, one.categories) == (language, categories)]
    return ", ".join(found)


def test_the_words_of_the_page_are_those_that_count() -> None:
    rows = re.findall(r"^\| `(\w\w)` \| (.*?) \| (.*?) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    assert [row[0] for row in rows] == ["es", "pt", "en"]
    for language, *columns in rows:
        terms = Terms(Tenant(tenant="acme", languages=[language]))
        kinds = [(words, what) for words in (terms.out, terms.back) for what in ((), ("marketing",))]
        assert columns == [said(words, language, what) for words, what in kinds]
        assert terms.word("stop", is_out=False) is not None


def test_the_example_names_every_field_and_is_taken() -> None:
    [example] = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    written = yaml.safe_load(example)["optout"]
    assert list(written) == list(FIELDS)
    assert list(problems(written)) == []
    terms = Terms(Tenant(tenant="acme", optout=written))
    word = terms.word("baja promos", is_out=False)
    assert word is not None
    assert terms.text(word, "es") == "Listo, ya no recibirás promociones. Para volver, escribe ALTA PROMOS."
