"""Whoever comes new to the lines finds each module in the package's guide."""

import re
from pathlib import Path

from egress import lines


def test_the_guide_names_every_module_once() -> None:
    assert lines.__doc__
    folder = Path(*lines.__path__)
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    rows = re.findall(r"^- [^:]*: ([\w, \n]*)$", lines.__doc__, re.MULTILINE)
    assert sorted(name for row in rows for name in re.split(r",\s+", row.strip())) == modules
