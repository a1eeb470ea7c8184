"""What happens in the demo, and when it is over.

People write messages of all types, with duplicates and several events in one POST, and press the menu's buttons; two
campaigns go out, one behind its canary; a token dies in the middle; one conversation goes to a human and comes back.
It is over when nothing is on its way any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from relevo.audit.gathered import Gathered, gather
from relevo.audit.provider import Provider, read_ledger
from relevo.audit.report import Report, report
from relevo.campaigns.order import Terms, order
from relevo.campaigns.passage import Found
from relevo.campaigns.submit import Submission
from relevo.demo import scenario
from relevo.demo.captured import Captured
from relevo.demo.stage import Stage, StageError
from relevo.tenants.store import read_tenants
from runtime.clock import now_ms
from sandbox.people.script import load

PEOPLE = Path(__file__).with_name("people.yaml")
QUIET_S = 75.0
QUIET_OF_A_PROFILE_S = 300.0  # its Chattigo may be slow, and refuse much at first
PATIENCE_S = 120.0  # with a machine that has much else to do
_POLL_S = 0.3

Say = Callable[[str], None]


class Ending:
    """What was found when all was quiet, or when patience ended."""

    def __init__(self, found: Gathered, provider: Provider, result: Report) -> None:
        self.found = found
        self.provider = provider
        self.result = result


async def play(stage: Stage, bodies: Sequence[Captured], say: Say, within_s: float = QUIET_S) -> Ending:
    """Everything, side by side, then the wait for quiet, `within_s` at most."""
    writing = _captured(stage, bodies) if bodies else _people(stage)
    doings = [
        _told(say, "people write", writing),
        _told(say, "campaigns are submitted", _campaigns(stage)),
        _told(say, "a conversation goes to a human and comes back", _human(stage)),
    ]
    await _beside(*doings, *([] if bodies else [_told(say, "a token dies", _token_dies(stage))]))
    say("waiting until nothing is on its way")
    return await quiet(stage, within_s)


async def _beside(*doings: Coroutine[Any, Any, None]) -> None:
    """All of them side by side; raises what the first that failed raised, and the others end."""
    try:
        async with asyncio.TaskGroup() as group:
            for doing in doings:
                group.create_task(doing)
    except ExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _told(say: Say, what: str, doing: Awaitable[None]) -> None:
    say(what)
    await doing


async def _people(stage: Stage) -> None:
    run = (await stage.call("POST", "people/run", msgspec.to_builtins(load(PEOPLE))))["run"]
    while not (await stage.call("GET", f"people/run/{run}"))["all_said"]:  # noqa: ASYNC110 - it is another process
        await asyncio.sleep(_POLL_S)


async def _captured(stage: Stage, bodies: Sequence[Captured]) -> None:
    for one in bodies:
        await stage.call("POST", f"deliver?did={one.did}&id={quote(one.name)}", one.body)


async def _campaigns(stage: Stage) -> None:
    for campaign in scenario.CAMPAIGNS:
        done = await submit(stage, campaign)
        if done.total != campaign.recipients:
            raise StageError(f"campaign {done.campaign} has {done.total} of {campaign.recipients} recipients")


async def submit(stage: Stage, campaign: scenario.DemoCampaign) -> Found:
    """Write the campaign's file and submit it, as `relevo campaign submit` does."""
    tenants = await asyncio.to_thread(read_tenants, stage.kafka)
    file = scenario.write_recipients(campaign, stage.folder)
    terms = Terms(canary=campaign.canary)
    wanted = order(file, tenants[campaign.tenant], template=campaign.template, language="es", terms=terms)
    return await Submission(stage.kafka, wanted, now_ms()).run()


async def _token_dies(stage: Stage) -> None:
    """As soon as the account is in use, so that calls under way meet the dead token."""
    service, user = scenario.DYING
    await _until(stage, lambda counts: counts.get("message", 0) > 100, "no replies reached Chattigo")
    await stage.call("POST", "tokens/expire", {"service": service, "username": user})


async def _human(stage: Stage) -> None:
    """A customer asks for a human, who takes over, says something, and gives the chat back; the bot goes on."""
    did, contact = scenario.HANDOFF
    where = {"did": did, "contact": contact}
    await stage.call("POST", "customers/say", where | {"message": "hola", "name": "Marta"})
    await stage.call("POST", "customers/say", where | {"message": "humano", "name": "Marta"})
    await _until(stage, lambda counts: counts.get("control", 0) > 0, "no transfer reached Chattigo")
    await stage.call("POST", "humans/take", where)
    await stage.call("POST", "humans/say", where | {"text": "Hola Marta, soy Inés. Ya lo veo."})
    await stage.call("POST", "customers/say", where | {"message": "gracias", "name": "Marta"})
    await stage.call("POST", "humans/return", where)
    await stage.call("POST", "customers/say", where | {"message": "hola", "name": "Marta"})


async def _until(
    stage: Stage, condition: Callable[[dict[str, int]], bool], problem: str, within_s: float = PATIENCE_S
) -> None:
    deadline = time.monotonic() + within_s
    while not condition((await stage.call("GET", "state"))["counts"]):
        if time.monotonic() > deadline:
            raise StageError(f"{problem} within {within_s:.0f} s; see the logs in {stage.folder}")
        await asyncio.sleep(_POLL_S)


async def quiet(stage: Stage, within_s: float = QUIET_S) -> Ending:
    """The audit once nothing is owed or on its way, or after `within_s`, then with what is still pending."""
    deadline = time.monotonic() + within_s
    while True:
        owed = int((await stage.call("GET", "state"))["pending"])
        if not owed or time.monotonic() > deadline:
            ending = await asyncio.to_thread(look, stage)
            if ending.result.quiet:
                # Ledger and topics were read one after the other: now that nothing moves they can be read as one.
                ending = await asyncio.to_thread(look, stage)
            if ending.result.quiet or time.monotonic() > deadline:
                return ending
        await asyncio.sleep(_POLL_S)


def look(stage: Stage) -> Ending:
    """The audit as of now. Blocks."""
    provider = read_ledger(stage.ledger)
    found = gather(stage.kafka, stage.agents)
    return Ending(found, provider, report(found, provider))
