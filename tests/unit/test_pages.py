"""What the pages name exists: settings, metrics, commands, and the places that they point to."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click import Command
from typer.main import get_command

from relevo import reference
from relevo.cli.program import app
from runtime.metrics import CATALOGUE
from runtime.settings import AREAS

ROOT = Path(reference.__file__).parent.parent
RUNBOOKS = sorted(ROOT.glob("docs/runbooks/*.md"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/adr/*.md"), *RUNBOOKS])
# Of tests and examples, not of an area.
OTHERS = {"RELEVO_TEST_POINTS", "RELEVO_TEST_CLOCK_FILE"}


def anchor(title: str) -> str:
    """A heading as a link names it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_setting_and_metric_that_a_page_names_is_declared(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    settings = {f"{area.model_config['env_prefix']}{name}".upper() for area in AREAS for name in area.model_fields}
    metrics = {metric.name for metric in CATALOGUE}
    assert set(re.findall(r"`(RELEVO_[A-Z0-9_]*[A-Z0-9])`", text)) - settings - OTHERS == set()
    assert set(re.findall(r"`(relevo_[a-z0-9]+_[a-z0-9_]*[a-z0-9])", text)) - metrics == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_place_that_a_page_points_to_is_there(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
        name, _, place = target.partition("#")
        found = page.parent / name if name else page
        assert found.exists(), target
        if place:
            titles = re.findall(r"^#+ (.*)$", found.read_text(encoding="utf-8"), re.MULTILINE)
            assert place in map(anchor, titles), target


def shown(text: str) -> Iterator[list[str]]:
    """The words of each command of the program that a page shows, in a block or among its words."""
    blocks = "\n".join(re.findall(r"^ *```sh\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL))
    lines = re.findall(r"^ *(?:\.venv/bin/)?relevo (.*)$", blocks, re.MULTILINE)
    inline = re.findall(r"`relevo ([^`]+)`", re.sub(r"^ *```.*?^ *```$", "", text, flags=re.MULTILINE | re.DOTALL))
    for line in [*lines, *inline]:
        first = re.split(r"\s(?:[&>]|\\?\||#)(?:\s|$)", f"{line} ", maxsplit=1)[0]
        yield re.findall(r"[^\s\"']+|\"[^\"]*\"|'[^']*'", first)


@functools.cache
def program() -> Any:
    """All commands; to make them takes a moment."""
    return get_command(app)


def command(words: list[str]) -> tuple[Command, list[str]]:
    """The command that the words name, and what is behind its name. `ls|show` names several; the first counts."""
    found = program()
    rest = list(words)
    while rest and hasattr(found, "commands") and not rest[0].startswith("-"):
        for name in rest[0].split("|"):
            assert name in found.commands, f"no command {name!r} in: relevo {' '.join(words)}"
        found = found.commands[rest.pop(0).split("|")[0]]
    return found, rest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_that_a_page_shows_is_one_and_has_the_options(page: Path) -> None:
    for words in shown(page.read_text(encoding="utf-8")):
        named, rest = command(words)
        options = {option for one in named.params for option in one.opts}
        asked = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert asked <= options, f"relevo {' '.join(words)}"


def test_the_pages_show_commands() -> None:
    count = sum(1 for page in PAGES for _ in shown(page.read_text(encoding="utf-8")))
    assert count > 60


def test_every_decision_has_a_number_of_its_own_and_is_linked() -> None:
    decisions = sorted(one.name for one in (ROOT / "docs" / "adr").glob("*.md"))
    numbers = [name[:4] for name in decisions]
    assert len(set(numbers)) == len(numbers)
    linked = re.findall(r"\]\(adr/([^)#]+)\)", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"))
    assert linked == decisions
    titles = [(ROOT / "docs" / "adr" / name).read_text(encoding="utf-8").splitlines()[0] for name in decisions]
    assert [title[2:6] for title in titles] == numbers


def test_every_page_is_listed_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [one.name for one in sorted(ROOT.glob("docs/*.md")) if f"](docs/{one.name})" not in readme] == []
