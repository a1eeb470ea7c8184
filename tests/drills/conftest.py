"""Drills start everything as processes; these helpers run them as `relevo drill` does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from relevo.drills.drill import Drill
from relevo.drills.series import Series
from relevo.drills.verdict import Verdict

Run = Callable[[Sequence[Drill]], Awaitable[list[Verdict]]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Plays drills with seed 1; the verdicts in their order."""

    async def played(drills: Sequence[Drill]) -> list[Verdict]:
        return [verdict async for verdict in Series(tmp_path / "drills").run(drills, [1])]

    return played
