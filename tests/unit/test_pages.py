"""What the pages name exists: settings, metrics, and the places that they point to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from relevo import reference
from runtime.metrics import CATALOGUE
from runtime.settings import AREAS

ROOT = Path(reference.__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("docs/adr/*.md")])
# Of tests and examples, not of an area.
OTHERS = {"RELEVO_TEST_POINTS"}


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
