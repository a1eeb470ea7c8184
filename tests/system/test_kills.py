"""Every service is killed once while work is under way; it comes back, and the audit finds nothing lost or twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from relevo.demo import scenario
from relevo.demo.play import quiet, submit
from relevo.demo.stage import Stage

pytestmark = pytest.mark.timeout(300)

SERVICES = ("webhooks", "conversations", "agents-menu", "egress", "lease")
SCENARIO_S = 15.0


async def test_each_service_is_killed_in_turn_and_nothing_is_lost_or_twice(tmp_path: Path) -> None:
    async with Stage(tmp_path, scenario.TENANTS, seed=11) as stage:
        supervisor = stage.supervisor
        assert supervisor is not None
        before = {name: supervisor.pid(name) for name in SERVICES}
        dids = [line.did for tenant in stage.tenants for line in tenant.lines]
        script = {"dids": dids, "customers": 60, "messages": 450, "rate": 450 / SCENARIO_S, "seed": 3}
        await stage.call("POST", "customers/run", script)
        await submit(stage, scenario.CAMPAIGNS[1])
        for name in SERVICES:
            await asyncio.sleep(SCENARIO_S / (len(SERVICES) + 1))
            supervisor.kill(name)
        ending = await quiet(stage, within_s=150)
        assert sorted(exit.name for exit in supervisor.exits) == sorted(SERVICES)
        assert {exit.code for exit in supervisor.exits} == {-9}
        after = {name: supervisor.pid(name) for name in SERVICES}
    assert all(after[name] and after[name] != before[name] for name in SERVICES)
    assert ending.result.violations == []
    assert ending.result.quiet, (ending.result.events.pending[:5], ending.result.messages.pending[:5])
    assert ending.result.events.acknowledged >= 450
    assert ending.provider.webhooks_failed > 0, "no webhook met the killed service: the kill hit nothing"
    batches = [one for one in ending.provider.batches if one[0] == scenario.CAMPAIGNS[1].template]
    assert sum(count for _, count in batches) + len(ending.result.messages.in_doubt) >= scenario.CAMPAIGNS[1].recipients
