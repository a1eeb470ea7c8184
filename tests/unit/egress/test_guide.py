"""Whoever comes new to the lines finds each module in the guide of its package."""

import re
from pathlib import Path

import pytest

from egress import lines

ROOT = Path(*lines.__path__)
PACKAGES = sorted(path.parent for path in ROOT.rglob("__init__.py"))


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: folder.name)
def test_the_guide_of_a_package_names_all_that_is_in_it(folder: Path) -> None:
    guide = (folder / "__init__.py").read_text("utf-8")
    modules = {path.stem for path in folder.glob("*.py") if path.stem != "__init__"}
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    named = set(re.findall(r"`(\w+)`", guide))
    assert modules | packages == named
