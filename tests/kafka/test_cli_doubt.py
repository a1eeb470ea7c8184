"""`relevo doubt` against a genuine Kafka, with doubts that a real egress worker has."""

from __future__ import annotations

import asyncio
import os
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec
import pytest
from typer.testing import CliRunner

from egress.lines.work import outcome_record, plan_record
from relevo.cli.program import app
from runtime.clock import now_ms
from schemas.journal import CallOutcome, Plan, PlannedMessage
from schemas.line_command import DecideDoubt
from schemas.session import Template
from tests.builders.egress import ROOT, SmallChattigo, World, cloud_status, in_turn, status, until


class Ran(NamedTuple):
    """How a command ended and what it wrote."""

    code: int
    out: str
    err: str


@pytest.fixture
async def world(broker: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    for name in [name for name in os.environ if name.startswith("RELEVO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RELEVO_KAFKA_BOOTSTRAP", broker)
    monkeypatch.setenv("COLUMNS", "200")
    did = f"569{uuid.uuid4().int % 10**8:08d}"
    async with SmallChattigo() as chattigo, World(broker, chattigo, did) as made:
        yield made


async def doubt(*arguments: object, answer: str = "") -> Ran:
    """`relevo doubt …` in a thread of this process."""
    ran = await asyncio.to_thread(CliRunner().invoke, app, ["doubt", *map(str, arguments)], input=answer)
    assert ran.exception is None or isinstance(ran.exception, SystemExit), ran.exception
    return Ran(ran.exit_code, ran.stdout, ran.stderr)


def followed(world: World, message_id: str) -> list[str]:
    """The states of a message as the example of docs/outcomes.md tells them, up to accepted."""
    [block] = re.findall(r"^```python\n(.*?)^```$", (ROOT / "docs/outcomes.md").read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "outcomes_example"}
    exec(compile(block, "docs/outcomes.md", "exec"), names)
    told: list[str] = []

    def handle(change: dict[str, str]) -> bool:
        if change["message_id"] == message_id:
            told.append(change["state"])
        return "accepted" not in told

    names["follow"](world.kafka.bootstrap, f"isv-{world.did}", {}, handle)
    return told


async def listed(world: World) -> list[dict[str, Any]]:
    ran = await doubt("ls", "--line", world.did, "--json")
    assert ran.code == 0, ran.err
    rows: list[dict[str, Any]] = msgspec.json.decode(ran.out)
    return rows


async def doubts_are(world: World, count: int) -> list[dict[str, Any]]:
    """The doubts as they are listed, once the journal has told of so many."""

    async def there() -> bool:
        return sum(outcome.result == "in_doubt" for outcome in await world.call_outcomes()) >= count

    await until(there, f"{count} doubts are on record")
    return await listed(world)


def batch(world: World, count: int) -> list[Any]:
    promo = Template(name="promo", language="es", body=["x"])
    return [world.message(f"t{n}", f"5697{n}", content=promo, send_class="marketing") for n in range(count)]


async def test_a_doubt_is_listed_shown_and_sent_again_once_on_record(world: World) -> None:
    world.chattigo.behave = in_turn(status(502))
    await world.worker()
    await world.replies(("e1", "56911"))
    [row] = await doubts_are(world, 1)
    plan_id = row["plan"]
    assert (row["tenant"], row["line"], row["class"]) == (world.tenant, world.did, "reply")
    assert (row["recipients"], row["status"], row["next"]) == (1, 502, "nothing")
    listing = (await doubt("ls", "--tenant", world.tenant)).out.splitlines()
    assert len(listing) == 2, "a line for the call, and one for all"
    assert listing[0].startswith(f"{plan_id}  ")
    assert f"  {world.tenant}  {world.did}  reply  1 recipient  next: nothing  502 " in listing[0]
    assert listing[1].startswith("1 call in doubt, 1 recipient; ")

    shown = await doubt("show", plan_id)
    assert "attempt 1 (this)" in shown.out
    assert "in doubt: 1 recipient may have it or not" in shown.out
    assert "a receipt settles it" in shown.out
    assert f"relevo doubt resend {plan_id} --why" in shown.out
    assert "56911" not in shown.out.replace(world.did, "")
    assert "to 56911" in (await doubt("show", plan_id, "--contacts")).out

    refused = await doubt("resend", plan_id, "--why", "she asked", answer="n\n")
    assert (refused.code, len(world.chattigo.calls)) == (1, 1)
    assert "nothing was ordered" in refused.err
    assert "1 recipient may get it a second time, and each may be paid for twice" in refused.err

    sent = await doubt("resend", plan_id, "--why", "she asked", "--yes")
    assert sent.code == 0, sent.err
    [again] = [plan for plan in await world.plans() if plan.resend_of]
    message_id = again.messages[0].id
    assert f"sent again as plan {again.plan_id}" in sent.out
    assert (again.resend_of, again.resend_why, again.attempt) == (plan_id, "person", 2)
    assert await asyncio.to_thread(followed, world, message_id) == ["in_doubt", "accepted"]
    assert len(world.chattigo.calls) == 2, "one more call was made"
    assert "no call is in doubt" in (await doubt("ls", "--line", world.did)).out
    told = (await doubt("show", plan_id)).out
    assert f"attempt 2: plan {again.plan_id}" in told
    assert f"resend of {plan_id} (person)" in told
    assert "order: resend by " in told
    assert ": she asked\n" in told
    once_more = await doubt("resend", plan_id, "--why", "again", "--yes")
    assert once_more.code == 1
    assert f"not in doubt: its messages were sent again by plan {again.plan_id}" in once_more.err
    assert len(await world.read("lines.commands", DecideDoubt)) == 1


async def test_a_batch_is_dropped_and_what_a_receipt_settled_is_not(world: World) -> None:
    world.chattigo.behave = in_turn(status(502), status(502))
    await world.worker()
    templates = batch(world, 25)
    await world.send("outbound.templates", *templates)
    [row] = await doubts_are(world, 1)
    dropped = row["plan"]
    shown = (await doubt("show", dropped)).out
    assert "a receipt of any one recipient settles the whole call" in shown
    assert "and 5 more; see them with --all" in shown
    ended = await doubt("drop", dropped, "--why", "stale by now", "--yes")
    assert (ended.code, ended.out.startswith("dropped: 25 recipients")) == (0, True), ended.err
    assert "25 recipients will not be sent it again" in ended.err
    assert await world.messages_in("dead") == {message.id for message in templates}
    assert "not in doubt: a person dropped it at " in (await doubt("drop", dropped, "--why", "x", "--yes")).err

    message = world.message("e1", "56911", expires_ms=now_ms() + 2000)
    await world.send("outbound.replies", message)
    [row] = await doubts_are(world, 2)
    settled = row["plan"]
    await until(lambda: now_ms() >= message.expires_ms, "the gate would refuse it now")
    late = await doubt("resend", settled, "--why", "x", "--yes")
    assert late.code == 1
    assert "the resend was refused: expired; the plan stays in doubt" in late.err
    await world.receipt(cloud_status(world.did, message.id, "56911", "delivered"))

    async def delivered() -> bool:
        return message.id in await world.messages_in("delivered")

    await until(delivered, "the receipt settles it")
    refused = await doubt("resend", settled, "--why", "x", "--yes")
    assert refused.code == 1
    assert "not in doubt: it is settled since " in refused.err
    shown = (await doubt("show", settled)).out
    assert "on outcomes: 1 delivered" in shown
    assert f"message {message.id}: delivered; delivered 20" in shown
    assert len(world.chattigo.calls) == 2


def handmade(world: World, at_ms: int) -> Plan:
    message = world.message("e1", "56911")
    return Plan(
        plan_id=f"p{world.did}", tenant=world.tenant, did=world.did, account="isv|x", route="session",
        send_class="reply", messages=[PlannedMessage(message.id, "56911", "56911", "outbound.replies", 0)],
        digest="d", deadline_ms=at_ms + 5000, at_ms=at_ms,
    )  # fmt: skip


async def test_where_no_worker_answers_the_command_says_what_stands(world: World) -> None:
    plan = handmade(world, now_ms())
    await world.put(plan_record(world.partition, plan))
    assert "may still be under way" in (await doubt("show", plan.plan_id)).out
    plan = msgspec.structs.replace(handmade(world, now_ms() - 3_600_000), plan_id=f"q{world.did}")
    await world.put(plan_record(world.partition, plan))
    assert [(row["plan"], row["next"]) for row in await listed(world)] == [(plan.plan_id, "declared")]
    assert "none owns the line now" in (await doubt("show", plan.plan_id)).out
    unowned = await doubt("resend", plan.plan_id, "--why", "x", "--yes", "--wait", 1)
    assert unowned.code == 1
    assert "no egress worker answered within 1 s, and nothing was ordered" in unowned.err
    assert await world.read("lines.commands", DecideDoubt) == []

    outcome = CallOutcome(plan_id=plan.plan_id, did=world.did, result="in_doubt", at_ms=now_ms(), code="broken")
    await world.put(outcome_record(world.partition, world.tenant, outcome))
    asked = await doubt("drop", plan.plan_id, "--why", "x", "--yes", "--wait", 1)
    assert asked.code == 1
    assert "The order stands on lines.commands" in asked.err
    [order] = await world.read("lines.commands", DecideDoubt)
    assert (order.plan_id, order.action) == (plan.plan_id, "drop")


async def test_what_is_no_plan_is_said(world: World) -> None:
    ran = await doubt("resend", "nope", "--why", "x")
    assert ran.code == 1
    assert "the journal has no plan 'nope'" in ran.err
    assert (await doubt("drop", "nope", "--why", " ")).code == 2
    assert (await doubt("drop", "nope")).code == 2
