"""A genuine Prometheus watches the demo: every panel has data and nothing fires; then Chattigo goes, and it is said.

PICTURES=docs/images .venv/bin/pytest tests/deploy/test_watched.py     also draws the boards anew
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from html import escape
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from relevo.demo import scenario
from relevo.demo.network import CHATTIGO, Network
from relevo.demo.play import play
from relevo.demo.stage import Stage
from relevo.monitoring.dashboards import DASHBOARDS
from relevo.monitoring.dashboards.board import Panel, Query
from tests.builders.board_picture import Drawn, picture
from tests.builders.prometheus import Prometheus, excused, scaled
from tests.deploy.conftest import CHART, HOME

pytestmark = [pytest.mark.timeout(600), pytest.mark.asyncio(loop_scope="module")]
PROGRAM = HOME / "prometheus" / "root" / "usr" / "bin" / "prometheus"
RULES = (CHART / "files" / "rules" / "alerts.yaml").read_text()
# Grafana puts in what it is drawn over; here a demo of a minute or two is.
WINDOW, TENANT = "20s", "tienda"
HOURS_S = 120.0
# What a Chattigo that is away may bring along: replies that leave late, and calls that were cut off.
ALONG = {"RelevoSendingLate", "RelevoChattigoDoubtful", "RelevoResendsMany", "RelevoCallsShort"}
POINTS = 60


def asked(query: Query) -> str:
    """The query as Grafana would put it."""
    return re.sub(r"\[1h\]", "[60s]", query.expr.replace("$__rate_interval", WINDOW).replace("$tenant", TENANT))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    folder = tmp_path_factory.mktemp("watched")
    async with Stage(folder / "demo", scenario.TENANTS, network=Network()) as made:
        yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watching(stage: Stage) -> AsyncIterator[Prometheus]:
    """From before the first message on."""
    ports = {name: one.admin_port for name, one in stage.services.items()}
    async with Prometheus(PROGRAM, stage.folder.parent / "prometheus", ports, scaled(RULES)) as made:
        yield made


async def test_a_demo_that_is_well_fires_nothing_and_every_panel_has_data(stage: Stage, watching: Prometheus) -> None:
    ending = await play(stage, [], lambda text: None, HOURS_S)
    assert ending.result.quiet
    # An objective that nothing measures would fire by now, and what fired before stands on record.
    await asyncio.sleep(max(0.0, 50 - (time.time() - watching.began_s)))
    assert await watching.fired() - excused() == set()
    empty = [
        f"{board.uid}, {panel.title}: {asked(query)}"
        for board in DASHBOARDS
        for panel in board.panels()
        for query in panel.queries
        if not await watching.query(asked(query))
    ]
    assert empty == []
    idle = [name for name in BUSY if not any(float(one["value"][1]) > 0 for one in await watching.query(name))]
    assert idle == [], "a zero where something happened is a query that asks for nothing"


# What moves in every demo: a panel that shows 0 of it would be blind.
BUSY = (
    'sum(relevo_ingress_requests_total{outcome="accepted"})',
    "sum(relevo_processors_agent_delay_seconds_count)",
    'sum(relevo_egress_due_seconds_count{message_class="reply"})',
    'sum(relevo_egress_messages_total{outcome="accepted", message_class=~"marketing|utility"})',
    "min(relevo_kafka_retention_seconds)",
    "max(relevo_egress_calls_limit)",
    'sum(relevo_processors_agent_turns{state="free"})',
    "max(relevo_lease_token_left_seconds)",
    "sum(relevo_egress_owned_partitions)",
)


async def test_when_chattigo_is_down_the_right_alerts_fire_and_end_when_it_is_back(
    stage: Stage, watching: Prometheus
) -> None:
    assert stage.network is not None
    before = await watching.fired()
    link = stage.network.links[CHATTIGO]
    await link.turn(refuse=True)
    link.cut("reset")
    writing = asyncio.create_task(people_write(stage))
    try:

        async def down() -> bool:
            return "RelevoChattigoDown" in await watching.firing()

        await watching.until(down, "RelevoChattigoDown fires", 90)
        fired = await watching.fired() - before
        assert fired - ALONG - excused() == {"RelevoChattigoDown"}
        await link.turn(refuse=False)

        async def over() -> bool:
            # What counts failures over hours outlasts it, and says so for longer than a test waits.
            return not await watching.firing() - ALONG - excused()

        await watching.until(over, "RelevoChattigoDown is over, and nothing else fires", 120)
    finally:
        writing.cancel()
        await link.turn(refuse=False)
    assert await watching.fired() - before - ALONG - excused() == {"RelevoChattigoDown"}


async def people_write(stage: Stage) -> None:
    """Somebody says something, again and again, on the first line."""
    did = scenario.SHOP.lines[0].did
    for number in range(10_000):
        said = {"did": did, "contact": f"5691234{number % 40:04d}", "message": "hola", "name": "Ana"}
        await stage.call("POST", "customers/say", said)
        await asyncio.sleep(0.5)


async def test_the_boards_can_be_drawn(watching: Prometheus, tmp_path: Path) -> None:
    folder = Path(os.environ.get("PICTURES") or tmp_path)
    seconds = time.time() - watching.began_s
    for board in DASHBOARDS:
        data = {panel.title: await lines(watching, panel) for panel in board.panels()}
        file = folder / f"{board.uid}.svg"
        file.write_text(picture(board, data, seconds), encoding="utf-8")
        assert file.stat().st_size > 5_000
        assert all(f">{escape(panel.title)}<" in file.read_text() for panel in board.panels())


async def lines(watching: Prometheus, panel: Panel) -> list[Drawn]:
    """What a panel draws."""
    found = []
    for query in panel.queries:
        for one in await watching.drawn(asked(query), POINTS):
            points = [(float(at) - watching.began_s, float(value)) for at, value in one["values"]]
            found.append(Drawn(named(query, one["metric"]), points))
    return found


def named(query: Query, labels: dict[str, Any]) -> str:
    return re.sub(r"\{\{(\w+)\}\}", lambda label: str(labels.get(label[1], "")), query.legend).strip()
