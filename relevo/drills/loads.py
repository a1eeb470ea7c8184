"""The load of a drill, played through the simulated Chattigo: customers, a campaign, a hand-off and its return.

Promises: the same seed plays the same; people of one drill's campaign and hand-off are of no other drill's of the
stage. Leaves to the audit what became of it.
"""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Mapping
from pathlib import Path

from relevo.campaigns.order import Terms, order
from relevo.campaigns.submit import Submission
from relevo.demo.stage import Stage
from relevo.drills.drill import Drill, Load, NotReached
from relevo.drills.scene import Scene
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from schemas.tenant import TemplateSpec, Tenant

PATIENCE_S = 20.0  # of a customer who asked for a human


async def play(scene: Scene, drill: Drill) -> None:
    """All of the load side by side; returns when all was said. Raises NotReached and what a part of it raised."""
    load = drill.load
    parts = [_customers(scene, load)]
    parts += [_campaign(scene, load)] if load.campaign else []
    parts += [_handoff(scene, load)] if load.handoff and flat_line(scene.stage) else []
    try:
        async with asyncio.timeout(load.within_s):
            ended = await asyncio.gather(*parts, return_exceptions=True)
    except TimeoutError:
        raise NotReached(f"the load did not end within {load.within_s:g} s") from None
    for error in ended:
        if error is not None:
            raise error


def flat_line(stage: Stage) -> str:
    """A line whose chats can be given to a human at Chattigo; empty where there is none."""
    return next((line.did for tenant in stage.tenants for line in tenant.lines if line.flat), "")


async def _customers(scene: Scene, load: Load) -> None:
    if not load.messages:
        return
    dids = [line.did for tenant in scene.stage.tenants for line in tenant.lines]
    script = {"dids": dids, "customers": load.customers, "messages": load.messages, "rate": load.rate}
    run = (await scene.chattigo("POST", "customers/run", script | {"seed": scene.seed} | dict(load.script)))["run"]

    async def said() -> bool:
        return bool((await scene.chattigo("GET", f"customers/run/{run}"))["done"])

    await scene.until(said, "all customers wrote", load.within_s)


async def _campaign(scene: Scene, load: Load) -> None:
    """Submitted as `relevo campaign submit` does, on a tenant's first line; of the first that has a template for it."""
    tenants = await asyncio.to_thread(read_tenants, scene.stage.kafka)
    found = next((pair for one in scene.stage.tenants if (pair := _template(tenants[one.tenant]))), None)
    if found is None:
        return
    tenant, template = found
    columns = [f"valor{number}" for number in range(template.body)]
    file = recipients_file(scene, load.campaign, columns)
    line = tenant.lines[0].did
    wanted = order(file, tenant, template=template.name, language=template.language, lines=[line], terms=Terms())
    await Submission(scene.stage.kafka, wanted, now_ms()).run()
    scene.mark("a campaign was submitted")


def _template(tenant: Tenant) -> tuple[Tenant, TemplateSpec] | None:
    """A template whose parameters are texts of its body alone, and who has it."""
    plain = (one for one in tenant.templates if one.header == "none" and not one.taking and one.enabled)
    template = next(plain, None)
    return None if template is None or not tenant.lines else (tenant, template)


def recipients_file(scene: Scene, count: int, columns: list[str]) -> Path:
    """A file of people whom no other drill of the stage writes to."""
    file = scene.stage.folder / f"campaign-{scene.number}.csv"
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("telefono", *columns))
        for number in range(count):
            writer.writerow((f"569{60_000_000 + scene.number * 10_000 + number}", *(f"v{number}" for _ in columns)))
    return file


async def _handoff(scene: Scene, load: Load) -> None:
    """A customer asks for a human, who takes over, says something and gives the chat back; the bot goes on."""
    where = {"did": flat_line(scene.stage), "contact": f"569777{scene.number:05}"}
    await scene.chattigo("POST", "customers/say", where | {"message": "hola", "name": "Marta"})
    await asks_for_a_human(scene, where | {"message": "humano", "name": "Marta"}, load.within_s)
    await scene.chattigo("POST", "humans/take", where)
    await scene.chattigo("POST", "humans/say", where | {"text": "Hola Marta, soy Inés. Ya lo veo."})
    await scene.chattigo("POST", "customers/say", where | {"message": "gracias", "name": "Marta"})
    await scene.chattigo("POST", "humans/return", where)
    await scene.chattigo("POST", "customers/say", where | {"message": "hola", "name": "Marta"})
    scene.mark("a conversation went to a human and came back")


async def asks_for_a_human(scene: Scene, saying: Mapping[str, str], within_s: float) -> None:
    """Until the chat is handed over. Who is not answered asks again: a webhook that finds nobody four times in a row is
    given up by Chattigo, which is no fault of whoever was away."""
    deadline = time.monotonic() + within_s
    while True:
        await scene.chattigo("POST", "customers/say", saying)
        try:
            return await scene.after("control", 1, min(PATIENCE_S, max(deadline - time.monotonic(), 0)))
        except NotReached:
            if time.monotonic() > deadline:
                raise
