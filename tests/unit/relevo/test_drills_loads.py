"""The load of a drill goes on where Chattigo gave a customer's message up."""

from __future__ import annotations

from typing import Any

import pytest

from relevo.drills import loads
from relevo.drills.drill import NotReached


class Deaf:
    """A scene in which the first `deaf` messages reach nobody."""

    def __init__(self, deaf: int) -> None:
        self.deaf, self.said = deaf, list[Any]()

    async def chattigo(self, _method: str, _path: str, body: Any) -> None:
        self.said.append(body)

    async def after(self, kind: str, _count: int, _within_s: float) -> None:
        if len(self.said) <= self.deaf:
            raise NotReached(kind)


async def test_a_customer_whom_nobody_heard_asks_for_a_human_again() -> None:
    scene = Deaf(2)
    await loads.asks_for_a_human(scene, {"message": "humano"}, 60)  # type: ignore[arg-type]
    assert scene.said == [{"message": "humano"}] * 3


async def test_who_is_not_heard_in_time_ends_the_load() -> None:
    with pytest.raises(NotReached, match="control"):
        await loads.asks_for_a_human(Deaf(99), {"message": "humano"}, 0)  # type: ignore[arg-type]
