"""The drills that run on every change: at least one of each family, and those whose mutants must be seen."""

from __future__ import annotations

import pytest

from relevo.drills.catalogue import drills
from tests.drills.conftest import Run

pytestmark = pytest.mark.timeout(900)


def test_each_family_is_among_them() -> None:
    assert {one.family for one in drills().values()} == {one.family for one in drills().values() if one.brief}


async def test_no_promise_breaks(run: Run) -> None:
    chosen = [one for one in drills().values() if one.brief]
    verdicts = await run(chosen)
    assert {one.drill: one.violations for one in verdicts} == {one.name: [] for one in chosen}
