"""How far a worker is behind on its inputs is shown in records and seconds, also where it never read anything."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import pytest

from egress.lines.partition import COMMITTED, TEMPLATES, Partition
from egress.lines.process.behind import MARKERS_MAX, Behind
from runtime import metrics
from runtime.settings import KafkaSettings
from tests.builders.lines import rules, tenant

PLACE = {"topic": "inbound.receipts", "partition": "5"}


class Looking:
    """A worker that owns partition 5, whose ends are what the test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.behind = Behind(KafkaSettings())
        self.partition = Partition(5, rules(tenant()), dict.fromkeys(COMMITTED, 0))
        self.end = 0
        monkeypatch.setattr(self.behind, "_ends", lambda places: dict.fromkeys(places, self.end))

    async def at(self, now_ms: int, end: int, owned: Sequence[Partition] | None = None) -> tuple[float, float]:
        """Records and seconds, as shown then."""
        self.end = end
        await self.behind.look([self.partition] if owned is None else owned, now_ms)
        shown = (metrics.EGRESS_BEHIND, metrics.EGRESS_BEHIND_SECONDS)
        return cast("tuple[float, float]", tuple(metrics.PROCESS.value(one, **PLACE) for one in shown))


async def test_receipts_and_orders_count_as_messages_do(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = Looking(monkeypatch)
    await looking.at(1_000, 0)
    found = await looking.at(61_000, 40)
    assert found == (40, 60)
    shown = {topic for topic, partition in metrics.gauge(metrics.EGRESS_BEHIND).series() if partition == "5"}
    assert shown == set(COMMITTED)
    assert TEMPLATES in shown


async def test_what_stood_there_before_the_worker_came_counts_from_its_first_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looking = Looking(monkeypatch)
    assert await looking.at(1_000, 40) == (40, 0)
    assert await looking.at(91_000, 40) == (40, 90)


async def test_markers_are_nothing_and_another_workers_partition_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    looking = Looking(monkeypatch)
    assert await looking.at(1_000, MARKERS_MAX) == (0, 0)
    await looking.at(2_000, 0, [])
    series: list[Any] = metrics.gauge(metrics.EGRESS_BEHIND).series()
    assert not [one for one in series if one[1] == "5"]
