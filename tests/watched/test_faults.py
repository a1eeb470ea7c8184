"""Faults on one stage under a genuine Prometheus: for each the right alerts fire, no others, and they end.

make watched
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import pytest_asyncio
import yaml

from relevo.demo import scenario
from relevo.demo.network import Network
from relevo.demo.stage import Stage
from relevo.drills.outside.steps import SUBMITTED
from relevo.drills.scene import Scene
from relevo.drills.series import QUICK
from sandbox.kafka.ports import free_ports
from tests.builders.hooks import SECRET
from tests.builders.prometheus import Prometheus, excused, scaled
from tests.deploy.conftest import CHART, HOME
from tests.watched.table import ROWS, Row

pytestmark = [pytest.mark.long, pytest.mark.timeout(1000), pytest.mark.asyncio(loop_scope="module")]
PROGRAM = HOME / "prometheus" / "root" / "usr" / "bin" / "prometheus"
RULES = (CHART / "files" / "rules" / "alerts.yaml").read_text()
AGENTS = ("menu", "odd=tests.builders.odd_agents:odd", "http")
HOOK = "WATCHED_SECRET"
ENV = QUICK | {HOOK: SECRET, "RELEVO_PROCESSOR_LOOP_BURST": "30"}
FIRES_S, ENDS_S, HOUR_S = 150.0, 200.0, 260.0
# They look back an hour, which is three minutes at this speed: that they end is asked at the end of all.
HOURLY = {f"Relevo{name}" for name in ("CampaignPaused", "AccountAlarm", "ServiceRestarts", "LoginsMany")}


def tenant_file(tenant: scenario.DemoTenant, chattigo: str) -> str:
    """The demo's, with an agent that does what it is told and one whose service is not there."""
    data = yaml.safe_load(scenario.tenant_file(tenant, chattigo))
    nobody = f"http://127.0.0.1:{free_ports(1)[0]}/"
    data["agents"]["http"] = {"url": nobody, "plain": True, "secret": {"env": HOOK}}
    own = [{"when": {"keyword": ["raise", "stand", "odd"]}, "to": "odd"}, {"when": {"keyword": ["shop"]}, "to": "http"}]
    data["routing"]["route"] = [*own, *data["routing"]["route"]]
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def scene(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    """A stage on which people write all the time."""
    folder = tmp_path_factory.mktemp("watched") / "stage"
    async with Stage(
        folder, scenario.TENANTS, network=Network(), env=ENV, agents=AGENTS, tenant_file=tenant_file
    ) as stage:
        made = Scene(stage, 1)
        writing = asyncio.create_task(people_write(stage))
        try:
            yield made
        finally:
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing


async def people_write(stage: Stage) -> None:
    """Somebody says something, again and again, on every line."""
    dids = [line.did for tenant in stage.tenants for line in tenant.lines]
    for number in range(1_000_000):
        did = dids[number % len(dids)]
        said = {"did": did, "contact": f"5691234{number % 400:04d}", "message": "hola", "name": "Ana"}
        await stage.call("POST", "customers/say", said)
        await asyncio.sleep(0.25)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def watching(scene: Scene) -> AsyncIterator[Prometheus]:
    ports = {name: one.admin_port for name, one in scene.stage.services.items()}
    async with Prometheus(PROGRAM, scene.stage.folder.parent / "prometheus", ports, scaled(RULES)) as made:
        yield made


async def test_while_all_is_well_nothing_fires(scene: Scene, watching: Prometheus) -> None:
    await scene.begin()
    await scene.after("message", 50)
    await asyncio.sleep(max(0.0, 50 - (time.time() - watching.began_s)))
    assert await watching.fired() - excused() == set()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
async def test_the_fault_is_told_and_its_end_too(row: Row, scene: Scene, watching: Prometheus) -> None:
    must = set(row.must)

    async def new() -> bool:
        return not must & await watching.firing_fast()

    await watching.until(new, "what an earlier fault brought about is over", HOUR_S)
    before, began_s = await watching.firing(), time.time()
    scene.number, scene.marks, scene.over = scene.number + 1, [SUBMITTED], True
    await scene.begin()
    await row.fault.arm(scene)
    striking = asyncio.create_task(row.fault.strike(scene))
    try:

        async def told() -> bool:
            if striking.done():
                striking.result()
            return must <= await watching.firing_fast()

        await watching.until(told, f"{', '.join(row.must)} fires", FIRES_S)
    finally:
        striking.cancel()
        with suppress(asyncio.CancelledError):
            await striking
        await asyncio.wait_for(row.fault.heal(scene), 120)

    if row.rough:

        async def over() -> bool:
            return not await watching.firing_fast() - before - HOURLY - excused()

        await watching.until(over, "all of it is over", ENDS_S)
    print(f"{row.what}: {sorted(await watching.fired_since(began_s))} in {time.time() - began_s:.0f} s")
    beside = await watching.fired_since(began_s) - before - excused() - must - set(row.may)
    assert beside == set(), "fires though nothing of the kind went wrong"


async def test_in_the_end_nothing_fires(watching: Prometheus) -> None:
    async def over() -> bool:
        return not await watching.firing_fast() - excused()

    await watching.until(over, "all is over", HOUR_S)
