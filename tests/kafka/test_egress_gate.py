"""The gate on a genuine Kafka: who waits for the morning is kept there once, and an operator is told why."""

from __future__ import annotations

import asyncio
import json
import os
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from relevo.cli.program import app
from runtime.kafka.record import Record
from schemas import ids, keys
from schemas.line_state import LineState
from schemas.optout import Optout
from schemas.outcome import Outcome
from schemas.record import encode
from schemas.session import Template
from schemas.tenant import Line, Quiet
from tests.builders.egress import SmallChattigo, World, until

pytestmark = pytest.mark.timeout(120)
MADRID, SANTIAGO = "3460011{:04}", "5691111{:04}"
PROMO = Template(name="promo", language="es", body=["x"])


def night_in_madrid() -> Quiet:
    """Quiet hours of which Madrid is in the midst, and Santiago far away."""
    now = datetime.now(ZoneInfo("Europe/Madrid"))
    begin, end = now - timedelta(hours=1.5), now + timedelta(hours=1.5)
    return Quiet(start=f"{begin:%H:%M}", end=f"{end:%H:%M}")


async def explained(world: World, to: str, *more: str) -> tuple[int, dict[str, object]]:
    """`relevo gate explain`, in this process."""
    asked = ["gate", "explain", "--tenant", world.tenant, "--line", world.did, "--to", to, "--template", "promo/es"]
    env = dict.fromkeys(name for name in os.environ if name.startswith("RELEVO_"))
    env["RELEVO_KAFKA_BOOTSTRAP"] = world.kafka.bootstrap
    ran = await asyncio.to_thread(CliRunner().invoke, app, [*asked, "--param", "x", "--json", *more], env=env)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return ran.exit_code, json.loads(ran.stdout)


async def test_a_campaign_goes_on_by_day_and_waits_by_night_over_a_death(broker: str) -> None:
    numbers = [(MADRID if n % 3 else SANTIAGO).format(n) for n in range(1500)]
    by_night = {ids.message_id_of_recipient("56958000001", "c", n) for n in range(1500) if n % 3}
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56958000001", rate=10_000.0) as world:
        world.more = {"quiet": night_in_madrid()}
        await world.configure()
        worker = await world.worker("0", "plan_written=kill", check_numbers=True)
        await world.campaign("c", numbers)
        await worker.ended()
        await world.worker("0", check_numbers=True)

        async def all_are_decided() -> bool:
            return await world.messages_in("parked") >= by_night

        await until(all_are_decided, "all of the night are parked")
        await until(lambda: sum(len(c.recipients) for c in chattigo.accepted) == 500, "those of the day were told")
        told = [to for call in chattigo.accepted for to in call.recipients]
        assert sorted(told) == [to for to in sorted(numbers) if to.startswith("56")]
        parked: list[Outcome] = await world.outcomes("parked")
        assert {one.code for one in parked} == {"send_window"}
        assert sorted(name for one in parked for name in one.message_ids) == sorted(by_night)
        assert {one.state for one in await world.progress()} == {"running"}


async def test_an_operator_is_told_what_egress_would_say(broker: str) -> None:
    async with SmallChattigo() as chattigo, World(broker, chattigo, "56958000002") as world:
        other = "56958000003"
        world.more = {"quiet": night_in_madrid(), "limits": {"paid_per_day": 10}}
        await world.configure()
        optout = Optout(tenant=world.tenant, since_ms=1, why="word")
        person = SANTIAGO.format(7)
        key = keys.join(world.did, person).encode()
        await world.put(Record("optouts", encode(optout), key, partition=world.partition))
        code, answer = await explained(world, SANTIAGO.format(1))
        assert (code, answer["verdict"]) == (0, "go")
        assert (await explained(world, MADRID.format(1)))[1]["code"] == "send_window"
        code, answer = await explained(world, person)
        assert (code, answer["verdict"], answer["code"]) == (1, "refuse", "opted_out")
        assert person not in json.dumps(answer)

        # Another line of the tenant has used up the day: both see it by what its owner says.
        state = LineState(
            did=other, tenant=world.tenant, at_ms=1, day=time.strftime("%Y-%m-%d", time.gmtime()), paid=10
        )
        place = keys.partition(other, 4)
        await world.put(Record("lines.state", encode(state), other.encode(), partition=place))
        await _with_line(world, other)
        assert (await explained(world, SANTIAGO.format(1)))[1]["code"] == "daily_cap"
        await world.worker("0", check_numbers=True)
        await world.send(
            "outbound.templates", world.message("t", SANTIAGO.format(1), content=PROMO, send_class="utility")
        )

        async def refused() -> bool:
            return "daily_cap" in {one.code for one in await world.outcomes("refused")}

        await until(refused, "it is refused")
        assert chattigo.accepted == []


async def _with_line(world: World, other: str) -> None:
    """The tenant has one more line."""
    world.more |= {"lines": [Line(did=did, sends="isv", templates="hsm", rate=2000.0) for did in (world.did, other)]}
    await world.configure()
