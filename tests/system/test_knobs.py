"""What nobody knows of Chattigo, several of it at once: customers' messages by both registrations, batches with their
destinations at the root and a text for an id, answers that leave recipients out, a number of another account that is
answered 200, too many logins that are answered 401. Nothing is lost or twice, and each has its outcome."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from relevo.demo import scenario
from relevo.demo.play import look, quiet, submit
from relevo.demo.stage import Stage
from runtime.kafka.offsets import end_offsets
from runtime.kafka.reader import BEGINNING, read_partition
from schemas import topics
from schemas.outcome import Outcome, merge

pytestmark = pytest.mark.timeout(300)
LINE, FOREIGN = "56955555551", "56955555552"
TENANTS = (
    scenario.DemoTenant("raiz", "Tienda Raíz", (scenario.DemoLine(LINE),)),
    scenario.DemoTenant("ajena", "Tienda Ajena", (scenario.DemoLine(FOREIGN),)),
)
ORDERS = scenario.DemoCampaign("raiz", "order_update", 60, ("nombre", "pedido"))
QUICK = {
    "RELEVO_LEASE_BACKOFF_S": "0.2",
    "RELEVO_LEASE_BACKOFF_MAX_S": "1",
    "RELEVO_EGRESS_YOUNG_TOKEN_S": "3",  # a second dead token is believed soon
}
KNOBS = {
    "hsm_form": "root",
    "hsm_id": "text",
    "hsm_partial": "sync_partial",
    "hsm_bad": 0.2,
    "foreign_did": "lost",
    "webhooks": {"customer_messages": "both"},
    "receipts": {"failed": 0, "lost": 0},
}


def tenant_file(tenant: scenario.DemoTenant, chattigo: str) -> str:
    """Batches as this Chattigo wants them; the second tenant sends by an account that its number is not of."""
    data = yaml.safe_load(scenario.tenant_file(tenant, chattigo))
    data["accounts"]["hsm"] |= {"hsm_form": "root", "hsm_id": "text"}
    data["accounts"]["isv"]["username"] = scenario.username(TENANTS[0])
    return str(yaml.safe_dump(data, sort_keys=False, allow_unicode=True))


async def test_at_several_knobs_that_nobody_documents_all_adds_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, TENANTS, seed=5, env=QUICK, agents=("menu",), tenant_file=tenant_file)
    async with stage:
        await stage.call("PATCH", "knobs", KNOBS)
        for did, url in stage.webhooks.items():
            await stage.call("POST", "webhooks", {"did": did, "url": url, "kind": "outbound"})
        script = {"dids": [LINE, FOREIGN], "customers": 12, "messages": 40, "rate": 20, "types": ["text"], "seed": 7}
        run = (await stage.call("POST", "customers/run", script))["run"]
        await submit(stage, ORDERS)
        await _until(stage, lambda lines: _batches(lines, ORDERS.template) == 1, "the first campaign is taken")
        await _too_many_logins(stage)
        while not (await stage.call("GET", f"customers/run/{run}"))["done"]:  # noqa: ASYNC110 - asked over HTTP
            await asyncio.sleep(0.2)
        ending = await quiet(stage, 120)
        if ending.result.quiet:
            ending = await asyncio.to_thread(look, stage)
        told = await asyncio.to_thread(_outcomes, stage)
        lines = [msgspec.json.decode(line) for line in stage.ledger.read_bytes().splitlines()]
    assert ending.result.violations == []
    assert ending.result.quiet, (ending.result.events.pending[:5], ending.result.messages.pending[:5])
    assert ending.result.events.duplicates >= 20, "what comes by both registrations is one event"
    assert ending.result.messages.in_doubt == []

    taken = {one["contact"] for one in lines if one["type"] == "recipient"}
    of_campaigns = [one for one in told.values() if one.campaign]
    states = Counter(one.state for one in of_campaigns)
    assert len(of_campaigns) == ORDERS.recipients
    assert {one.contact for one in of_campaigns if one.state == "failed"} == {
        one.contact for one in of_campaigns if one.contact not in taken
    }
    assert 4 <= states["failed"] < len(of_campaigns) / 2
    assert {one.code for one in of_campaigns if one.state == "failed"} == {"131026"}
    assert states.keys() <= {"failed", "accepted", "sent", "delivered", "read"}

    lost = {one.state for one in told.values() if one.did == FOREIGN}
    assert lost == {"accepted"}, "answered 200 and never heard of: no receipt says that it arrived"
    assert not [one for one in lines if one["type"] == "message" and one["did"] == FOREIGN]


class Told(msgspec.Struct):
    """What a reader of `outcomes` knows of one message."""

    did: str
    contact: str
    campaign: str
    state: str
    code: str


def _outcomes(stage: Stage) -> dict[str, Told]:
    topic, found = topics.OUTCOMES, dict[str, Told]()
    places = [(topic.name, number) for number in range(topic.count(topics.PROFILES["laptop"]))]
    for place, end in end_offsets(stage.kafka, places, committed=True).items():
        for message in read_partition(stage.kafka, *place, BEGINNING, end):
            one: Outcome = topic.decoder().decode(message.value())  # type: ignore[arg-type]
            for name, contact in zip(one.message_ids, one.contacts, strict=True):
                before = found.get(name)
                state = merge(before.state if before else None, one.state)
                if before is None or state != before.state:
                    found[name] = Told(one.did, contact, one.campaign, state, one.code)
    return found


async def _too_many_logins(stage: Stage) -> None:
    """The account's token dies twice within a minute, and the second login is one too many, which is answered 401: as a
    wrong password would be, so it is tried again later, and not hammered."""
    await stage.call("PATCH", "knobs", {"logins": {"per_minute": 1, "status": 401}})
    for number, tries in enumerate((1, 2), 1):
        await stage.call("POST", "tokens/expire", {"service": "isv", "username": scenario.username(TENANTS[0])})
        before = await _logins(stage)
        await stage.call("POST", "customers/say", {"did": LINE, "contact": f"5694444444{number}", "message": "hola"})
        await _until(stage, lambda lines: len(_tried(lines)) >= before + 1, f"login {tries}")  # noqa: B023
    await _until(stage, lambda lines: 401 in [one["status"] for one in _tried(lines)], "a login is answered 401")
    await stage.call("PATCH", "knobs", {"logins": {"per_minute": 0}})


async def _logins(stage: Stage) -> int:
    return len(_tried((await stage.call("GET", "ledger?limit=100000"))["entries"]))


def _tried(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in lines if one["type"] == "call" and one["route"] == "isv.login"]


def _batches(lines: list[dict[str, Any]], template: str) -> int:
    return len({one["call"] for one in lines if one["type"] == "recipient" and one["template"] == template})


async def _until(stage: Stage, condition: Callable[[list[dict[str, Any]]], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition((await stage.call("GET", "ledger?limit=100000"))["entries"]):
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.3)
